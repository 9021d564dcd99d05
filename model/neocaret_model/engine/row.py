"""One continuation while it grows: its tokens, its text, and why it ended. No tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from neocaret_model.engine.port import Continuation, FinishReason
from neocaret_model.engine.stopping import Repetition, StopTexts
from neocaret_model.text_stream import TextStream

Sampler = TypeVar("Sampler")


class Row(Generic[Sampler]):
    """The state of one continuation; `sampler` is what chooses its tokens, and is only carried here."""

    def __init__(
        self,
        sampler: Sampler,
        stop: tuple[str, ...],
        stream: TextStream,
        most: int,
        begins_with: str = "",
        *,
        ends: Callable[[str], int | None] | None = None,
        stop_repeating: bool = False,
    ) -> None:
        """At most so many tokens, of which `begins_with` is written again: text of the prompt, not shown."""
        self.sampler = sampler
        self.tokens: list[int] = []
        self.finish_reason: FinishReason | None = None
        """None while it grows, and for good where the generation was cancelled."""
        self._stream = stream
        self.most = most
        """How many tokens it may have."""
        self._skipped = len(begins_with)
        self._stops: list[tuple[FinishReason, Callable[[str], int | None]]] = []
        if stop:
            self._stops.append(("stop", StopTexts(stop).find))
        if ends is not None:
            self._stops.append(("stop", ends))
        if stop_repeating:
            self._stops.append(("repetition", Repetition().find))
        self._end: int | None = None
        self._logprob = 0.0
        self._mixed_logprob = 0.0

    def take(self, token: int, logprob: float, mixed_logprob: float, *, ends_text: bool) -> None:
        """Add a token, and find out whether the continuation ends with it."""
        self.tokens.append(token)
        self._stream.take(token)
        self._logprob += logprob
        self._mixed_logprob += mixed_logprob
        if ends_text:
            self.finish_reason = "eos"
        else:
            self._stop()
        if self.finish_reason is None and not self.left:
            self.finish_reason = "length"

    @property
    def left(self) -> int:
        """How many tokens more it may have."""
        return self.most - len(self.tokens)

    def continuation(self) -> Continuation:
        """What has become of it."""
        return Continuation(
            text=self._text()[: self._end],
            tokens=len(self.tokens),
            mean_logprob=self._logprob / len(self.tokens) if self.tokens else 0.0,
            finish_reason=self.finish_reason or "cancelled",
            logprob=self._mixed_logprob,
        )

    def _stop(self) -> None:
        for reason, find in self._stops:
            self._end = find(self._text())
            if self._end is not None:
                self.finish_reason = reason
                return

    def _text(self) -> str:
        return self._stream.text[self._skipped :]
