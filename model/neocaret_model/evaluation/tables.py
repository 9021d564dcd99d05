"""The figures of an evaluation as tables to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from neocaret_model.evaluation.acceptance import TypingReport
from neocaret_model.evaluation.bits import BitsReport
from neocaret_model.evaluation.held_out import MODEL, CodeReport
from neocaret_model.evaluation.human_eval import HumanEvalReport
from neocaret_model.evaluation.intervals import Interval
from neocaret_model.evaluation.lines import LineFigures, LineReport
from neocaret_model.evaluation.report import Report

_MEGA = 1000**2
_KILO = 1000


def as_text(report: Report) -> str:
    """Return the tables."""
    info = report.model
    parts = [f"{info.name}: {info.parameters / _MEGA:.3g} M parameters on {info.device} in {info.dtype}\n"]
    if report.code:
        parts += _code_parts(report.code, info.name)
    if report.human_eval:
        parts.append(_human_eval_part(report.human_eval))
    return "\n".join(parts)


def _code_parts(code: CodeReport, model: str) -> Iterator[str]:
    yield f"{code.files} files, {code.bytes / _KILO:.0f} kB, fingerprint {code.fingerprint}; {code.left_out} left out\n"
    if code.lines:
        yield _table(_lines_rows(code.lines, model))
    if code.typing:
        yield _table(_typing_rows(code.typing, model))
    if code.bits:
        yield _table(_bits_rows(code.bits, model))


def _human_eval_part(report: HumanEvalReport) -> str:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.verdicts.items()))
    network = "in network namespaces of their own" if report.alone else "without sockets, in the machine's network"
    return _table(_human_eval_rows(report)) + f"programs: {counts}; run {network}\n"


def _human_eval_rows(report: HumanEvalReport) -> Iterator[tuple[str, ...]]:
    yield "HumanEval", "problems", "samples", "temperature", "pass@k", "95 %"
    for k, (value, interval) in report.pass_at.items():
        yield (
            f"pass@{k}",
            str(len(report.passed)),
            str(report.samples),
            f"{report.temperature:g}",
            _percent(value),
            _range(interval, 100),
        )


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
        _range(first.interval, 100),
        *(_percent(share.value) for share in others),
        f"{figures.similarity:.3f}",
        f"{figures.median_ms:.1f}",
    )


def _typing_rows(reports: dict[str, TypingReport], model: str) -> Iterator[tuple[str, ...]]:
    yield "lines typed", "lines", "characters", "keystrokes", "saved a key", "95 %", "completed", "median ms"
    for name, report in reports.items():
        yield (
            model if name == MODEL else name,
            str(len(report.lines)),
            str(report.characters),
            str(report.keystrokes),
            f"{report.saved_per_keystroke:.2f}",
            _range(report.interval),
            _percent(report.completed),
            f"{report.median_ms:.1f}",
        )


def _bits_rows(report: BitsReport, model: str) -> Iterator[tuple[str, ...]]:
    yield "files read", "files", "kB", "bytes a token", "bits a byte", "95 %"
    yield (
        model,
        str(len(report.bits_and_bytes)),
        f"{report.bytes / _KILO:.0f}",
        f"{report.bytes / report.tokens:.2f}",
        f"{report.value:.3f}",
        _range(report.interval),
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _range(interval: Interval, scale: float = 1) -> str:
    digits = 1 if scale > 1 else 2
    return " to ".join(f"{scale * end:.{digits}f}" for end in interval)


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    """The rows as aligned lines, the first cell of each to the left and the others to the right."""
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return "".join(_aligned(row, widths) + "\n" for row in listed)


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    first, *others = row
    return "  ".join((first.ljust(widths[0]), *map(str.rjust, others, widths[1:])))
