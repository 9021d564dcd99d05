"""What the commands work with: the real things, or a test's."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neocaret_server.backend import Backend, CancelToken, LoadProgress
from neocaret_server.evaluation import Evaluation, EvaluationRequest, WorkProgress
from neocaret_server.model_backend import KnownModel, Machine, ModelBackend, evaluate, inspect_machine, known_models

Evaluate = Callable[[EvaluationRequest, Callable[[LoadProgress], None], WorkProgress, CancelToken], Evaluation]


def _serve(backend: Backend, client_process_id: int | None) -> int:
    # The protocol's six hundred classes are many objects and no garbage: looking for it takes a tenth of the start.
    gc.disable()
    from neocaret_server.app import serve_stdio

    gc.freeze()
    gc.enable()
    return serve_stdio(backend, client_process_id)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside the command line that a command uses."""

    new_backend: Callable[[], Backend] = ModelBackend
    known_models: Callable[[], Sequence[KnownModel]] = known_models
    inspect_machine: Callable[[], Machine] = inspect_machine
    evaluate: Evaluate = evaluate
    serve: Callable[[Backend, int | None], int] = _serve
