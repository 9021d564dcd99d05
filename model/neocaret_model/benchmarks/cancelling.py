"""How soon whoever is cancelled is idle, so that a next request could begin.

The moments are spread evenly over the reading of a prompt, and over the writing of its continuations: by the golden
ratio, so that the first few of them are spread evenly too, where time does not suffice for all.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import torch

from neocaret_model.benchmarks.contestant import Answer, Contestant, Stoppable
from neocaret_model.benchmarks.measuring import Size
from neocaret_model.engine.port import CancelToken

Phase = Literal["prefill", "decode"]
PHASES: tuple[Phase, ...] = ("prefill", "decode")

ENOUGH, SECONDS = 20, 60.0
"""After so many cancels a contestant is not cancelled for longer than this in one phase."""
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Cancels:
    """What became of many cancels of one contestant in one phase."""

    who: str
    dtype: str
    threads: int
    size: Size
    phase: Phase
    stops: bool
    """Whether it can be stopped at all: where not, each figure is the time to its end."""
    times_ms: tuple[float, ...]
    """From the cancel until it was idle, in ascending order; one or more."""

    @property
    def p50_ms(self) -> float:
        """The median."""
        return median(self.times_ms)

    @property
    def p99_ms(self) -> float:
        """What at least 99 % took at most: with fewer than a hundred cancels, the longest time."""
        return self.times_ms[math.ceil(0.99 * len(self.times_ms)) - 1]


def measure_cancels(
    contestants: Sequence[tuple[Contestant, int]], prompt: str, size: Size, count: int, told: Callable[[], None]
) -> list[Cancels]:
    """Cancel each contestant `count` times in each phase.

    Args:
        contestants: each with its number of threads.
        prompt: of the size's length.
        size: of the requests.
        count: one or more.
        told: called after each contestant.
    """
    measured: list[Cancels] = []
    for contestant, threads in contestants:
        torch.set_num_threads(threads)
        for phase in PHASES:
            if isinstance(contestant, Stoppable):
                stops, times = True, _stopped(contestant, prompt, size, phase, count)
            else:
                stops, times = False, _to_the_end(contestant, prompt, size, phase, count)
            if times:
                who, dtype, sorted_ms = contestant.name, contestant.dtype, tuple(sorted(times))
                measured.append(Cancels(who, dtype, threads, size, phase, stops, sorted_ms))
        told()
    return measured


def moments(count: int) -> Iterator[float]:
    """Yield so many shares of a time, from 0 to 1."""
    return ((0.5 + place * _GOLDEN) % 1 for place in range(count))


def _to_the_end(contestant: Contestant, prompt: str, size: Size, phase: Phase, count: int) -> list[float]:
    """What is left, at each moment, of a request that nothing stops."""
    answer = _cold(contestant, prompt, size)
    length, after = (answer.prefill_ms, answer.decode_ms) if phase == "prefill" else (answer.decode_ms, 0.0)
    return [(1 - share) * length + after for share in moments(count)]


def _stopped(contestant: Stoppable, prompt: str, size: Size, phase: Phase, count: int) -> list[float]:
    answer = _cold(contestant, prompt, size)
    seconds = (answer.prefill_ms if phase == "prefill" else answer.decode_ms) / 1000
    began = time.perf_counter()
    times: list[float] = []
    for share in moments(count):
        if len(times) >= ENOUGH and time.perf_counter() - began > SECONDS:
            break
        if phase == "prefill":
            contestant.forget()
        ms = _Cancel(share * seconds).measure(contestant, prompt, size, phase)
        if ms is not None:
            times.append(ms)
    return times


def _cold(contestant: Contestant, prompt: str, size: Size) -> Answer:
    contestant.forget()
    return contestant.answer(prompt, size.rows, size.new_tokens)


class _Cancel:
    """One cancel, by another thread."""

    def __init__(self, after_seconds: float) -> None:
        self._after = after_seconds
        self._token = CancelToken()
        self._thread = threading.Thread(target=self._cancel)
        self._read = False
        self._at = math.inf

    def measure(self, contestant: Stoppable, prompt: str, size: Size, phase: Phase) -> float | None:
        """Milliseconds until the contestant was idle; None where the phase had ended before the cancel."""
        if phase == "prefill":
            self._thread.start()
            contestant.run(prompt, size.rows, size.new_tokens, self._token, self._note)
        else:
            contestant.run(prompt, size.rows, size.new_tokens, self._token, self._thread.start)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        idle = time.perf_counter()
        self._thread.join()
        return None if self._read or self._at > idle else (idle - self._at) * 1000

    def _note(self) -> None:
        self._read = not self._token.cancelled

    def _cancel(self) -> None:
        time.sleep(self._after)
        self._at = time.perf_counter()
        self._token.cancel()
