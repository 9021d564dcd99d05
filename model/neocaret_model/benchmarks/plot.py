"""The figures of a benchmark as a picture."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from itertools import cycle, groupby
from typing import Any

from neocaret_model.benchmarks.errors import BenchmarkError
from neocaret_model.benchmarks.measuring import Figures
from neocaret_model.benchmarks.report import ModelReport, Report

_SHOWN = ("cold", "+3")
"""The requests that are drawn; the others lie beside the second."""
_PANEL = 4.0
"""Width and height of one, in inches."""
_LEGEND = 2.5
"""Its width."""


def plot(report: Report) -> bytes:
    """Draw the milliseconds of requests against the prompt's length, on logarithmic scales, as a PNG.

    A row of panels for each model and each number of candidates; a panel for a cold request, one for the next after
    three tokens typed, and one for a token, each with the limit that memory sets. Below them, for each model, how soon
    each contestant is idle when it is cancelled.

    Raises:
        BenchmarkError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BenchmarkError(
            "The picture is drawn with matplotlib, which is not installed: pip install 'neocaret[bench]'."
        ) from None
    groups = [(model, rows, figures) for model in report.models for rows, figures in _by_rows(model)]
    columns = len(_SHOWN) + 1
    cancelled = [model for model in report.models if model.cancels]
    lines = len(groups) + len(cancelled)
    picture = Figure(figsize=(columns * _PANEL + _LEGEND, lines * _PANEL), layout="constrained")
    grid = picture.add_gridspec(lines, columns)
    for place, (model, rows, figures) in enumerate(groups):
        line = [picture.add_subplot(grid[place, column]) for column in range(columns)]
        for axes, what in zip(line, (*_SHOWN, "token"), strict=True):
            _draw(axes, figures, what)
            _draw_limits(axes, model, report, report.new_tokens if what in _SHOWN else 1)
            axes.set_title(f"{model.name}, {rows} candidate{'s' if rows > 1 else ''}: {what}", fontsize="medium")
        line[0].set_ylabel("ms")
        line[-1].legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    for place, model in enumerate(cancelled, len(groups)):
        _draw_cancels(picture.add_subplot(grid[place, :]), model)
    file = BytesIO()
    picture.savefig(file, format="png", dpi=120)
    return file.getvalue()


def _by_rows(model: ModelReport) -> Iterable[tuple[int, list[Figures]]]:
    ordered = sorted(model.figures, key=lambda figures: figures.size.rows)
    for rows, figures in groupby(ordered, key=lambda figures: figures.size.rows):
        yield rows, list(figures)


def _draw(axes: Any, figures: list[Figures], what: str) -> None:
    """Draw a line for each contestant; `figures` are of one number of rows, in ascending order of length."""
    from matplotlib.ticker import LogLocator, NullFormatter

    for who, dtype in dict.fromkeys((each.who, each.dtype) for each in figures):
        own = [each for each in figures if (each.who, each.dtype) == (who, dtype)]
        times = [each.token_ms if what == "token" else each.request(what).ms for each in own]
        axes.plot([each.size.prompt_tokens for each in own], times, marker="o", label=f"{who}, {dtype}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    lengths = sorted({each.size.prompt_tokens for each in figures})
    axes.set_xticks(lengths, [str(length) for length in lengths])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("tokens of the prompt")
    axes.grid(alpha=0.3, which="both")


def _draw_cancels(axes: Any, model: ModelReport) -> None:
    """Draw a bar for each contestant and phase: the median, and a line on to what 99 % took at most."""
    names = [f"{each.who}, {each.dtype}: {each.phase}" for each in model.cancels]
    medians = [each.p50_ms for each in model.cancels]
    beyond = [each.p99_ms - each.p50_ms for each in model.cancels]
    axes.barh(names, medians, xerr=[[0.0] * len(beyond), beyond], capsize=3)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("ms from a cancel until idle: the median, and up to what 99 % took at most")
    size = model.cancels[0].size
    axes.set_title(f"{model.name}, {size.prompt_tokens} tokens, {size.rows} candidates: cancelled", fontsize="medium")
    axes.grid(alpha=0.3, axis="x")


def _draw_limits(axes: Any, model: ModelReport, report: Report, passes: int) -> None:
    """Draw how long reading all weights so many times takes at the least, for each number format."""
    for (dtype, size), style in zip(model.bytes_a_pass.items(), cycle((":", "--", "-.")), strict=False):
        least_ms = passes * size / report.machine.bytes_a_second * 1000
        axes.axhline(least_ms, color="black", linestyle=style, linewidth=1, label=f"memory's limit, {dtype}")
