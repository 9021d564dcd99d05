from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_model.engine.window import CHARACTERS_PER_POSITION, new_token_limit, text_start, window_start

lengths = st.integers(0, 100_000)
budgets = st.integers(1, 4_000)


@given(lengths, budgets)
def test_what_is_kept_fits_the_budget_and_is_never_empty(length: int, budget: int) -> None:
    kept = length - window_start(length, budget)
    assert kept <= budget
    assert kept >= min(length, 1)


@given(lengths, budgets)
def test_a_prompt_that_fits_is_not_cut(length: int, budget: int) -> None:
    assert (window_start(length, budget) == 0) == (length <= budget)


@given(lengths, budgets)
def test_at_least_half_of_the_budget_is_used(length: int, budget: int) -> None:
    kept = length - window_start(length, budget)
    assert kept >= min(length, budget * 0.6)


@given(lengths, st.integers(10, 4_000))
def test_typing_moves_the_left_edge_only_once_in_forty_percent_of_the_budget(length: int, budget: int) -> None:
    typed = range(length, length + int(budget * 0.4))
    assert len({window_start(now, budget) for now in typed}) <= 2


@given(lengths, lengths, budgets)
def test_the_left_edge_never_moves_back_while_the_prompt_grows(one: int, other: int, budget: int) -> None:
    shorter, longer = sorted((one, other))
    assert window_start(shorter, budget) <= window_start(longer, budget)


@pytest.mark.parametrize(
    ("wanted", "prompt", "allowed"),
    [(64, 19, 64), (10**6, 19, 2029), (10**6, 2000, 1024), (1000, 10**6, 1000), (10**6, 1, 2047)],
)
def test_no_wish_for_length_costs_a_short_prompt_or_half_of_a_long_one(wanted: int, prompt: int, allowed: int) -> None:
    assert new_token_limit(wanted, prompt, positions=2048) == allowed


def test_an_ordinary_prompt_is_tokenized_whole() -> None:
    assert text_start("x" * 100 * CHARACTERS_PER_POSITION, 100) == 0


@given(st.integers(1, 30), st.integers(0, 3_000), st.integers(1, 80))
def test_a_huge_prompt_is_cut_to_its_end_at_a_line_where_one_is_near(positions: int, lines: int, width: int) -> None:
    text = ("x" * width + "\n") * lines
    start = text_start(text, positions)
    assert len(text) - start <= positions * CHARACTERS_PER_POSITION
    assert start == 0 or width >= positions or text[start - 1] == "\n"
    assert start < len(text) or not text
