"""The figures of a benchmark as tables to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from neocaret_model.benchmarks.report import ModelReport, Ratios, Report, ratios, shares
from neocaret_model.benchmarks.workload import REQUESTS

_MEGA = 1000**2
_GIGA = 1000**3
_TEXT_COLUMNS = 2
"""Who, and in which format: to the left; all others are numbers."""

_Row = tuple[str, ...]


def as_text(report: Report) -> str:
    """Return the tables, the limit that they are measured by, and what they leave out."""
    return "\n".join([_head(report), *(_model(model, report) for model in report.models), _foot(report)])


def _head(report: Report) -> str:
    machine = report.machine
    return (
        f"{machine.processor}, {machine.threads} threads, torch {machine.torch}, Python {machine.python}\n"
        f"memory limit: {machine.bytes_a_second / _GIGA:.1f} GB/s, measured; % is the time to read all weights once a "
        "token at that rate,\nover the time taken (more than 100 % where guesses save steps, or weights fit a cache)\n"
        f"ms, median of {report.repetitions}; prefill: until the prompt is read; token: one more of each row; "
        f"others: an editor's request\nfor {report.new_tokens} tokens a row, after a cold start, 1 and 3 tokens typed, "
        "the last 2 changed, and back from another file\n"
    )


def _model(model: ModelReport, report: Report) -> str:
    weights = "random weights" if model.random else "its own weights"
    read = ", ".join(f"{size / _MEGA:.4g} MB in {dtype}" for dtype, size in model.bytes_a_pass.items())
    head = f"{model.name}: {model.info.parameters / _MEGA:.4g} M parameters, {weights}, on {model.info.device}"
    parts = [
        f"{head}; a token reads {read}\n",
        *(f"note: {note}\n" for note in model.notes),
        *_ended_early(model, report.new_tokens),
        "\n",
        _table(_figure_rows(model, report)),
    ]
    if compared := list(ratios(model)):
        ours = model.figures[0]
        parts += ["\n", f"times as long as {ours.who} in {ours.dtype}\n", _table(_ratio_rows(compared))]
    if model.cancels:
        parts += ["\n", _cancelled_head(model), _table(_cancel_rows(model))]
    return "".join(parts)


def _ended_early(model: ModelReport, new_tokens: int) -> Iterator[str]:
    answers = [answer for figures in model.figures for answer in figures.requests.values()]
    early = sum(answer.new_tokens < new_tokens for answer in answers)
    if early:
        yield f"note: in {early} of {len(answers)} figures of requests the text ended before {new_tokens} tokens.\n"


def _foot(report: Report) -> str:
    notes = "".join(f"note: {note}\n" for note in report.notes)
    return f"{notes}measured in {report.seconds:.0f} s\n"


def _figure_rows(model: ModelReport, report: Report) -> Iterator[_Row]:
    yield "who", "format", "N", "K", "threads", "prefill", "token", *REQUESTS, "steps", "reused"
    for figures in model.figures:
        share = shares(figures, model, report.machine)
        last = figures.requests.get("+3")
        yield (
            figures.who,
            figures.dtype,
            str(figures.size.prompt_tokens),
            str(figures.size.rows),
            str(figures.threads),
            _cell(figures.prefill_ms, share.prefill),
            _cell(figures.token_ms, share.token),
            *(
                _cell(figures.requests[name].ms, share.requests[name]) if name in figures.requests else "as cold"
                for name in REQUESTS
            ),
            str(figures.request("+3").steps),
            str(last.reused_tokens) if last else "0",
        )


def _cell(ms: float, share: float) -> str:
    return f"{_three_digits(ms)} {share:4.0%}"


def _ratio_rows(compared: Iterable[Ratios]) -> Iterator[_Row]:
    yield "who", "format", "N", "K", "prefill", "token", *REQUESTS
    for each in compared:
        yield (
            each.who,
            each.dtype,
            str(each.prompt_tokens),
            str(each.rows),
            *(_three_digits(value) for value in (each.prefill, each.token, *each.requests.values())),
        )


def _cancelled_head(model: ModelReport) -> str:
    size = model.cancels[0].size
    return (
        f"ms from a cancel until idle, at moments spread evenly over prefill and decode, N={size.prompt_tokens} "
        f"K={size.rows}\n"
    )


def _cancel_rows(model: ModelReport) -> Iterator[_Row]:
    yield "who", "format", "during", "p50", "p99", "most", "cancels"
    for each in model.cancels:
        times = (each.p50_ms, each.p99_ms, each.times_ms[-1])
        count = str(len(each.times_ms)) if each.stops else "cannot: its end"
        yield each.who, each.dtype, each.phase, *map(_three_digits, times), count


def _three_digits(value: float) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004, what the line says
    return f"{value:.{digits}f}"


def _table(rows: Iterable[_Row]) -> str:
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return "".join(_aligned(row, widths) + "\n" for row in listed)


def _aligned(row: _Row, widths: list[int]) -> str:
    cells = [
        cell.ljust(width) if column < _TEXT_COLUMNS else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells)
