from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_model.engine.healing import Healed
from neocaret_model.engine.plan import plan_request
from neocaret_model.engine.port import GenerationRequest
from neocaret_model.errors import RequestError


def one_token_each(text: str) -> list[int]:
    return [ord(character) for character in text]


@given(st.integers(1, 3_000), st.integers(1, 300), st.integers(2, 200))
def test_prompt_and_continuation_fit_the_positions(length: int, max_new_tokens: int, positions: int) -> None:
    plan = plan_request(GenerationRequest("x" * length, max_new_tokens=max_new_tokens), one_token_each, positions)
    assert len(plan.tokens) >= 1
    assert 1 <= plan.new_tokens <= max_new_tokens
    assert len(plan.tokens) + plan.new_tokens <= positions


@given(st.text("abc", min_size=1, max_size=400), st.integers(2, 50))
def test_what_is_kept_is_the_end_of_the_prompt(prompt: str, positions: int) -> None:
    plan = plan_request(GenerationRequest(prompt, max_new_tokens=1), one_token_each, positions)
    assert one_token_each(prompt)[-len(plan.tokens) :] == plan.tokens
    assert plan.document == one_token_each(prompt)
    assert plan.prompt_tokens == len(prompt)


def test_what_is_taken_back_is_no_part_of_the_document() -> None:
    request = GenerationRequest("x" * 80 + "y", max_new_tokens=1, heal=True)
    plan = plan_request(request, one_token_each, 50, lambda tokens: Healed(tokens[:-1], "y"))
    assert plan.rewritten == "y"
    assert plan.document == one_token_each("x" * 80)


def test_typing_does_not_move_the_left_edge() -> None:
    text = "".join(chr(code) for code in range(1_000, 1_400))
    firsts = {
        plan_request(GenerationRequest(text[:end], max_new_tokens=10), one_token_each, 110).tokens[0]
        for end in range(201, 220)
    }
    assert len(firsts) == 1


def test_both_bounds_hold() -> None:
    def new_tokens(max_new_tokens: int, max_length: int) -> int:
        request = GenerationRequest("x" * 10, max_new_tokens=max_new_tokens, max_length=max_length)
        return plan_request(request, one_token_each, 100).new_tokens

    assert new_tokens(5, 50) == 5
    assert new_tokens(50, 15) == 5
    assert new_tokens(500, 500) == 90


def test_a_surrogate_is_counted_from_the_prompts_beginning_even_where_it_is_cut() -> None:
    with pytest.raises(RequestError, match="character 5001 is a lone surrogate"):
        plan_request(GenerationRequest("x" * 5_000 + "\ud800"), one_token_each, 4)


def test_a_prompt_of_no_tokens_is_refused() -> None:
    with pytest.raises(RequestError, match="comes to no tokens"):
        plan_request(GenerationRequest("x"), lambda _text: [], 10)
