"""What is asked of an evaluation, and what comes back; knows no model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neocaret_server.backend import CompletionRequest, ModelChoice

WorkProgress = Callable[[str, int, int], None]
"""Called with what is going on, how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Which model to measure, and on what."""

    choice: ModelChoice = field(default_factory=ModelChoice)
    code: bool = True
    """Whether to measure it on held-out code."""
    folders: tuple[Path, ...] = ()
    """Of Python files that the model has not been trained on; none is the source of Neocaret itself."""
    carets: int = 300
    """Places to complete; 0 leaves this part out, as it does of the next two."""
    lines: int = 50
    """Lines to type, with as many candidates as a suggestion has."""
    kilobytes: int = 100
    """The most text whose bits are counted."""
    candidates: int = 5
    """Asked for at each caret."""
    max_new_tokens: int = CompletionRequest("").max_new_tokens
    document_ngrams: bool = CompletionRequest("").document_ngrams
    """Whether suggestions go by the n-grams of the text before the caret too."""
    other_files: int = 0
    """Of so many files beside a caret's own a window counts as text of the document."""
    human_eval: Path | None = None
    """The benchmark's own problem file: what the model writes for it is run."""
    samples: int = 10
    """For each of its problems."""
    temperature: float = 0.2
    """Of those samples."""
    seed: int = 1
    """Of the places that are drawn, and of the sampled candidates."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures, for a program and for a reader."""

    figures: dict[str, Any]
    """A JSON object."""
    text: str
