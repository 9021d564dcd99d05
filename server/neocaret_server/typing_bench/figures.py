"""From what was asked, answered and told to the figures of one replay; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: times in seconds of one clock."""

    pressed: float
    """When the key was pressed that it is about."""
    sent: float
    superseded: float | None
    answered: float | None
    """None where no answer came."""
    answers: int
    suggestions: int
    source: str | None
    """`model` or `store`; None where nothing was suggested."""
    reason: str | None
    """Why nothing was suggested."""
    after_acceptance: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """One generation of the model."""

    prompt_tokens: int
    prefilled_tokens: int
    decoded_tokens: int
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """All that was seen while one policy was typed with."""

    asked: Sequence[Asked]
    work: Sequence[Work]
    keys: int
    keys_alone: int
    characters: int
    accepted: int
    acceptances: int
    seconds: float
    processor_seconds: float | None
    """Of the server; None where the system does not tell."""
    memory: Sequence[tuple[float, int]]
    """Seconds since the beginning, and bytes."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds; all 0 where there is nothing to measure."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What the benchmark reports of a policy. Shares are between 0 and 1, and 0 of nothing."""

    keys: int
    requests: int
    seconds: float
    answer: Times
    """From the request to its answer, of all that were not superseded, whatever was answered."""
    answer_with: Times
    """The same of those with a suggestion."""
    answer_model: Times
    """The same of those that the model was asked for."""
    answer_accepted: Times
    """The same of those with a suggestion that were sent at an acceptance, or with the key after it."""
    since_key: Times
    """From the key to a suggestion, the editor's own delay included."""
    superseded: Times
    """From the cancel to the answer."""
    without_model: float
    """Share of the suggestions that needed no work of the model."""
    without_model_accepted: float
    """The same of those after an acceptance."""
    silent: float
    """Share of the answers without a suggestion."""
    reasons: Mapping[str, int]
    """Of those."""
    unmatched: int
    """Requests without exactly one answer: must be none."""
    generations: int
    cancelled_generations: int
    prompt_per_key: float
    prefilled_per_key: float
    decoded_per_key: float
    """In tokens, of all candidates together."""
    processor_ms_per_key: float | None
    """Of the server, all threads together: what does not depend on who else uses the machine."""
    keys_saved: float
    accepted: float
    """Share of the characters that were not typed."""
    acceptances: int
    memory_start: int | None
    memory_end: int | None
    memory_most: int | None


def figures_of(replay: Replay) -> Figures:
    """Reduce a replay to its figures."""
    answered = [each for each in replay.asked if each.superseded is None and each.answered is not None]
    suggested = [each for each in answered if each.suggestions]
    silent = [each for each in answered if not each.suggestions]
    late = [each for each in replay.asked if each.superseded is not None and each.answered is not None]
    memory = [size for _, size in replay.memory]
    return Figures(
        keys=replay.keys,
        requests=len(replay.asked),
        seconds=replay.seconds,
        answer=times(_answer_ms(answered)),
        answer_with=times(_answer_ms(suggested)),
        answer_model=times(_answer_ms(each for each in answered if each.source == "model")),
        answer_accepted=times(_answer_ms(each for each in suggested if each.after_acceptance)),
        since_key=times((each.answered - each.pressed) * _MS for each in suggested if each.answered is not None),
        superseded=times(_late_ms(late)),
        without_model=_share_of_store(suggested),
        without_model_accepted=_share_of_store([each for each in suggested if each.after_acceptance]),
        silent=_share(len(silent), len(answered)),
        reasons=dict(Counter(each.reason or "not told" for each in silent).most_common()),
        unmatched=sum(each.answers != 1 for each in replay.asked),
        generations=len(replay.work),
        cancelled_generations=sum(each.cancelled for each in replay.work),
        prompt_per_key=_share(sum(each.prompt_tokens for each in replay.work), replay.keys),
        prefilled_per_key=_share(sum(each.prefilled_tokens for each in replay.work), replay.keys),
        decoded_per_key=_share(sum(each.decoded_tokens for each in replay.work), replay.keys),
        processor_ms_per_key=None
        if replay.processor_seconds is None
        else _share(replay.processor_seconds * _MS, replay.keys),
        keys_saved=1 - _share(replay.keys, replay.keys_alone) if replay.keys_alone else 0.0,
        accepted=_share(replay.accepted, replay.characters),
        acceptances=replay.acceptances,
        memory_start=memory[0] if memory else None,
        memory_end=memory[-1] if memory else None,
        memory_most=max(memory, default=None),
    )


def times(milliseconds: Iterable[float]) -> Times:
    """Return percentiles by the nearest rank: each is a time that was measured."""
    ordered = sorted(milliseconds)
    if not ordered:
        return Times(0, 0.0, 0.0, 0.0, 0.0)
    p50, p95, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95, 0.99))
    return Times(len(ordered), p50, p95, p99, ordered[-1])


def asked_and_worked(
    questions: Iterable[Mapping[str, Any]], traces: Iterable[Mapping[str, Any]]
) -> tuple[list[Asked], list[Work]]:
    """Join the questions, each with its key of place and channel, to what the server told of them.

    A question that it told nothing of was cancelled before it was taken up.
    """
    told: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    work = []
    for trace in traces:
        if trace["kind"] == "work":
            names = ("prompt_tokens", "prefilled_tokens", "decoded_tokens", "cancelled")
            work.append(Work(**{name: trace[name] for name in names}))
        else:
            told[tuple(trace[name] for name in PLACE)] = trace
    asked = []
    for question in questions:
        fields = dict(question)
        trace = told.get(fields.pop("place"), {})
        asked.append(Asked(**fields, source=trace.get("source"), reason=trace.get("reason")))
    return asked, work


PLACE = ("uri", "version", "line", "character", "channel")
"""What tells one question from another, in a trace as in the key of a question."""


def _answer_ms(asked: Iterable[Asked]) -> Iterable[float]:
    return ((each.answered - each.sent) * _MS for each in asked if each.answered is not None)


def _late_ms(asked: Iterable[Asked]) -> Iterable[float]:
    # An answer may have been on its way already when the editor lost interest.
    return (
        max(0.0, each.answered - each.superseded) * _MS
        for each in asked
        if each.answered is not None and each.superseded is not None
    )


def _share_of_store(suggested: Sequence[Asked]) -> float:
    return _share(sum(each.source == "store" for each in suggested), len(suggested))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
