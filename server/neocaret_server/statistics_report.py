"""The statistics as figures to read: a row for each week, model and language, and one for all together; pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Any

from neocaret_server.statistics import (
    AFTER_SECONDS,
    Of,
    acceptance_rate,
    answer_times,
    left_after,
    percentile,
    total,
)

_HEADER = ("week", "model", "language", "offered", "shown", "accepted", "rate", "characters")
_LATER = tuple(f"after {seconds} s" for seconds in AFTER_SECONDS)
_TIMES = ("p50 ms", "p95 ms")
_TEXT_COLUMNS = 3
_NONE = "-"
_NOTES = """
rate: accepted, of those shown where the editor tells, else of those offered
characters: of accepted text, less one for each key that accepted
after 30 s, after 300 s: accepted text that stands as it was / with at most a third of its words changed
p50, p95: from the question to an answer with a suggestion; right to a tenth
"""


def by_week(rows: Mapping[Of, Mapping[str, int]]) -> dict[Of, Counter[str]]:
    """Add counts up by the week of their day, as `2026-W48`."""
    weeks: dict[Of, Counter[str]] = {}
    for of, counts in rows.items():
        key = of._replace(day=week_of(of.day))
        weeks[key] = total([weeks.get(key, {}), counts])
    return dict(sorted(weeks.items()))


def week_of(day: str) -> str:
    """Return the ISO week of a day; of what is no day, as somebody may have written it, the text itself."""
    try:
        year, week, _ = dt.date.fromisoformat(day).isocalendar()
    except ValueError:
        return day
    return f"{year}-W{week:02}"


def table(rows: Mapping[Of, Mapping[str, int]]) -> str:
    """Return the table, and what its columns mean."""
    weeks = by_week(rows)
    lines = [(*_HEADER, *_LATER, *_TIMES)]
    lines += [(*of, *_cells(counts)) for of, counts in weeks.items()]
    lines.append(("all", "", "", *_cells(total(weeks.values()))))
    return _aligned(lines) + _NOTES


def figures(rows: Mapping[Of, Mapping[str, int]]) -> dict[str, Any]:
    """Return the same for programs, with null where there is nothing to divide by."""
    weeks = by_week(rows)
    listed = [
        {"week": of.day, "model": of.model, "language": of.language, **_figures(each)} for of, each in weeks.items()
    ]
    return {"weeks": listed, "all": _figures(total(weeks.values()))}


def _figures(counts: Mapping[str, int]) -> dict[str, Any]:
    times = answer_times(counts)
    return {
        **{name: counts.get(name, 0) for name in ("offered", "shown", "accepted", "characters")},
        "rate": acceptance_rate(counts),
        **{f"after{seconds}": _left(counts, seconds) for seconds in AFTER_SECONDS},
        "answers": sum(number for _, number in times),
        "p50Ms": percentile(times, 0.5),
        "p95Ms": percentile(times, 0.95),
    }


def _left(counts: Mapping[str, int], seconds: int) -> dict[str, float] | None:
    left = left_after(counts, seconds)
    return None if left is None else {"unchanged": left[0], "mostly": left[1]}


def _cells(counts: Mapping[str, int]) -> list[str]:
    of = _figures(counts)
    later = (of[f"after{seconds}"] for seconds in AFTER_SECONDS)
    return [
        str(of["offered"]),
        str(of["shown"] or _NONE),
        str(of["accepted"]),
        _share(of["rate"]),
        str(of["characters"]),
        *(_NONE if each is None else f"{_share(each['unchanged'])} / {_share(each['mostly'])}" for each in later),
        *(_NONE if of[name] is None else f"{of[name]:.3g}" for name in ("p50Ms", "p95Ms")),
    ]


def _share(value: float | None) -> str:
    return _NONE if value is None else f"{value:.0%}"


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if number < _TEXT_COLUMNS else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)
