"""A backend without a model: scripted texts, for tests, demos and work on editors."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from neocaret_server.backend import (
    BackendError,
    CancelToken,
    Candidate,
    Completion,
    CompletionRequest,
    FinishReason,
    LoadProgress,
    ModelChoice,
    ModelInfo,
)

_LOOK_EVERY_SECONDS = 0.002
_LOAD_STEPS = 10
_BYTES = 1_000_000


@dataclass
class FakeBackend:
    """Continues a prompt with what the script has for its end; the longest end that fits holds.

    A token is a run of white space and the word after it.
    """

    script: Mapping[str, Sequence[str]] = field(default_factory=dict)
    otherwise: Sequence[str] = ("pass",)
    """For a prompt that ends like nothing in the script."""
    load_seconds: float = 0.0
    token_seconds: float = 0.0
    load_error: str | None = None
    complete_error: Exception | None = None
    requests: list[CompletionRequest] = field(default_factory=list)
    loads: list[ModelChoice] = field(default_factory=list)
    cancelled: int = 0
    """How many generations were stopped on the way."""
    threads: set[int] = field(default_factory=set)
    """Of all calls."""
    loaded: bool = False

    def load(self, choice: ModelChoice, progress: Callable[[LoadProgress], None], cancel: CancelToken) -> ModelInfo:
        """As the port has it."""
        self._note()
        self.loads.append(choice)
        self.loaded = False
        for step in range(_LOAD_STEPS):
            progress(LoadProgress("Loading fake weights", step * _BYTES // _LOAD_STEPS, _BYTES))
            if _stopped_while_waiting(cancel, self.load_seconds / _LOAD_STEPS):
                raise BackendError("Loading was cancelled.")
        if self.load_error is not None:
            raise BackendError(self.load_error)
        self.loaded = True
        return ModelInfo(choice.model, "fake", "cpu", "float32", parameters=0, positions=2048)

    def complete(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        progress: Callable[[int, int], None] | None = None,
    ) -> Completion:
        """As the port has it."""
        self._note()
        self.requests.append(request)
        if self.complete_error is not None:
            raise self.complete_error
        texts = list(islice(cycle(self._texts(request.prompt)), request.candidates))
        done = self._decode(max((len(_tokens(text)) for text in texts), default=0), request, cancel, progress)
        self.cancelled += cancel.cancelled
        candidates = tuple(_candidate(text, row, done, request, cancel) for row, text in enumerate(texts))
        length = len(_tokens(request.prompt))
        return Completion(candidates, length, length, 0, 0.0, 0.0)

    def clear_cache(self) -> None:
        """As the port has it."""
        self._note()

    def unload(self) -> None:
        """As the port has it."""
        self._note()
        self.loaded = False

    def _note(self) -> None:
        self.threads.add(threading.get_ident())

    def _texts(self, prompt: str) -> Sequence[str]:
        ends = [end for end in self.script if prompt.endswith(end)]
        return self.script[max(ends, key=len)] if ends else self.otherwise

    def _decode(
        self, length: int, request: CompletionRequest, cancel: CancelToken, progress: Callable[[int, int], None] | None
    ) -> int:
        length = min(length, request.max_new_tokens)
        for token in range(length):
            if _stopped_while_waiting(cancel, self.token_seconds):
                return token
            if progress is not None:
                progress(token + 1, length)
        return length


def _stopped_while_waiting(cancel: CancelToken, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not cancel.cancelled and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_EVERY_SECONDS))
    return cancel.cancelled


def _candidate(text: str, row: int, done: int, request: CompletionRequest, cancel: CancelToken) -> Candidate:
    tokens = _tokens(text)
    kept = "".join(tokens[:done])
    reason: FinishReason = "eos" if len(tokens) <= done else "cancelled" if cancel.cancelled else "length"
    for stop in request.stop:
        if stop in kept:
            kept, reason = kept.partition(stop)[0], "stop"
    return Candidate(kept, -0.1 * (row + 1), min(done, len(tokens)), reason)


def _tokens(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+\Z", text)
