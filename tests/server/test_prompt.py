from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.prompt import (
    GRID,
    MOST_CHARACTERS,
    NEAR_CHARACTERS,
    Surroundings,
    build_prompt,
    for_document,
    for_model,
    left_edge,
    text_elsewhere,
)


def around(before: str, below: str = "") -> Surroundings:
    return Surroundings(before[-NEAR_CHARACTERS:], len(before), below)


def prompt_of(before: str) -> str:
    return build_prompt(around(before))


def test_a_short_text_is_the_prompt() -> None:
    assert prompt_of("import os\n\nos.") == "import os\n\nos."


def test_nothing_makes_an_empty_prompt() -> None:
    assert prompt_of("") == ""


@given(st.integers(0, 10 * MOST_CHARACTERS))
def test_the_edge_leaves_enough_and_not_too_much(length: int) -> None:
    edge = left_edge(length)
    assert edge % GRID == 0
    assert length - edge <= MOST_CHARACTERS
    assert edge == 0 or length - edge > MOST_CHARACTERS - GRID


def test_the_left_edge_holds_still_while_typing() -> None:
    text = "value = compute(other)\n" * 2_000
    starts = {prompt_of(text + "x" * typed)[:100] for typed in range(0, 1_000, 10)}
    assert len(starts) <= 2


def test_a_million_characters_are_cut_at_the_start_of_a_line() -> None:
    text = "a = 1\n" * 200_000 + "b = "
    prompt = prompt_of(text)
    assert len(prompt) <= MOST_CHARACTERS
    assert prompt.startswith("a = 1\n")
    assert text.endswith(prompt)


def test_one_line_of_a_million_characters_is_cut_anywhere() -> None:
    prompt = prompt_of("x" * 1_000_000)
    assert MOST_CHARACTERS - GRID < len(prompt) <= MOST_CHARACTERS


def elsewhere_of(before: str, below: str = "") -> tuple[str, ...]:
    return text_elsewhere(around(before, below))


def test_elsewhere_in_a_short_document_is_what_stands_below_the_carets_line() -> None:
    assert elsewhere_of("import os\nos.", "b = 2\r\n") == ("b = 2\n",)
    assert elsewhere_of("import os\nos.", "\n  \n") == ()
    assert elsewhere_of("import os\nos.") == ()


@given(st.integers(0, 5 * MOST_CHARACTERS), st.integers(0, 5 * MOST_CHARACTERS))
def test_elsewhere_begins_where_the_prompt_ends_and_is_bounded(before: int, after: int) -> None:
    digits = "".join(map(str, range(20_000)))[: before + after]
    texts = elsewhere_of(digits[:before], digits[before:])
    edge = left_edge(before)
    expected = (digits[max(0, edge - MOST_CHARACTERS) : edge], digits[before:][:MOST_CHARACTERS])
    assert texts == tuple(text for text in expected if text)


def test_elsewhere_holds_still_while_typing() -> None:
    text = "value = compute(other)\n" * 2_000
    assert len({elsewhere_of(text + "x" * typed, "c = 3\n") for typed in range(0, 1_000, 10)}) <= 2


@given(st.text(st.characters(), max_size=200), st.integers(1, 400))
def test_the_prompt_is_an_end_of_the_text_for_the_model(text: str, times: int) -> None:
    before = text * times
    assert for_model(before).endswith(prompt_of(before))


@pytest.mark.parametrize(
    ("text", "given_to_the_model"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\ud83d", "\ufffd"),
        ("a\udc00b", "a\ufffdb"),
        ("\ud83d\ude00", "😀"),
        ("nul \0 and 😀", "nul \0 and 😀"),
    ],
)
def test_text_for_the_model(text: str, given_to_the_model: str) -> None:
    assert for_model(text) == given_to_the_model


@given(st.text(st.characters(codec=None)))
def test_text_for_the_model_can_always_be_encoded(text: str) -> None:
    for_model(text).encode()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_continuation_takes_the_line_ends_of_the_document(line_end: str) -> None:
    assert for_document("a\nb\r\nc", line_end) == f"a{line_end}b{line_end}c"
