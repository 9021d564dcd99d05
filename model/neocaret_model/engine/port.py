"""The port that every engine implements, and the data that crosses it.

Nothing here imports torch: what asks for text can be loaded and tested without a model.
An engine is used from one thread at a time; only `CancelToken.cancel` may be called from another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

FinishReason = Literal["eos", "stop", "repetition", "length", "cancelled"]

TokenProgress = Callable[[int, int], None]
"""Called with the number of tokens decoded so far and the most that there will be."""


_LARGEST_FACTOR = 100.0


class CancelToken:
    """A flag that stops a generation within one decode step or one prefill chunk."""

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
class Sampling:
    """How one row chooses its tokens."""

    temperature: float = 0.0
    """0 is greedy; otherwise logits are divided by it."""
    top_k: int = 0
    """Only the k likeliest tokens; 0 is all of them."""
    top_p: float = 1.0
    """Only the likeliest tokens that together reach this probability (nucleus sampling, arXiv 1904.09751)."""
    repetition_penalty: float = 1.0
    """Divides the positive and multiplies the negative logits of tokens already present (CTRL, arXiv 1909.05858)."""
    seed: int | None = None
    """The row's own seed: the same seed gives the same tokens whatever the rows beside it; None is a fresh one."""
    document_weight: float = 0.0
    """How much the n-grams of the document count beside the network: 1 is what was found best, 0 nothing.

    The document is the prompt, with what of it does not fit the model's positions, and the texts `elsewhere`.
    """

    def __post_init__(self) -> None:
        """Refuse what no sampler could carry out.

        Raises:
            ValueError: names the field and its range.
        """
        if not 0.0 <= self.temperature <= _LARGEST_FACTOR:
            raise ValueError(f"temperature must be between 0 and {_LARGEST_FACTOR:g}, not {self.temperature}")
        if self.top_k < 0:
            raise ValueError(f"top_k must be 0 (all tokens) or more, not {self.top_k}")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if not 0.0 < self.repetition_penalty <= _LARGEST_FACTOR:
            raise ValueError(
                f"repetition_penalty must be above 0 and at most {_LARGEST_FACTOR:g}, not {self.repetition_penalty}"
            )
        if not 0.0 <= self.document_weight <= _LARGEST_FACTOR:
            raise ValueError(f"document_weight must be between 0 and {_LARGEST_FACTOR:g}, not {self.document_weight}")


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A prompt, and one sampling for each continuation wanted of it."""

    prompt: str
    rows: tuple[Sampling, ...] = (Sampling(),)
    max_new_tokens: int = 64
    """Upper bound for each continuation, in tokens."""
    max_length: int | None = None
    """Upper bound for prompt and continuation together, in tokens, as in transformers' `generate`."""
    stop: tuple[str, ...] = ()
    """A continuation ends before the first of these texts."""
    ends: Callable[[str], int | None] | None = None
    """Says where a continuation ends that has come so far, None while it goes on; called after each token of a row.

    A place that it has found must hold however the text goes on.
    """
    stop_repeating: bool = False
    """A continuation ends where its lines come for the third time in a row, or its words for the fourth."""
    path: str = ""
    """The path of the file that the prompt is a part of, for models that were trained to know it; ignored by others."""
    elsewhere: tuple[str, ...] = ()
    """Other text of the document, before the prompt or after the caret: its n-grams count, and it is not fed."""
    heal: bool = False
    """The prompt ends where somebody stopped typing: choose its last tokens anew, with the same text."""

    def __post_init__(self) -> None:
        """Refuse what no engine could carry out.

        Raises:
            ValueError: names the field and its range.
        """
        if not self.rows:
            raise ValueError("rows must hold at least one sampling")
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be 1 or more, not {self.max_new_tokens}")
        if self.max_length is not None and self.max_length < 1:
            raise ValueError(f"max_length must be 1 or more, not {self.max_length}")
        if "" in self.stop:
            raise ValueError("stop must not hold an empty text: it would end every continuation before it begins")


@dataclass(frozen=True, slots=True)
class Continuation:
    """What one row made of the prompt."""

    text: str
    tokens: int
    """How many tokens were decoded for it, an end-of-text token included."""
    mean_logprob: float
    """Mean natural logarithm of the model's own probability (before n-grams, temperature and cuts) of those tokens."""
    finish_reason: FinishReason
    logprob: float
    """Natural logarithm of the probability of all of them together, with the document's n-grams.

    Of continuations that end alike, with a line say, the highest is the likeliest to be what comes.
    """


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """The continuations in the order of the request's rows, and what it took."""

    continuations: tuple[Continuation, ...]
    prompt_tokens: int
    """Tokens of the prompt; of a huge one, only of the part worth tokenizing."""
    used_tokens: int
    """Tokens of the prompt that fitted the model's positions: the last ones."""
    reused_tokens: int
    """Tokens of the prompt whose keys and values came from an earlier request."""
    steps: int
    """Passes through the network after the prompt: fewer than tokens where guesses were right."""
    prefill_ms: float
    decode_ms: float


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is loaded."""

    name: str
    """As asked for: `bundled`, a hub name, or a folder."""
    folder: str
    """Where the weights were read."""
    device: str
    dtype: str
    parameters: int
    positions: int
    """Tokens that prompt and continuation may have together."""
    path_comment: bool = False
    """It was trained on files that begin with their path as a comment."""
    note: str = ""
    """What a user should know of how it runs, in a sentence; empty for a GPT-Neo on the engine's own network."""


class Work(Protocol):
    """A request that an engine has begun."""

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do for it."""
        ...

    def partial(self) -> tuple[Continuation, ...]:
        """The continuations so far, in the order of the request's rows; those that grow are marked `cancelled`."""
        ...

    def result(self) -> GenerationResult:
        """What has become of it; to be asked once it is done.

        Raises:
            ModelError: it has failed.
        """
        ...


class Engine(Protocol):
    """Continues prompts."""

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        ...

    def generate(
        self, request: GenerationRequest, cancel: CancelToken | None = None, progress: TokenProgress | None = None
    ) -> GenerationResult:
        """Continue the prompt once per row; blocks until all rows are done or `cancel` is set.

        A cancelled request returns what it has, its unfinished rows marked `cancelled`.

        Raises:
            RequestError: the prompt is empty, a text is not valid Unicode, or `max_length` leaves no room for a token.
        """
        ...

    def score(self, text: str) -> tuple[float, ...]:
        """The natural logarithm of the model's probability of each token of `text`, from the first to the last.

        The first token is that of a new text: predicted by the end-of-text token, and left out where there is none.
        A text longer than the model's positions is scored in windows that overlap by half.

        Raises:
            RequestError: the text is not valid Unicode, or the memory does not suffice.
        """
        ...

    def clear_cache(self) -> None:
        """Forget what was kept of prompts for the next request."""
        ...


class SharedEngine(Engine, Protocol):
    """Continues several prompts together: whoever asks holds what is begun, and decides when all of it moves on."""

    def begin(
        self, request: GenerationRequest, cancel: CancelToken | None = None, progress: TokenProgress | None = None
    ) -> Work:
        """Take a request, and compute nothing for it yet; what is begun must be advanced until it is done.

        Raises:
            RequestError: as `generate` says.
        """
        ...

    def advance(self, works: Sequence[Work]) -> None:
        """Move on what was begun here and is not done, by a step.

        That is a chunk of one prompt, and one or more tokens of each row whose prompt is fed. What fails is done, and
        tells so in its result.
        """
        ...
