"""One request on its way through the engine: what of it is fed, which rows grow, and what becomes of it. No tensors."""

from __future__ import annotations

from typing import Generic

from neocaret_model.engine.open_document import OpenDocument
from neocaret_model.engine.plan import Plan
from neocaret_model.engine.port import CancelToken, Continuation, GenerationResult, TokenProgress
from neocaret_model.engine.row import Row, Sampler
from neocaret_model.engine.runner import KeptT, Rows


class Generation(Generic[KeptT, Sampler]):
    """The state of a request between two steps; the engine alone changes it."""

    def __init__(
        self,
        plan: Plan,
        rows: list[Row[Sampler]],
        document: OpenDocument | None,
        cancel: CancelToken,
        progress: TokenProgress | None,
    ) -> None:
        """`document` is held until the generation is done."""
        self.plan = plan
        self.rows = rows
        self.document = document
        self.cancel = cancel
        self.kept: KeptT | None = None
        """The prompt's keys and values; None before the first chunk."""
        self.fed = 0
        """How many tokens of the prompt `kept` covers."""
        self.reused = 0
        """How many of them came from an earlier request."""
        self.chunks = 0
        """How many chunks of the prompt were fed."""
        self.running: Rows | None = None
        """The rows that grow, in the order of `going`; None until the prompt is fed."""
        self.going: list[Row[Sampler]] = []
        self.steps = 0
        self.prefill_seconds = 0.0
        self.decode_seconds = 0.0
        self.done = False
        self.error: Exception | None = None
        self._progress = progress

    @property
    def feeding(self) -> bool:
        """Whether the prompt is not fed to its end."""
        return self.fed < len(self.plan.tokens)

    def tell(self) -> None:
        """Say how many tokens there are."""
        if self._progress is not None:
            self._progress(max(len(row.tokens) for row in self.rows), self.rows[0].most)

    def partial(self) -> tuple[Continuation, ...]:
        """The continuations so far; see the port."""
        return tuple(row.continuation() for row in self.rows)

    def result(self) -> GenerationResult:
        """What has become of it.

        Raises:
            ModelError: it has failed.
        """
        if self.error is not None:
            raise self.error
        return GenerationResult(
            continuations=self.partial(),
            prompt_tokens=self.plan.prompt_tokens,
            used_tokens=len(self.plan.tokens) + self.plan.rewritten_tokens,
            reused_tokens=self.reused,
            steps=self.steps,
            prefill_ms=self.prefill_seconds * 1000,
            decode_ms=self.decode_seconds * 1000,
        )
