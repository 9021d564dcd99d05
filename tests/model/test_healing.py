"""Token healing: what is taken back is written again, whatever the tokens are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_model.engine.healing import MOST_BYTES, TokenTexts

LETTERS = [bytes([letter]) for letter in b"abcdefghijklmnopqrstuvwxyz. (=_"]
WORDS = [b" numpy", b"numpy", b" num", b"py", b"\n", b"\n    ", b"\n        ", b"    ", b"import", b"\xc3", b"\xa9"]
VOCABULARY: list[bytes | None] = [None, *LETTERS, *WORDS]
TEXTS = TokenTexts(VOCABULARY)


def number(text: bytes) -> int:
    return VOCABULARY.index(text)


def tokens_of(text: str) -> list[int]:
    """Longest match first, which is not how BPE splits, but splits as badly at a caret."""
    raw, tokens = text.encode(), [0]
    while raw:
        best = max((known for known in VOCABULARY if known and raw.startswith(known)), key=len)
        tokens.append(number(best))
        raw = raw[len(best) :]
    return tokens


@pytest.mark.parametrize(
    ("prompt", "taken"),
    [
        ("import nump", " nump"),
        ("import numpy", " numpy"),
        ("np.", "."),
        ("x = ", " "),
        ("def f(\n    ", "\n    "),
        ("a\n", "\n"),
        ("x = (", " ("),
        ("é", "é"),
        ("a é", " é"),
    ],
)
def test_the_last_piece_is_taken_back(prompt: str, taken: str) -> None:
    healed = TEXTS.heal(tokens_of(prompt))
    assert healed.text == taken


@pytest.mark.parametrize(
    ("prompt", "taken"),
    [
        ("if a.\n    b = c\n    ", ""),
        ("if a.\n    b = c\n\n    ", ""),
        ("if a.\n    b = c\n  ", "\n  "),
        ("if a.\n    b = c\n        ", "\n        "),
        ("    f(\n    ", "\n    "),
    ],
)
def test_an_indentation_is_taken_back_unless_it_is_whole(prompt: str, taken: str) -> None:
    assert TEXTS.heal(tokens_of(prompt)).text == taken


def test_an_indentation_of_several_tokens_is_always_taken_back() -> None:
    texts = [None, b"a", b"\n", b"    "]
    assert TokenTexts(texts).heal([0, 1, 2, 3, 1, 2, 3]).text == "\n    "


def test_tokens_that_reach_over_the_piece_are_taken_back_whole() -> None:
    healed = TokenTexts([None, b"a", b"b.", b"c"]).heal([0, 1, 2, 3])
    assert (healed.tokens, healed.text) == ([0, 1, 2], "c")
    assert TokenTexts([None, b"a", b"b.", b"c."]).heal([0, 1, 3]).text == "c."


def test_a_prompt_of_one_piece_is_left_as_it_is() -> None:
    only = [number(b"import")]
    assert TEXTS.heal(only).tokens == only


def test_a_long_piece_is_left_as_it_is() -> None:
    tokens = tokens_of("a " + "z" * (MOST_BYTES + 1))
    assert TEXTS.heal(tokens).tokens == tokens


def test_tokens_without_a_text_are_never_taken_back() -> None:
    tokens = [number(b"a"), 0, number(b"b")]
    assert TEXTS.heal(tokens).tokens == tokens[:2]
    assert TEXTS.heal(tokens[:2]).tokens == tokens[:2]


@given(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz. (=_\né"), max_size=80))
def test_what_is_fed_and_what_is_taken_back_are_the_prompt(prompt: str) -> None:
    healed = TEXTS.heal(tokens_of(prompt))
    fed = b"".join(VOCABULARY[token] or b"" for token in healed.tokens)
    assert fed + healed.text.encode() == prompt.encode()
    assert len(healed.tokens) >= 1


@given(st.text(st.sampled_from("nump y\n"), min_size=1, max_size=12))
def test_allowed_tokens_are_those_that_agree_with_the_text(text: str) -> None:
    raw = text.encode()
    agreeing = {
        token for token, known in enumerate(VOCABULARY) if known and (known.startswith(raw) or raw.startswith(known))
    }
    assert set(TEXTS.allowed(raw)) == agreeing
    assert len(TEXTS.allowed(raw)) == len(agreeing)


@given(st.text(st.sampled_from("nump y\n"), min_size=1, max_size=12), st.randoms())
def test_any_way_through_the_allowed_tokens_writes_the_text_again(text: str, chance: object) -> None:
    rest, written = text.encode(), b""
    while rest:
        token = chance.choice(TEXTS.allowed(rest))  # type: ignore[attr-defined]  # hypothesis' own random.Random
        written += VOCABULARY[token] or b""
        rest = TEXTS.rest(rest, token)
    assert written.startswith(text.encode())
