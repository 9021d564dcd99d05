"""The port to whatever is measured, and the engine behind it. No torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from neocaret_model.engine.port import CancelToken, Engine, GenerationRequest, Sampling

AskedRows = Callable[[int], tuple[Sampling, ...]]
"""How so many rows are asked for in an editor."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request took."""

    ms: float
    """From the text of the prompt to the texts of all rows."""
    prefill_ms: float
    """Until the network has read the prompt."""
    decode_ms: float
    steps: int
    """Passes through the network after the prompt."""
    reused_tokens: int
    """Tokens of the prompt that earlier requests had left in a cache."""
    new_tokens: int
    """Of the longest row."""


class Contestant(Protocol):
    """Continues prompts, and is measured."""

    @property
    def name(self) -> str:
        """Who it is."""
        ...

    @property
    def dtype(self) -> str:
        """In which format it computes, by torch's name."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether anything of a request serves the next: where not, each is a cold one."""
        ...

    @property
    def threads(self) -> tuple[int, ...]:
        """How many threads to compute with: the fastest of these is taken."""
        ...

    def answer(self, prompt: str, rows: int, new_tokens: int) -> Answer:
        """Continue `prompt` by so many rows of so many tokens."""
        ...

    def forget(self) -> None:
        """Keep nothing of earlier requests."""
        ...


@runtime_checkable
class Stoppable(Contestant, Protocol):
    """Can be stopped before its end."""

    def run(self, prompt: str, rows: int, new_tokens: int, cancel: CancelToken, decoding: Callable[[], None]) -> None:
        """Continue as `answer` does, until `cancel` is set; call `decoding` when the prompt is read."""
        ...


class OwnEngine:
    """Our engine; with the document's n-grams as an editor's request has them, or without."""

    keeps = True

    def __init__(self, engine: Engine, rows: AskedRows, threads: int, *, document: bool) -> None:
        """`threads` is what the engine's loader has chosen."""
        self._engine = engine
        self._rows = rows
        self._weight = 1.0 if document else 0.0
        self.name = "neocaret" if document else "neocaret, no guesses"
        self.dtype = engine.info.dtype
        self.threads = (threads,)

    def answer(self, prompt: str, rows: int, new_tokens: int) -> Answer:
        """As `Contestant.answer`."""
        request = self._request(prompt, rows, new_tokens)
        began = time.perf_counter()
        result = self._engine.generate(request)
        return Answer(
            ms=(time.perf_counter() - began) * 1000,
            prefill_ms=result.prefill_ms,
            decode_ms=result.decode_ms,
            steps=result.steps,
            reused_tokens=result.reused_tokens,
            new_tokens=max(row.tokens for row in result.continuations),
        )

    def run(self, prompt: str, rows: int, new_tokens: int, cancel: CancelToken, decoding: Callable[[], None]) -> None:
        """As `Stoppable.run`."""
        begun = False

        def told(_done: int, _most: int) -> None:
            nonlocal begun
            if not begun:
                begun = True
                decoding()

        self._engine.generate(self._request(prompt, rows, new_tokens), cancel, told)

    def forget(self) -> None:
        """As `Contestant.forget`."""
        self._engine.clear_cache()

    def _request(self, prompt: str, rows: int, new_tokens: int) -> GenerationRequest:
        asked = tuple(replace(row, document_weight=self._weight) for row in self._rows(rows))
        return GenerationRequest(prompt, asked, max_new_tokens=new_tokens)
