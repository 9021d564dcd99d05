"""What the commands work with: the real things, or a test's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neocaret_server.backend import Backend, CancelToken, KnownModel, LoadProgress
from neocaret_server.benchmark import Benchmark, BenchmarkRequest
from neocaret_server.evaluation import Evaluation, EvaluationRequest, WorkProgress
from neocaret_server.model_backend import (
    Machine,
    ModelBackend,
    benchmark,
    evaluate,
    inspect_machine,
    known_models,
    quantise,
    source_files,
)
from neocaret_server.quantising import QuantisedModel, QuantiseRequest
from neocaret_server.start import serve_stdio
from neocaret_server.typing_bench.request import TypingRequest

Evaluate = Callable[[EvaluationRequest, Callable[[LoadProgress], None], WorkProgress, CancelToken], Evaluation]

MeasureSpeed = Callable[[BenchmarkRequest, Callable[[LoadProgress], None], WorkProgress, CancelToken], Benchmark]

MeasureTyping = Callable[[TypingRequest, WorkProgress], Benchmark]


def measure_typing(request: TypingRequest, working: WorkProgress) -> Benchmark:
    """Replay typing through servers of the real model."""
    from neocaret_server.typing_bench.run import measure_typing as measure

    return measure(request, working, source_files)


Quantise = Callable[[QuantiseRequest, Callable[[LoadProgress], None], CancelToken], QuantisedModel]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside the command line that a command uses."""

    new_backend: Callable[[], Backend] = ModelBackend
    known_models: Callable[[], Sequence[KnownModel]] = known_models
    inspect_machine: Callable[[], Machine] = inspect_machine
    evaluate: Evaluate = evaluate
    benchmark: MeasureSpeed = benchmark
    measure_typing: MeasureTyping = measure_typing
    quantise: Quantise = quantise
    serve: Callable[[Callable[[], Backend], int | None], int] = serve_stdio
