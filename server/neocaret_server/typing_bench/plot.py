"""The figures as a picture: how many answers came within which time, and memory over the replay."""

from __future__ import annotations

from neocaret_server.pictures import as_png, new_picture
from neocaret_server.typing_bench.figures import Replay
from neocaret_server.typing_bench.report import Report

_MS = 1000.0
_MIB = 1024**2
_LEAST_MS = 0.1


def plot(report: Report) -> bytes:
    """Draw the share of answers with a suggestion within each time, and the memory, a line for each policy; a PNG.

    Raises:
        BackendError: matplotlib is not installed.
    """
    picture = new_picture(11, 4.5)
    left, right = picture.subplots(1, 2)
    for each in report.policies:
        waits = answer_waits(each.replay)
        shares = [(number + 1) / len(waits) for number in range(len(waits))]
        left.step(waits, shares, where="post", label=each.policy.name)
        right.plot(
            [seconds / 60 for seconds, _ in each.replay.memory],
            [size / _MIB for _, size in each.replay.memory],
            label=each.policy.name,
        )
    left.set_xscale("log")
    left.set_xlabel("ms from the request to its answer")
    left.set_ylabel("share of the answers with a suggestion")
    right.set_xlabel("minutes")
    right.set_ylabel("resident memory, MiB")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    return as_png(picture)


def answer_waits(replay: Replay) -> list[float]:
    """Return the milliseconds to each answer with a suggestion, in ascending order; for a logarithmic scale, none 0."""
    return sorted(
        max(_LEAST_MS, (each.answered - each.sent) * _MS)
        for each in replay.asked
        if each.answered is not None and each.superseded is None and each.suggestions
    )
