from __future__ import annotations

import pytest

from neocaret_model.benchmarks.errors import BenchmarkError
from neocaret_model.benchmarks.workload import REQUESTS, SLACK, TYPED, Texts
from neocaret_model.engine.prefix_cache import shared_prefix
from neocaret_model.hub import BUNDLED_FOLDER
from neocaret_model.tokenizer import read_tokenizer

TOKENIZER = read_tokenizer(BUNDLED_FOLDER)


@pytest.mark.parametrize("length", [16, 128, 1900])
def test_sessions_type_change_and_come_back(length: int) -> None:
    for session in Texts(TOKENIZER).sessions(length, 3):
        prompts = dict(session.prompts)
        assert tuple(name for name, _ in session.prompts if name != "elsewhere") == REQUESTS
        assert prompts["+1"].startswith(prompts["cold"])
        assert prompts["+3"].startswith(prompts["+1"])
        assert len({prompts[name] for name in ("cold", "+1", "+3", "changed", "elsewhere")}) == 5
        assert prompts["back"] == prompts["changed"]
        for prompt in prompts.values():
            assert length - SLACK <= len(TOKENIZER.encode(prompt)) <= length + TYPED + SLACK


def test_change_leaves_all_but_the_last_two_tokens() -> None:
    (session,) = Texts(TOKENIZER).sessions(128, 1)
    prompts = {name: TOKENIZER.encode(text) for name, text in session.prompts}
    assert shared_prefix(prompts["+3"], prompts["changed"]) == 130
    assert shared_prefix(prompts["changed"], prompts["elsewhere"]) < 8


def test_repetitions_take_different_places_and_are_the_same_each_time() -> None:
    once, again = (list(Texts(TOKENIZER).sessions(64, 5)) for _ in range(2))
    assert once == again
    assert len({session.prompts[0][1] for session in once}) == 5


def test_prompt_that_is_longer_than_the_text_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="fewer than 1000064 tokens"):
        list(Texts(TOKENIZER).sessions(1_000_000, 1))
