"""Contestants measured side by side: each repetition is one editing session, asked of all of them in turn.

A machine drifts from minute to minute; what is compared is therefore measured within the same seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from neocaret_model.benchmarks.contestant import Answer, Contestant
from neocaret_model.benchmarks.workload import COLD, REQUESTS, Session

Told = Callable[[], None]
"""Called after each session of each contestant."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a request."""

    prompt_tokens: int
    rows: int
    new_tokens: int
    """Of each row."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one contestant took for requests of one size."""

    who: str
    dtype: str
    threads: int
    size: Size
    requests: dict[str, Answer]
    """By the names in `REQUESTS`: medians over the sessions, each figure by itself; only the cold one where nothing is
    kept between requests."""

    @property
    def prefill_ms(self) -> float:
        """Until a prompt of which nothing is known has been read."""
        return self.requests[COLD].prefill_ms

    @property
    def token_ms(self) -> float:
        """For one more token of each row."""
        cold = self.requests[COLD]
        return cold.decode_ms / max(1, cold.new_tokens - 1)

    def request(self, name: str) -> Answer:
        """The request of this name; a cold one where nothing is kept."""
        return self.requests.get(name, self.requests[COLD])


def measure(contestants: Sequence[Contestant], sessions: Sequence[Session], size: Size, told: Told) -> list[Figures]:
    """Ask all contestants for all sessions, after one more session to warm up; the figures in their order."""
    threads = [_warm_up(contestant, sessions[0], size) for contestant in contestants]
    told()
    answers: list[dict[str, list[Answer]]] = [{} for _ in contestants]
    for session in sessions:
        for contestant, count, own in zip(contestants, threads, answers, strict=True):
            torch.set_num_threads(count)
            for name, answer in _ask(contestant, session, size).items():
                own.setdefault(name, []).append(answer)
        told()
    return [
        Figures(
            who=contestant.name,
            dtype=contestant.dtype,
            threads=count,
            size=size,
            requests={name: _median(several) for name, several in own.items()},
        )
        for contestant, count, own in zip(contestants, threads, answers, strict=True)
    ]


def _warm_up(contestant: Contestant, session: Session, size: Size) -> int:
    """Ask for a session, or a cold request with each number of threads that could be the fastest; return that."""
    if len(contestant.threads) == 1:
        torch.set_num_threads(contestant.threads[0])
        _ask(contestant, session, size)
        return contestant.threads[0]

    def cold_ms(threads: int) -> float:
        torch.set_num_threads(threads)
        contestant.forget()
        return contestant.answer(dict(session.prompts)[COLD], size.rows, size.new_tokens).ms

    cold_ms(contestant.threads[0])  # whoever comes first would be colder than the others
    return min(contestant.threads, key=cold_ms)


def _ask(contestant: Contestant, session: Session, size: Size) -> dict[str, Answer]:
    contestant.forget()
    if not contestant.keeps:
        prompts = dict(session.prompts)
        return {COLD: contestant.answer(prompts[COLD], size.rows, size.new_tokens)}
    answers = {name: contestant.answer(prompt, size.rows, size.new_tokens) for name, prompt in session.prompts}
    return {name: answers[name] for name in REQUESTS}


def _median(answers: Sequence[Answer]) -> Answer:
    return Answer(
        ms=median(answer.ms for answer in answers),
        prefill_ms=median(answer.prefill_ms for answer in answers),
        decode_ms=median(answer.decode_ms for answer in answers),
        steps=round(median(answer.steps for answer in answers)),
        reused_tokens=round(median(answer.reused_tokens for answer in answers)),
        new_tokens=round(median(answer.new_tokens for answer in answers)),
    )
