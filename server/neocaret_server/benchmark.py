"""What is asked of a benchmark, and what comes back; knows no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

Peer = Literal["pipeline", "cache", "onnxruntime"]
"""The tutorial's pipeline, `generate` with a cache that is kept, onnxruntime."""
EVERYONE: tuple[Peer, ...] = get_args(Peer)


@dataclass(frozen=True, slots=True)
class BenchmarkRequest:
    """Which models to measure, and how thoroughly."""

    models: tuple[str, ...] = ("bundled", "125m")
    """Each the bundled one, a hub name, or a folder; of EleutherAI's that are not here, shapes with random weights."""
    device: str = "auto"
    dtypes: tuple[str, ...] = ("auto",)
    """Of our engine; the first is what others are compared with."""
    prompt_tokens: tuple[int, ...] = (128, 512, 1024, 1900)
    candidates: tuple[int, ...] = (1, 3, 5)
    new_tokens: int = 32
    """Of each candidate."""
    repetitions: int = 5
    """The median of which is shown, after one more to warm up."""
    cancels: int = 100
    """How often each is cancelled while it reads a prompt, and while it writes; 0 is not at all."""
    minutes: float | None = None
    """What would take longer than this is left out; None is without limit."""
    peers: tuple[Peer, ...] = EVERYONE
    """Who is measured too; onnxruntime where it is installed."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The figures, for a program and for a reader."""

    figures: dict[str, Any]
    """A JSON object."""
    text: str
    picture: bytes | None
    """A PNG; None where it cannot be drawn here."""
    note: str = ""
    """Why there is no picture."""
