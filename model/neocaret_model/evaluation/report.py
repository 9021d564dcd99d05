"""All figures of an evaluation, as a JSON object and as tables to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from neocaret_model.engine.port import ModelInfo
from neocaret_model.evaluation.held_out import MODEL, CodeReport
from neocaret_model.evaluation.intervals import Interval, Share
from neocaret_model.evaluation.lines import LineFigures, LineReport

_MEGA = 1000**2
_KILO = 1000


@dataclass(frozen=True, slots=True)
class Report:
    """What was evaluated, and how it did."""

    model: ModelInfo
    code: CodeReport


def as_json(report: Report) -> dict[str, Any]:
    """Return every figure; shares and similarities are between 0 and 1."""
    code = report.code
    return {
        "model": asdict(report.model),
        "data": {
            "files": code.files,
            "left_out": code.left_out,
            "bytes": code.bytes,
            "fingerprint": code.fingerprint,
        },
        "lines": {name: _lines_json(lines) for name, lines in code.lines.items()},
    }


def as_text(report: Report) -> str:
    """Return the tables."""
    info, code = report.model, report.code
    model = f"{info.name}: {info.parameters / _MEGA:.3g} M parameters on {info.device} in {info.dtype}\n"
    data = (
        f"{code.files} files, {code.bytes / _KILO:.0f} kB, fingerprint {code.fingerprint}; {code.left_out} left out\n"
    )
    return "\n".join((model + data, _table(_lines_rows(code.lines, info.name))))


def _lines_json(report: LineReport) -> dict[str, Any]:
    return {
        "overall": _figures_json(report.overall),
        "kinds": {kind: _figures_json(figures) for kind, figures in report.by_kind.items()},
    }


def _figures_json(figures: LineFigures) -> dict[str, Any]:
    return {
        "carets": figures.carets,
        "exact_match": {str(best): share_json(share) for best, share in figures.exact.items()},
        "edit_similarity": round(figures.similarity, 4),
        "median_ms": round(figures.median_ms, 3),
    }


def share_json(share: Share) -> dict[str, Any]:
    """Return a share with the interval of 95 % confidence."""
    low, high = share.interval
    return {"value": round(share.value, 4), "interval_95": [round(low, 4), round(high, 4)], "hits": share.hits}


def _lines_rows(reports: dict[str, LineReport], model: str) -> Iterator[tuple[str, ...]]:
    best_of = next(iter(reports.values())).overall.exact
    exact = [f"best of {best}" for best in best_of if best > 1]
    yield ("rest of the line", "carets", "exact, first", "95 %", *exact, "similarity", "median ms")
    for name, report in reports.items():
        yield _figures_row(model if name == MODEL else name, report.overall)
        for kind, figures in report.by_kind.items():
            yield _figures_row(f"  {kind}", figures)


def _figures_row(name: str, figures: LineFigures) -> tuple[str, ...]:
    first, *others = figures.exact.values()
    return (
        name,
        str(figures.carets),
        _percent(first.value),
        _range(first.interval),
        *(_percent(share.value) for share in others),
        f"{figures.similarity:.3f}",
        f"{figures.median_ms:.1f}",
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _range(interval: Interval) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    """The rows as aligned lines, the first cell of each to the left and the others to the right."""
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return "".join(_aligned(row, widths) + "\n" for row in listed)


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    first, *others = row
    return "  ".join((first.ljust(widths[0]), *map(str.rjust, others, widths[1:])))
