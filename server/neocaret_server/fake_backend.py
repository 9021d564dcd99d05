"""A backend without a model: scripted texts, for tests, demos and work on editors."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from neocaret_server.backend import (
    Backend,
    BackendError,
    CancelToken,
    Candidate,
    Completion,
    CompletionRequest,
    FinishReason,
    KnownModel,
    LoadProgress,
    ModelChoice,
    ModelInfo,
    Work,
)

_LOOK_EVERY_SECONDS = 0.002
_LOAD_STEPS = 10
_BYTES = 1_000_000


class FakeWork:
    """A request that takes a step for each token."""

    def __init__(self, steps: Iterator[tuple[Candidate, ...] | Completion]) -> None:
        """`steps` are what there is after each, and end with the completion."""
        self._steps = steps
        self._candidates: tuple[Candidate, ...] = ()
        self._completion: Completion | None = None

    @property
    def done(self) -> bool:
        """As the port has it."""
        return self._completion is not None

    def advance(self) -> None:
        """Take a step."""
        step = next(self._steps)
        if isinstance(step, Completion):
            self._completion = step
        else:
            self._candidates = step

    def partial(self) -> tuple[Candidate, ...]:
        """As the port has it."""
        return self._candidates

    def result(self) -> Completion:
        """As the port has it."""
        if self._completion is None:
            raise BackendError("It is not done.")
        return self._completion


@dataclass
class FakeBackend(Backend):
    """Continues a prompt with what the script has for its end; the longest end that fits holds.

    A token is a run of white space and the word after it.
    """

    script: Mapping[str, Sequence[str]] = field(default_factory=dict)
    otherwise: Sequence[str] = ("pass",)
    """For a prompt that ends like nothing in the script."""
    load_seconds: float = 0.0
    token_seconds: float = 0.0
    load_error: str | None = None
    note: str = ""
    """What is told of how the model runs."""
    complete_error: Exception | None = None
    requests: list[CompletionRequest] = field(default_factory=list)
    loads: list[ModelChoice] = field(default_factory=list)
    cancelled: int = 0
    """How many generations were stopped on the way."""
    threads: set[int] = field(default_factory=set)
    """Of all calls."""
    loaded: bool = False

    def prepare(self) -> None:
        """As `backend.Backend.prepare`: a script needs nothing."""

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
        return ModelInfo(choice.model, "fake", "cpu", "float32", parameters=0, positions=2048, note=self.note)

    def begin(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        progress: Callable[[int, int], None] | None = None,
    ) -> FakeWork:
        """As the port has it."""
        self._note()
        self.requests.append(request)
        if self.complete_error is not None:
            raise self.complete_error
        return FakeWork(self._steps(request, cancel, progress))

    def advance(self, works: Sequence[Work]) -> None:
        """As the port has it."""
        self._note()
        for work in works:
            if isinstance(work, FakeWork):
                work.advance()

    def models(self) -> tuple[KnownModel, ...]:
        """As the port has it."""
        return (
            KnownModel("bundled", 7_000_000, 14_000_000, "MIT", here=True),
            KnownModel("fake/bigger", 125_000_000, 526_000_000, "MIT", here=False),
        )

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

    def _steps(
        self, request: CompletionRequest, cancel: CancelToken, progress: Callable[[int, int], None] | None
    ) -> Iterator[tuple[Candidate, ...] | Completion]:
        texts = list(islice(cycle(self._texts(request.prompt)), request.candidates))
        length = min(max((len(_tokens(text)) for text in texts), default=0), request.max_new_tokens)
        done = 0
        while done < length and not _stopped_while_waiting(cancel, self.token_seconds):
            done += 1
            if progress is not None:
                progress(done, length)
            yield tuple(_candidate(text, row, done, request, "cancelled") for row, text in enumerate(texts))
        self.cancelled += cancel.cancelled
        cut: FinishReason = "cancelled" if cancel.cancelled else "length"
        candidates = tuple(_candidate(text, row, done, request, cut) for row, text in enumerate(texts))
        tokens = len(_tokens(request.prompt))
        yield Completion(candidates, tokens, tokens, 0, 0.0, 0.0)


def _stopped_while_waiting(cancel: CancelToken, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not cancel.cancelled and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_EVERY_SECONDS))
    return cancel.cancelled


def _candidate(text: str, row: int, done: int, request: CompletionRequest, cut: FinishReason) -> Candidate:
    tokens = _tokens(text)
    kept = "".join(tokens[:done])
    reason: FinishReason = "eos" if len(tokens) <= done else cut
    for stop in request.stop:
        if stop in kept:
            kept, reason = kept.partition(stop)[0], "stop"
    if request.ends is not None and (end := request.ends(kept)) is not None:
        kept, reason = kept[:end], "stop"
    return Candidate(kept, -0.1 * (row + 1), min(done, len(tokens)), reason)


def _tokens(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+\Z", text)
