"""What is counted of suggestions, by day, model and language: numbers, never any text; pure.

Counts have these names:
- `offered`, `shown`, `accepted`: suggestions. One that is typed into stays the same, and so it is on both channels.
- `shownAccepted`: of the accepted ones those that a client said it had shown.
- `characters`: of accepted text, less one for each key that accepted.
- `answer:N`: answers with a suggestion that took about 2 ** (N / 4) milliseconds.
- `after30:V` and `after300:V`: accepted texts so many seconds later; V is one of `VERDICTS`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

Verdict = Literal["unchanged", "mostly", "gone"]
VERDICTS: tuple[Verdict, ...] = ("unchanged", "mostly", "gone")
AFTER_SECONDS = (30, 300)

_STEPS = 4
"""For each doubling of a time, so that what is read from the counts is right to a tenth."""
_LEAST_MS = 0.05
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
_LONGEST_NAME = 100


class Of(NamedTuple):
    """What a count belongs to."""

    day: str
    """As `2026-11-23`, of the user's own clock."""
    model: str
    language: str


def model_label(model: str) -> str:
    """Return the name to count a model under: of a folder its last part only."""
    folder = model.startswith(("/", ".", "~")) or "\\" in model or model.count("/") > 1
    name = re.split(r"[/\\]", model.rstrip("/\\"))[-1] if folder else model
    return name[:_LONGEST_NAME] or "other"


def language_label(language_id: str) -> str:
    """Return the name to count a language under, whatever a client calls it."""
    return language_id if _LANGUAGE.fullmatch(language_id) else "other"


def answer_name(ms: float) -> str:
    """Return the name that an answer of so many milliseconds is counted under."""
    return f"answer:{round(math.log2(max(ms, _LEAST_MS)) * _STEPS)}"


def after_name(seconds: int, verdict: Verdict) -> str:
    """Return the name that what is left of an accepted text is counted under."""
    return f"after{seconds}:{verdict}"


def answer_times(counts: Mapping[str, int]) -> list[tuple[float, int]]:
    """Return the milliseconds that answers took, in ascending order, with their numbers."""
    steps = sorted((int(name.partition(":")[2]), number) for name, number in counts.items() if _is_answer(name))
    return [(2 ** (step / _STEPS), number) for step, number in steps]


def percentile(times: Iterable[tuple[float, int]], share: float) -> float | None:
    """Return the milliseconds within which this share of the answers came; None without answers."""
    times = list(times)
    left = share * sum(number for _, number in times)
    for ms, number in times:
        left -= number
        if left <= 0:
            return ms
    return None


def acceptance_rate(counts: Mapping[str, int]) -> float | None:
    """Return the share that was accepted: of what was shown where clients tell, else of what was offered."""
    if shown := counts.get("shown"):
        return counts.get("shownAccepted", 0) / shown
    return counts.get("accepted", 0) / offered if (offered := counts.get("offered")) else None


def left_after(counts: Mapping[str, int], seconds: int) -> tuple[float, float] | None:
    """Return the shares of accepted texts that stood unchanged, and at least mostly, so many seconds later."""
    unchanged, mostly, gone = (counts.get(after_name(seconds, verdict), 0) for verdict in VERDICTS)
    whole = unchanged + mostly + gone
    return (unchanged / whole, (unchanged + mostly) / whole) if whole else None


def is_count(name: str) -> bool:
    """Say whether something is counted under this name."""
    return name in _NAMES or _is_answer(name)


def total(all_counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """Add counts up."""
    summed: Counter[str] = Counter()
    for counts in all_counts:
        summed.update(counts)
    return summed


def _is_answer(name: str) -> bool:
    return re.fullmatch(r"answer:-?[0-9]{1,3}", name) is not None


_NAMES = frozenset({"offered", "shown", "accepted", "shownAccepted", "characters"}) | {
    after_name(seconds, verdict) for seconds in AFTER_SECONDS for verdict in VERDICTS
}
