# ruff: noqa: TID253 - this file tests the bridge to the engine, against its port
from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from neocaret_model import errors as model_errors
from neocaret_model.engine.port import CancelToken as EngineCancelToken
from neocaret_model.engine.port import (
    Continuation,
    FinishReason,
    GenerationRequest,
    GenerationResult,
    ModelInfo,
    Sampling,
    SharedEngine,
    TokenProgress,
    Work,
)
from neocaret_server.backend import BackendError, CancelToken, CompletionRequest, LoadProgress, ModelChoice
from neocaret_server.model_backend import LARGEST_SEED, ModelBackend, generation_request, inspect_machine


@dataclass
class FakeWork:
    _result: GenerationResult
    error: Exception | None = None
    done: bool = False

    def partial(self) -> tuple[Continuation, ...]:
        return self._result.continuations

    def result(self) -> GenerationResult:
        if self.error is not None:
            raise self.error
        return self._result


@dataclass
class FakeEngine:
    logprobs: tuple[float, ...] = (-1.0,)
    """Of a token, by rows."""
    lengths: tuple[int, ...] = ()
    """In tokens, by rows; 3 where there is none."""
    texts: tuple[str, ...] = ()
    error: Exception | None = None
    late_error: Exception | None = None
    requests: list[GenerationRequest] = field(default_factory=list)
    cancels: list[EngineCancelToken | None] = field(default_factory=list)
    cleared: int = 0

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("m", "/folder", "cpu", "float32", 7, 2048)

    def begin(
        self, request: GenerationRequest, cancel: EngineCancelToken | None = None, progress: TokenProgress | None = None
    ) -> FakeWork:
        self.requests.append(request)
        self.cancels.append(cancel)
        if self.error is not None:
            raise self.error
        if progress is not None:
            progress(1, request.max_new_tokens)
        cancelled = cancel is not None and cancel.cancelled
        reason: FinishReason = "cancelled" if cancelled else "length"
        lengths = self.lengths or [0 if math.isinf(logprob) else 3 for logprob in self.logprobs]
        texts = self.texts or [f"row {row}" for row in range(len(self.logprobs))]
        rows = tuple(
            Continuation(text, length, logprob, reason, logprob * length)
            for text, length, logprob in zip(texts, lengths, self.logprobs, strict=True)
        )
        return FakeWork(GenerationResult(rows, 9, 8, 7, 3, 1.5, 2.5), self.late_error)

    def advance(self, works: Sequence[Work]) -> None:
        for work in works:
            assert isinstance(work, FakeWork)
            work.done = True

    def generate(
        self, request: GenerationRequest, cancel: EngineCancelToken | None = None, progress: TokenProgress | None = None
    ) -> GenerationResult:
        return self.begin(request, cancel, progress).result()

    def score(self, text: str) -> tuple[float, ...]:
        return (-1.0,) * len(text)

    def clear_cache(self) -> None:
        self.cleared += 1


def loaded(engine: FakeEngine) -> ModelBackend:
    backend = ModelBackend(lambda *_: engine)
    backend.load(ModelChoice(), lambda _: None, CancelToken())
    return backend


def rows(**changes: Any) -> tuple[Sampling, ...]:
    return generation_request(CompletionRequest("x", **changes)).rows


# Requests


def test_first_row_is_greedy_and_the_sampled_ones_grow_warmer() -> None:
    greedy, first, second, third = rows(candidates=4, temperature=0.4, top_k=5, top_p=0.9, repetition_penalty=1.1)
    assert greedy == Sampling(repetition_penalty=1.1, document_weight=1.0)
    assert first == Sampling(0.4, 5, 0.9, 1.1, document_weight=1.0)
    assert second.temperature == pytest.approx(0.5)
    assert third.temperature == pytest.approx(0.6)


def test_without_a_greedy_row_all_have_the_temperature_asked_for() -> None:
    assert [row.temperature for row in rows(candidates=3, temperature=0.9, greedy_first=False)] == [0.9, 0.9, 0.9]


@pytest.mark.parametrize("greedy_first", [True, False])
def test_temperature_of_zero_leaves_one_row(*, greedy_first: bool) -> None:
    assert rows(candidates=8, temperature=0.0, greedy_first=greedy_first) == (Sampling(document_weight=1.0),)


def test_document_weighs_nothing_where_it_is_not_wanted() -> None:
    assert {row.document_weight for row in rows(document_ngrams=False)} == {0.0}


def test_hottest_temperature_can_be_climbed_from() -> None:
    assert {row.temperature for row in rows(candidates=8, temperature=100.0)} == {0.0, 100.0}


@pytest.mark.parametrize("greedy_first", [True, False])
def test_each_sampled_row_has_a_seed_of_its_own(*, greedy_first: bool) -> None:
    seeds = [row.seed for row in rows(candidates=3, seed=40, greedy_first=greedy_first)]
    assert seeds == [None if greedy_first else 40, 41, 42]
    assert {row.seed for row in rows(candidates=3)} == {None}


def test_bounds_and_stops_are_passed_on() -> None:
    asked = CompletionRequest("x = ", max_new_tokens=5, max_length=50, stop=("\n", "#"), elsewhere=("y",))
    request = generation_request(asked)
    assert request.elsewhere == ("y",)
    assert (request.prompt, request.max_new_tokens, request.max_length, request.stop) == ("x = ", 5, 50, ("\n", "#"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"candidates": 0}, "candidates must be between 1 and 8"),
        ({"candidates": 9}, "candidates must be between 1 and 8"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": 101, "candidates": 1}, "temperature must be between 0 and 100, not 101"),
        ({"top_p": 0.0, "temperature": 0.0}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"repetition_penalty": 0.0}, "repetition_penalty"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_length": 0}, "max_length"),
        ({"stop": ("",)}, "stop"),
        ({"seed": -1}, "seed"),
        ({"seed": LARGEST_SEED + 1}, "seed"),
    ],
)
def test_number_out_of_range_is_refused_by_its_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BackendError, match=says):
        loaded(FakeEngine()).complete(CompletionRequest("x", **changes), CancelToken())


# Results


def test_best_candidate_comes_first() -> None:
    completion = loaded(FakeEngine((-2.0, -0.5, math.nan, -math.inf, -1.0))).complete(
        CompletionRequest("x"), CancelToken()
    )
    assert [candidate.text for candidate in completion.candidates] == ["row 1", "row 4", "row 0"]
    assert (completion.prompt_tokens, completion.used_tokens, completion.reused_tokens) == (9, 8, 7)
    assert (completion.prefill_ms, completion.decode_ms) == (1.5, 2.5)


def texts(engine: FakeEngine, **changes: Any) -> list[str]:
    completion = loaded(engine).complete(CompletionRequest("x", **changes), CancelToken())
    return [candidate.text for candidate in completion.candidates]


def test_lines_are_compared_by_all_of_their_tokens_and_longer_texts_by_their_mean() -> None:
    engine = FakeEngine((-0.5, -1.0), lengths=(5, 2))
    assert texts(engine, candidates=2, stop=("\n",)) == ["row 1", "row 0"]
    assert texts(engine, candidates=2) == ["row 0", "row 1"]


def test_more_lines_are_written_than_are_asked_for_and_equal_ones_come_last() -> None:
    assert len(rows(candidates=3, stop=("\n",))) == 8
    assert len(rows(candidates=1, stop=("\n",))) == 1
    engine = FakeEngine((-1.0, -1.0, -2.0, -1.0, -3.0), texts=("a", "a", "b", "a", "c"))
    assert texts(engine, candidates=3, stop=("\n",)) == ["a", "b", "c"]
    assert texts(engine, candidates=4, stop=("\n",)) == ["a", "b", "c", "a"]


def test_what_is_blank_comes_behind_what_is_less_likely() -> None:
    assert texts(FakeEngine((-0.1, -9.0), texts=(" ", "a")), candidates=2, stop=("\n",)) == ["a", " "]


def test_similar_lines_of_the_whole_document_come_where_they_are_asked_for() -> None:
    request = CompletionRequest("b = 1\na = ", candidates=2, elsewhere=("a = 5\na = 6",), similar_lines=True)
    backend = loaded(FakeEngine())
    assert backend.complete(request, CancelToken()).similar_lines == ("6", "5")
    assert backend.complete(replace(request, similar_lines=False), CancelToken()).similar_lines == ()


def test_loaded_model_is_described() -> None:
    seen: list[tuple[str, str, str]] = []

    def load(model: str, device: str, dtype: str, *_: Any) -> SharedEngine:
        seen.append((model, device, dtype))
        return FakeEngine()

    info = ModelBackend(load).load(ModelChoice("m", "cpu", "float16"), lambda _: None, CancelToken())
    assert seen == [("m", "cpu", "float16")]
    assert (info.model, info.folder, info.device, info.dtype) == ("m", "/folder", "cpu", "float32")
    assert (info.parameters, info.positions) == (7, 2048)


def test_progress_of_loading_and_generating_is_passed_on() -> None:
    def load(
        _model: str, _device: str, _dtype: str, progress: Callable[[str, int, int], None], _: Callable[[], bool]
    ) -> SharedEngine:
        progress("Downloading", 3, 9)
        return FakeEngine()

    loads: list[LoadProgress] = []
    tokens: list[tuple[int, int]] = []
    backend = ModelBackend(load)
    backend.load(ModelChoice(), loads.append, CancelToken())
    backend.complete(CompletionRequest("x"), CancelToken(), lambda *step: tokens.append(step))
    assert loads == [LoadProgress("Downloading", 3, 9)]
    assert tokens == [(1, 64)]


def test_cancel_reaches_the_loader_and_the_engine() -> None:
    asked: list[Callable[[], bool]] = []
    engine = FakeEngine()
    cancel = CancelToken()

    def load(_model: str, _device: str, _dtype: str, _: Any, cancelled: Callable[[], bool]) -> SharedEngine:
        asked.append(cancelled)
        return engine

    backend = ModelBackend(load)
    backend.load(ModelChoice(), lambda _: None, cancel)
    assert not asked[0]()
    cancel.cancel()
    assert asked[0]()
    assert backend.complete(CompletionRequest("x"), cancel).candidates[0].finish_reason == "cancelled"
    assert engine.cancels[0] is cast("Any", cancel)


# Failures


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (model_errors.RequestError("The prompt is empty."), r"^The prompt is empty\.$"),
        (ValueError("top_p must be above 0"), r"^top_p must be above 0$"),
        (OutOfMemoryError("CUDA out of memory"), r"^Out of memory while generating; choose a smaller model"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), r"^Out of memory while generating"),
        (MemoryError(), r"^Out of memory while generating"),
        (RuntimeError("secret text"), r"^An unexpected RuntimeError while generating; the log says where\.$"),
    ],
)
def test_every_failure_is_one_sentence(error: Exception, says: str) -> None:
    with pytest.raises(BackendError, match=says) as caught:
        loaded(FakeEngine(error=error)).complete(CompletionRequest("x"), CancelToken())
    assert caught.value.__cause__ is error
    with pytest.raises(BackendError, match=says):
        loaded(FakeEngine(late_error=error)).complete(CompletionRequest("x"), CancelToken())


def test_one_that_cannot_be_begun_with_less_does_not_end_the_others() -> None:
    engine = FakeEngine(late_error=MemoryError())
    backend = loaded(engine)
    short = backend.begin(CompletionRequest("x", candidates=2), CancelToken())
    engine.late_error = None
    other = backend.begin(CompletionRequest("y"), CancelToken())
    engine.error = OutOfMemoryError("CUDA out of memory")
    backend.advance([short, other])
    assert short.done
    with pytest.raises(BackendError, match="Out of memory"):
        short.result()
    assert other.result().candidates


def test_log_has_the_place_of_a_failure_and_its_words_only_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    backend = loaded(FakeEngine(error=RuntimeError("secret text")))
    with caplog.at_level(logging.INFO), pytest.raises(BackendError):
        backend.complete(CompletionRequest("x"), CancelToken())
    assert "in begin" in caplog.text
    assert "secret text" not in caplog.text


def test_failed_load_leaves_no_model() -> None:
    engines: list[SharedEngine] = [FakeEngine()]

    def load(*_: Any) -> SharedEngine:
        if engines:
            return engines.pop()
        raise model_errors.ModelNotFoundError("There is no model x.")

    backend = ModelBackend(cast("Any", load))
    backend.load(ModelChoice(), lambda _: None, CancelToken())
    with pytest.raises(BackendError, match="There is no model x"):
        backend.load(ModelChoice("x"), lambda _: None, CancelToken())
    with pytest.raises(BackendError, match="No model is loaded"):
        backend.complete(CompletionRequest("x"), CancelToken())


def test_unloaded_backend_says_so_and_forgives_everything_else() -> None:
    engine = FakeEngine()
    backend = loaded(engine)
    backend.clear_cache()
    assert engine.cleared == 1
    backend.unload()
    backend.unload()
    backend.clear_cache()
    with pytest.raises(BackendError, match="No model is loaded"):
        backend.complete(CompletionRequest("x"), CancelToken())


def test_machine_has_a_device() -> None:
    machine = inspect_machine()
    assert machine.threads >= 1
    assert machine.automatic.startswith(("cpu", "cuda", "mps"))
    assert machine.cache_folder
