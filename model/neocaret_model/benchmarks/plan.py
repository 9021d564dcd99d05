"""What a benchmark is asked for. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from neocaret_model.benchmarks.contestant import AskedRows
from neocaret_model.engine.port import Engine

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much of it is done, and of how much."""

LoadEngine = Callable[[str, str], Engine]
"""From a model's name or folder, and the name of a number format."""


Peer = Literal["pipeline", "cache", "onnxruntime"]
"""The tutorial's pipeline, `generate` with a cache that is kept, or our own graph: the latter where it is installed."""

EVERYONE: tuple[Peer, ...] = get_args(Peer)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    models: tuple[str, ...]
    device: str
    dtypes: tuple[str, ...]
    """Of our engine; the first is what others are compared with."""
    lengths: tuple[int, ...]
    """Tokens of the prompts; what a model has no positions for is cut to what it has."""
    rows: tuple[int, ...]
    new_tokens: int
    """Of each row; two or more."""
    repetitions: int
    asked_rows: AskedRows
    peers: tuple[Peer, ...]
    """Who is measured beside our engine."""
    cancels: int = 0
    """How often each is cancelled in each phase."""
    minutes: float = math.inf
    """What would take longer than this, by how long the rest took, is left out."""
