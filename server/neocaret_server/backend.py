"""The port between the server and whatever continues text, and the data that crosses it.

Importing this loads neither torch nor a model. A backend is used from one thread at a time;
only `CancelToken.cancel` may be called from another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

FinishReason = Literal["eos", "stop", "repetition", "length", "cancelled"]


class BackendError(Exception):
    """The model cannot be loaded or the request not be carried out; the message is meant for the user."""


class CancelToken:
    """A flag that stops a generation within one token."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the generation to stop; safe from any thread, and any number of times."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the generation has been asked to stop."""
        return self._event.is_set()


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model to load, and where."""

    model: str = "bundled"
    """The model in the package, a hub name, or a folder."""
    device: str = "auto"
    dtype: str = "auto"


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far the loading is."""

    message: str
    """What is being done, in a few words: "Downloading model.safetensors"."""
    done: int = 0
    total: int = 0
    """Bytes; 0 where it is not known."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be loaded by name."""

    name: str
    parameters: int
    bytes: int
    """On disk."""
    licence: str
    here: bool
    """Whether it can be loaded without a download."""
    own: bool = True
    """Whether it runs on Neocaret's own network; others run through transformers, and slower."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is loaded."""

    model: str
    folder: str
    device: str
    dtype: str
    parameters: int
    positions: int
    note: str = ""
    """What a user should know of how it runs, in a sentence."""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A prompt and how to continue it.

    A backend refuses numbers that are out of range with a `BackendError` that names them.
    """

    prompt: str
    candidates: int = 3
    max_new_tokens: int = 64
    max_length: int | None = None
    """Upper bound for prompt and continuation together, in tokens; where it is given, the tighter one holds."""
    temperature: float = 0.5
    top_p: float = 0.95
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int | None = None
    greedy_first: bool = True
    """The first candidate takes the likeliest token at each step; only the others are sampled."""
    stop: tuple[str, ...] = ()
    stop_repeating: bool = True
    """A candidate ends where its lines come for the third time in a row, or its words for the fourth."""
    path: str = ""
    """Of the file that the prompt is a part of, within its workspace; for models that know what to make of it."""
    document_ngrams: bool = True
    """What followed elsewhere in the document is likelier to follow again.

    The document is the prompt, with what of it does not fit the model, and the texts `elsewhere`.
    """
    elsewhere: tuple[str, ...] = ()
    """Other text of the document that the prompt is from, before it or after the caret."""
    similar_lines: bool = False
    """Look up as well how the lines of the document went on that are most like the one to be continued."""
    ends: Callable[[str], int | None] | None = None
    """Says where a candidate ends that has come so far, None while it goes on; called after each token.

    A place that it has found must hold however the text goes on. Equal rules make equal requests.
    """


@dataclass(frozen=True, slots=True)
class Candidate:
    """One continuation."""

    text: str
    mean_logprob: float
    tokens: int
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class Completion:
    """All candidates, the likeliest first, and what they took."""

    candidates: tuple[Candidate, ...]
    prompt_tokens: int
    used_tokens: int
    """Tokens of the prompt that fitted the model: the last ones."""
    reused_tokens: int
    prefill_ms: float
    decode_ms: float
    similar_lines: tuple[str, ...] = ()
    """How similar lines of the document went on, the most similar first, where that was asked for."""


class Work(Protocol):
    """A request that a backend has begun."""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do for it."""
        ...

    def partial(self) -> tuple[Candidate, ...]:
        """What there is so far, in the order of a completion; candidates that still grow are marked `cancelled`."""
        ...

    def result(self) -> Completion:
        """What has become of it; to be asked once it is done.

        A cancelled one returns what it has, its unfinished candidates marked `cancelled`.

        Raises:
            BackendError: it could not be carried out.
        """
        ...


class Backend(Protocol):
    """Loads one model and continues prompts with it."""

    def prepare(self) -> None:
        """Begin in the background what makes the first load quicker; returns at once, and nothing hangs on it."""

    def load(self, choice: ModelChoice, progress: Callable[[LoadProgress], None], cancel: CancelToken) -> ModelInfo:
        """Load the model, in place of the one loaded before; blocks, for minutes where a download is needed.

        Raises:
            BackendError: the model cannot be loaded; the one before is gone as well.
        """
        ...

    def begin(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        progress: Callable[[int, int], None] | None = None,
    ) -> Work:
        """Take a request; whoever begins it advances it until it is done, be it because `cancel` is set.

        `progress` is called with the tokens decoded and the most that there will be.

        Raises:
            BackendError: no model is loaded, or the request cannot be carried out.
        """
        ...

    def advance(self, works: Sequence[Work]) -> None:
        """Move on by a step what was begun here and is not done; blocks for some milliseconds, not for an answer."""
        ...

    def complete(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        progress: Callable[[int, int], None] | None = None,
    ) -> Completion:
        """Continue the prompt; blocks until all candidates are done or `cancel` is set.

        Raises:
            BackendError: as `begin` and the result say.
        """
        work = self.begin(request, cancel, progress)
        while not work.done:
            self.advance([work])
        return work.result()

    def models(self) -> Sequence[KnownModel]:
        """Return the models that can be loaded by name; safe from any thread, and reads the disk.

        Raises:
            BackendError: the list cannot be made.
        """
        ...

    def clear_cache(self) -> None:
        """Forget what was kept of earlier prompts."""
        ...

    def unload(self) -> None:
        """Give the model's memory back."""
        ...
