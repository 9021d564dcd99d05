"""Where a suggestion leads that is accepted, and what of what follows is kept."""

from __future__ import annotations

import pytest

from neocaret_server.backend import Candidate, FinishReason
from neocaret_server.documents import Document, Place
from neocaret_server.following import CaretAt
from neocaret_server.look_ahead import accepted, by_lines, whole_lines


@pytest.mark.parametrize(
    ("before", "after", "text", "place"),
    [
        ("x = ", "", "foo(1)", Place(0, 10)),
        ("é𝕏 = f(", ")", "a", Place(0, 8)),
        ("def f():\r\n    ", "\r\nx\r\n", "a = 1\n    return a", Place(2, 12)),
    ],
)
def test_caret_stands_behind_what_would_be_accepted(before: str, after: str, text: str, place: Place) -> None:
    document = Document.of("file:///x.py", "python", 1, before + after)
    line_end = "\r\n" if "\r\n" in before else "\n"
    lines = before.split("\r\n")
    made = accepted(CaretAt(document, Place(len(lines) - 1, len(lines[-1]))), text)
    assert made.place == place
    assert made.document.text == before + text.replace("\n", line_end) + after
    assert made.document.before(made.place) == before + text.replace("\n", line_end)


@pytest.mark.parametrize(
    ("text", "reason", "ended"),
    [
        ("\n    a = 1\n    b", "length", "\n    a = 1"),
        ("\n    a", "length", "\n    a"),
        ("a = 1", "length", "a = 1"),
        ("\n    a = 1\n    b", "eos", "\n    a = 1\n    b"),
    ],
)
def test_line_that_was_cut_off_is_left_out(text: str, reason: FinishReason, ended: str) -> None:
    assert [each.text for each in whole_lines([Candidate(text, 0.0, 1, reason)])] == [ended]


def test_where_a_suggestion_has_one_line_what_comes_below_is_kept_apart() -> None:
    texts = ["\n    a", ".b()\n    c", ".b()\n    d", "  \n  e"]
    assert by_lines(texts, single=True) == [["\n    a", "  \n  e"], [".b()"]]
    assert by_lines(texts, single=False) == [texts]
