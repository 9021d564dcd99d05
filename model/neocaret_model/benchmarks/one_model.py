"""All contestants over one model: every size asked of all of them, and then each of them cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from neocaret_model.benchmarks.cancelling import Cancels, measure_cancels
from neocaret_model.benchmarks.contestant import Contestant
from neocaret_model.benchmarks.measuring import Figures, Size, measure
from neocaret_model.benchmarks.pace import Pace, effort
from neocaret_model.benchmarks.plan import Plan, Progress
from neocaret_model.benchmarks.workload import COLD, Texts


@dataclass(frozen=True, slots=True)
class OneModel:
    """The contestants over one model, all asked the same."""

    model: str
    """As it is told."""
    plan: Plan
    progress: Progress
    deadline: float
    """By `time.perf_counter`."""
    contestants: Sequence[Contestant]
    texts: Texts

    def figures(self, lengths: Sequence[int]) -> tuple[list[Figures], list[Size]]:
        """Measure requests of each size, the first whatever it takes; returns the sizes that were left out as well."""
        sizes = [Size(length, rows, self.plan.new_tokens) for length, rows in product(lengths, self.plan.rows)]
        efforts = [effort(size.prompt_tokens, size.rows) for size in sizes]
        pace = Pace(efforts)
        figures: list[Figures] = []
        left_out: list[Size] = []
        for place, (size, own) in enumerate(zip(sizes, efforts, strict=True)):
            began = time.perf_counter()
            if figures and began + pace.expected_seconds(own) > self.deadline:
                left_out.append(size)
                pace.skip(own)
                continue
            sessions = list(self.texts.sessions(size.prompt_tokens, self.plan.repetitions))
            figures += measure(self.contestants, sessions, size, self._told(size, place, len(sizes), pace))
            pace.took(own, time.perf_counter() - began)
        return figures, left_out

    def cancels(self, figures: Sequence[Figures], length: int) -> list[Cancels]:
        """Cancel the longest requests for the most rows, if there is time left."""
        if not self.plan.cancels or time.perf_counter() > self.deadline:
            return []
        size = Size(length, max(self.plan.rows), self.plan.new_tokens)
        prompt = dict(next(self.texts.sessions(length, 1)).prompts)[COLD]
        threads = [each.threads for each in figures[-len(self.contestants) :]]
        done = 0

        def told() -> None:
            nonlocal done
            done += 1
            self.progress(f"Cancelling {self.model}", done, len(self.contestants))

        return measure_cancels(list(zip(self.contestants, threads, strict=True)), prompt, size, self.plan.cancels, told)

    def _told(self, size: Size, place: int, sizes: int, pace: Pace) -> Callable[[], None]:
        sessions = self.plan.repetitions + 1
        done = place * sessions
        what = f"Measuring {self.model}, N={size.prompt_tokens} K={size.rows}"
        message = f"{what}, {left}" if (left := pace.left()) else what

        def told() -> None:
            nonlocal done
            done += 1
            self.progress(message, done, sizes * sessions)

        self.progress(message, done, sizes * sessions)
        return told
