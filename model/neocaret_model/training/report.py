"""What a run tells while it goes: a bar on a terminal, and a line of figures in its log every few steps."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one measurement."""

    loss: float
    """Of the last step, in nats a token."""
    validation_loss: float
    """On the held-out packages, in nats a token."""
    validation_bits_per_byte: float


class Reporter:
    """Reports the steps of one phase; a context manager, while which the bar stands."""

    def __init__(self, name: str, log: Path, step_tokens: int, end: int) -> None:
        self._name = name
        self._log = log
        self._step_tokens = step_tokens
        self._end = end
        self._clock = _Clock(step_tokens)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} steps, loss {task.fields[loss]:.3f}"),
            TextColumn("{task.fields[speed]:,.0f} tokens/s"),
            TimeRemainingColumn(),
        )
        # Where there is no terminal the log's lines are progress enough.
        console = Console(stderr=True)
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bar = self._progress.add_task(name, total=end, loss=float("nan"), speed=0.0)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._progress.stop()

    def stepped(self, step: int, loss: float) -> None:
        """Count a step."""
        self._clock.tick()
        self._progress.update(self._bar, completed=step, loss=loss, speed=self._clock.tokens_per_second)

    def measured(self, step: int, figures: Figures) -> None:
        """Print a line of figures, and add it to the log."""
        rate = self._clock.tokens_per_second
        line = {
            "phase": self._name,
            "step": step,
            "tokens": step * self._step_tokens,
            "loss": round(figures.loss, 4),
            "validation_loss": round(figures.validation_loss, 4),
            "validation_bits_per_byte": round(figures.validation_bits_per_byte, 4),
            "tokens_per_second": round(rate),
            "seconds_left": round((self._end - step) * self._step_tokens / rate) if rate else None,
        }
        print(json.dumps(line), flush=True)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


class _Clock:
    """Tokens a second since the first step of this process was done (the first one compiles)."""

    def __init__(self, step_tokens: int) -> None:
        self._step_tokens = step_tokens
        self._ticks = -1
        self._begin = 0.0

    def tick(self) -> None:
        self._ticks += 1
        if self._ticks == 0:
            self._begin = time.monotonic()

    @property
    def tokens_per_second(self) -> float:
        return max(0, self._ticks) * self._step_tokens / max(time.monotonic() - self._begin, 1e-9)
