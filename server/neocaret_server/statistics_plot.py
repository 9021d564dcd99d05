"""The statistics as a picture: suggestions, acceptance and characters by week, and the times of answers."""

from __future__ import annotations

from collections.abc import Mapping

from neocaret_server.pictures import as_png, new_picture
from neocaret_server.statistics import Of, acceptance_rate, answer_times, total
from neocaret_server.statistics_report import by_week


def plot(rows: Mapping[Of, Mapping[str, int]]) -> bytes:
    """Draw all models and languages together; a PNG.

    Raises:
        BackendError: matplotlib is not installed.
    """
    weekly = by_week(rows)
    weeks = sorted({of.day for of in weekly})
    counts = [total(each for of, each in weekly.items() if of.day == week) for week in weeks]
    picture = new_picture(12, 4)
    left, middle, right = picture.subplots(1, 3)
    for name in ("offered", "accepted"):
        left.plot(weeks, [each[name] for each in counts], marker="o", label=name)
    left.set_ylabel("suggestions")
    left.legend()
    middle.plot(weeks, [100 * (acceptance_rate(each) or 0) for each in counts], marker="o", label="accepted, %")
    middle.plot(weeks, [each["characters"] / 100 for each in counts], marker="o", label="characters saved, hundreds")
    middle.legend()
    times = answer_times(total(counts))
    right.bar([ms for ms, _ in times], [number for _, number in times], width=[0.15 * ms for ms, _ in times])
    right.set_xscale("log")
    right.set_xlabel("ms to an answer")
    right.set_ylabel("answers")
    for axes in (left, middle):
        axes.tick_params(axis="x", rotation=60)
        axes.set_ylim(bottom=0)
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
    return as_png(picture)
