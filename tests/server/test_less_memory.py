from __future__ import annotations

import pytest

from neocaret_server.backend import CompletionRequest
from neocaret_server.less_memory import LEAST_CHARACTERS, MOST_CHARACTERS, with_less


def test_candidates_are_halved_first_and_the_context_then() -> None:
    asked: CompletionRequest | None = CompletionRequest("x" * 100_000, candidates=5, elsewhere=("y",))
    tried = []
    while asked is not None:
        tried.append((asked.candidates, len(asked.prompt)))
        asked = with_less(asked)
    assert tried[:4] == [(5, 100_000), (2, 100_000), (1, 100_000), (1, MOST_CHARACTERS)]
    assert tried[4:] == [(1, 2048), (1, 1024), (1, 512), (1, LEAST_CHARACTERS)]


@pytest.mark.parametrize("length", [0, 1, 2 * LEAST_CHARACTERS - 1])
def test_nothing_is_left_of_little(length: int) -> None:
    assert with_less(CompletionRequest("x" * length, candidates=1)) is None


def test_the_end_of_the_prompt_is_kept() -> None:
    less = with_less(CompletionRequest("a" * 1000 + "b" * 1000, candidates=1))
    assert less is not None
    assert less.prompt == "b" * 1000
