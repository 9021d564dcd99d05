"""Whatever suggests how a line goes on: the port of the evaluation, and a model behind it.

Which rows are asked of the model, and how its continuations become a list, is the asker's way: what is evaluated is
what the user is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neocaret_model.engine.port import Continuation, Engine, GenerationRequest, Sampling
from neocaret_model.evaluation.other_files import Related

Suggest = Callable[[str, str], Sequence[str]]
"""From a file's path and its text before the caret to continuations up to the line's end, best first."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a model is asked for a suggestion."""

    candidates: int
    """How many suggestions are asked for."""
    rows: tuple[Sampling, ...]
    """How the model writes continuations to choose them from."""
    max_new_tokens: int
    offer: Callable[[str, Sequence[str], Sequence[Continuation]], list[str]]
    """From the text before the caret, texts of other files and the continuations to what is offered, best first."""


def ask_engine(engine: Engine, asking: Asking, related: Related) -> Suggest:
    """Return what asks the engine; the n-grams of what `related` has for a caret count as the document's own."""

    def suggest(path: str, before: str) -> list[str]:
        others = tuple(related(path, before))
        request = GenerationRequest(
            before,
            asking.rows,
            asking.max_new_tokens,
            stop=("\n",),
            stop_repeating=True,
            path=path,
            elsewhere=others,
            heal=True,
        )
        return asking.offer(before, others, engine.generate(request).continuations)

    return suggest
