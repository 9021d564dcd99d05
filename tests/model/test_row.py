from __future__ import annotations

from collections.abc import Sequence

import pytest

from neocaret_model.engine.port import Continuation
from neocaret_model.engine.row import Row
from neocaret_model.text_stream import RedecodedStream


def spell(tokens: Sequence[int]) -> str:
    return "".join(map(chr, tokens))


def grown(text: str, *stop: str, ends_text: bool = False, most: int = 99) -> Row[None]:
    row: Row[None] = Row(None, stop, RedecodedStream(spell), most)
    for place, character in enumerate(text):
        row.take(ord(character), -0.5, -0.25, ends_text=ends_text and place == len(text) - 1)
    return row


def test_a_row_that_was_left_alone_was_cancelled() -> None:
    assert grown("ab").continuation() == Continuation("ab", 2, -0.5, "cancelled", -0.5)


def test_a_row_without_tokens_has_no_logprob() -> None:
    assert grown("").continuation() == Continuation("", 0, 0.0, "cancelled", 0.0)


def test_a_row_that_ran_out_says_so() -> None:
    row = grown("ab", most=3)
    assert (row.finish_reason, row.left) == (None, 1)
    assert grown("abc", most=3).continuation() == Continuation("abc", 3, -0.5, "length", -0.75)


def test_a_stop_text_spanning_tokens_ends_the_text_before_it() -> None:
    row = grown("x\n\n", "\n\n", most=3)
    assert row.continuation() == Continuation("x", 3, -0.5, "stop", -0.75)


def test_the_end_of_text_is_a_reason_of_its_own() -> None:
    assert grown("ab", ends_text=True).continuation().finish_reason == "eos"


def repeating(text: str) -> Row[None]:
    row: Row[None] = Row(None, (), RedecodedStream(spell), 999, stop_repeating=True)
    for character in text:
        if row.finish_reason is None:
            row.take(ord(character), -0.5, -0.25, ends_text=False)
    return row


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a = 1\nprint(a)\nprint(a)\nprint(a)\nmore", "a = 1\nprint(a)"),
        (" = 1\n\nshow(x)\n\nshow(x)\n\nshow(x)\n\nshow", " = 1\n\nshow(x)"),
        (
            "".join(f"line {number % 8}\n" for number in range(99)),
            "".join(f"line {number}\n" for number in range(8))[:-1],
        ),
        ("def test_writable_writable_writable_writable_w", "def test_writable"),
        ("parser.parse_args(parser.parse_args(parser.parse_args(", "parser.parse_args("),
        ("The test for the test for the test for the test for the", "The test for the"),
    ],
)
def test_what_repeats_ends_the_text_and_stays_once(text: str, kept: str) -> None:
    row = repeating(text)
    assert row.continuation().finish_reason == "repetition"
    assert row.continuation().text == kept


@pytest.mark.parametrize(
    "text",
    [
        "print(a)\nprint(a)\nb = 1\nprint(a)\nprint(a)\n",
        "]\n]\n]\n]\n",
        "\n\n\n\n\n\n\n",
        "    0,\n    0,\n    0,\n    0,\n",
        "print(a)\nprint(a)\nprint(a)",
        "x = (None, None, None, None, None, None)",
        "------------------------------------------------------------------------",
        "first(value), first(value), first(value)",
        "".join(f"line {number % 9}\n" for number in range(99)),
    ],
)
def test_what_may_repeat_does_not_end_the_text(text: str) -> None:
    row = repeating(text)
    assert row.finish_reason is None
    assert row.continuation().text == text


def test_a_rule_of_the_one_who_asked_ends_the_text_where_it_says() -> None:
    row: Row[None] = Row(None, (), RedecodedStream(spell), 99, ends=lambda text: 2 if "c" in text else None)
    for letter in "abcd":
        if row.finish_reason is None:
            row.take(ord(letter), -0.5, -0.25, ends_text=False)
    assert row.continuation() == Continuation("ab", 3, -0.5, "stop", -0.75)
