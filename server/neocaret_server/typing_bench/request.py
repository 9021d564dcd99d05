"""What is asked of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from neocaret_server.backend import ModelChoice
from neocaret_server.typing_bench.policies import POLICIES


@dataclass(frozen=True, slots=True)
class TypingRequest:
    """What to type, how, and with which model."""

    choice: ModelChoice = field(default_factory=ModelChoice)
    folders: tuple[Path, ...] = ()
    """Of Python files that the model has not been trained on; none is the source of Neocaret itself."""
    minutes: float = 2.0
    """Of typing, for one who accepts nothing, with each policy."""
    speed: float = 1.0
    """How many times shorter the pauses of one who thinks are made."""
    editor: str = "vscode"
    policies: tuple[str, ...] = tuple(policy.name for policy in POLICIES)
    seed: int = 1
    """Of the passages, the rhythm, and the sampled candidates."""
