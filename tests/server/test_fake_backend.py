from __future__ import annotations

import threading

import pytest

from neocaret_server.backend import BackendError, CancelToken, CompletionRequest, ModelChoice
from neocaret_server.fake_backend import FakeBackend


def complete(backend: FakeBackend, request: CompletionRequest) -> list[tuple[str, str]]:
    completion = backend.complete(request, CancelToken())
    return [(each.text, each.finish_reason) for each in completion.candidates]


def test_the_longest_end_of_the_prompt_decides() -> None:
    backend = FakeBackend(script={"=": ["1"], "y =": ["2"]})
    assert complete(backend, CompletionRequest("x =", candidates=1)) == [("1", "eos")]
    assert complete(backend, CompletionRequest("y =", candidates=1)) == [("2", "eos")]
    assert complete(backend, CompletionRequest("z", candidates=1)) == [("pass", "eos")]


def test_the_number_of_candidates_is_kept() -> None:
    backend = FakeBackend(otherwise=["a", "b"])
    assert [text for text, _ in complete(backend, CompletionRequest("", candidates=3))] == ["a", "b", "a"]


def test_stops_and_lengths_are_kept() -> None:
    backend = FakeBackend(otherwise=["a b\nc"])
    assert complete(backend, CompletionRequest("", candidates=1, stop=("\n",))) == [("a b", "stop")]
    assert complete(backend, CompletionRequest("", candidates=1, max_new_tokens=1)) == [("a", "length")]


def test_a_cancelled_generation_returns_what_it_has() -> None:
    backend = FakeBackend(otherwise=["a b c"], token_seconds=0.05)
    cancel = CancelToken()
    threading.Timer(0.07, cancel.cancel).start()
    (candidate,) = backend.complete(CompletionRequest("", candidates=1), cancel).candidates
    assert (candidate.text, candidate.finish_reason) == ("a", "cancelled")
    assert backend.cancelled == 1


def test_a_failure_of_loading_is_the_scripted_one() -> None:
    with pytest.raises(BackendError, match="no such model"):
        FakeBackend(load_error="no such model").load(ModelChoice(), lambda _: None, CancelToken())


def test_loading_can_be_cancelled() -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(BackendError, match="cancelled"):
        FakeBackend(load_seconds=60).load(ModelChoice(), lambda _: None, cancel)
