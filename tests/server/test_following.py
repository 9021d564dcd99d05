"""What is being generated is followed as long as it may be what is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.backend import Candidate, FinishReason
from neocaret_server.documents import Document, Place
from neocaret_server.following import CaretAt, goes_on, inserted_since, typed_since, whole_part


def at(marked: str) -> CaretAt:
    """A caret where the bar stands."""
    before, _, after = marked.partition("|")
    document = Document.of("file:///x.py", "python", 1, before + after)
    lines = before.replace("\r\n", "\n").split("\n")
    return CaretAt(document, Place(len(lines) - 1, len(lines[-1])))


def growing(text: str) -> Candidate:
    return Candidate(text, -0.1, 1, "cancelled")


def ended(text: str, reason: FinishReason = "eos") -> Candidate:
    return Candidate(text, -0.1, 1, reason)


@pytest.mark.parametrize(
    ("then", "now", "text", "closers"),
    [
        ("x = |", "x = |", "", ""),
        ("x = |", "x = fo|", "fo", ""),
        ("x = |\ny", "x = f\n  |\nz", "f\n  ", ""),
        ("if x:|\r\n", "if x:\r\n  |\r\n", "\n  ", ""),
        ("f|", "f(|)", "(", ")"),
        ("f(|)", "f(a|)", "a", ""),
    ],
)
def test_what_was_typed_between_two_carets(then: str, now: str, text: str, closers: str) -> None:
    typed = typed_since(at(then), at(now), 10)
    assert typed is not None
    assert (typed.text, typed.closers) == (text, closers)


@pytest.mark.parametrize(
    ("then", "now"),
    [("x = f|", "x = |"), ("x = |", "y = f|"), ("x = |", "x = f| + 1"), ("x = |", "x = " + "f" * 21 + "|")],
)
def test_anything_else_is_nothing_typed(then: str, now: str) -> None:
    assert typed_since(at(then), at(now), 10) is None


@pytest.mark.parametrize(
    ("then", "now", "inserted"),
    [
        ("x = |\ny", "x = fo|\ny", "fo"),
        ("x = |\r\ny", "x = f\r\n  |\r\ny", "f\n  "),
        ("f|", "f(|)", "("),
        ("x = |", "x = |", ""),
        ("x = f|", "x = |", None),
        ("x = |", "y = f|", None),
    ],
)
def test_what_a_later_version_has_more_at_the_caret(then: str, now: str, inserted: str | None) -> None:
    assert inserted_since(at(then), at(now).document) == inserted


@pytest.mark.parametrize(
    ("candidates", "typed", "fits"),
    [
        ([], "", True),
        ([], "f", False),
        ([growing("")], "", True),
        ([growing("")], "f", False),
        ([growing("f")], "foo", True),
        ([growing("fa")], "foo", False),
        ([growing("foo(")], "foo", True),
        ([growing("bar"), growing("fo")], "foo", True),
        ([ended("f")], "foo", False),
        ([ended("foo")], "foo", False),
        ([ended("foo(1)")], "foo", True),
    ],
)
def test_candidates_that_may_begin_with_what_was_typed(candidates: list[Candidate], typed: str, fits: bool) -> None:
    assert goes_on(candidates, typed) == fits


@given(st.text("ab(\n", min_size=1, max_size=8), st.integers(0, 7), st.integers(1, 8))
def test_what_turns_out_right_is_never_given_up_once_it_has_text(whole: str, typed: int, grown: int) -> None:
    now = growing(whole[:grown]) if grown < len(whole) else ended(whole)
    assert goes_on([growing("zz"), now], whole[: min(typed, len(whole) - 1)])


@pytest.mark.parametrize(
    ("candidate", "single_line", "text"),
    [
        (ended("foo(1)", "stop"), True, "foo(1)"),
        (ended("foo(1)\nb", "length"), False, "foo(1)\nb"),
        (growing("foo(1"), True, None),
        (growing("foo(1"), False, None),
        (growing("\n  "), False, None),
        (growing("a = 1\nb = 2\nc"), False, "a = 1\nb = 2"),
    ],
)
def test_whole_part_is_what_will_not_change(candidate: Candidate, single_line: bool, text: str | None) -> None:
    part = whole_part([candidate], single_line=single_line)
    assert [each.text for each in part] == ([] if text is None else [text])
    assert all(each.finish_reason != "cancelled" for each in part)
