"""The figures of all policies beside each other, to read and as JSON; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from neocaret_server.typing_bench.figures import Figures, Replay, Times
from neocaret_server.typing_bench.policies import Policy
from neocaret_server.typing_bench.request import TypingRequest
from neocaret_server.typing_bench.script import Script

_MIB = 1024**2
_MINUTE = 60.0
_CURVE_POINTS = 200


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """One policy."""

    policy: Policy
    figures: Figures
    replay: Replay


@dataclass(frozen=True, slots=True)
class Report:
    """The whole run."""

    request: TypingRequest
    script: Script
    status: Mapping[str, Any]
    """What the server said of its model."""
    machine: str
    policies: Sequence[PolicyReport]


def as_text(report: Report) -> str:
    """Return the table, with what was typed above it and what the words mean below."""
    columns = [_column(each.figures) for each in report.policies]
    names = [each.policy.name for each in report.policies]
    rows = [("", *names), *((name, *(column[name] for column in columns)) for name in columns[0])]
    notes = "".join(f"{each.policy.name}: {each.policy.about}\n" for each in report.policies)
    return "\n".join([_head(report), _table(rows), notes + _reasons(report) + _NOTES])


def as_json(report: Report) -> dict[str, Any]:
    """Return every figure; times are in milliseconds, shares between 0 and 1, memory in bytes."""
    request, script = report.request, report.script
    return {
        "machine": report.machine,
        "model": {name: report.status.get(name) for name in ("model", "device", "dtype", "parameters", "positions")},
        "editor": request.editor,
        "seed": request.seed,
        "speed": request.speed,
        "typed_seconds": round(script.seconds, 1),
        "typed_characters": script.characters,
        "typed_keys": sum(len(visit.keys) for visit in script.visits),
        "files": len({file.path for file in script.files}),
        "policies": [
            {
                "name": each.policy.name,
                "about": each.policy.about,
                **_rounded(asdict(each.figures)),
                "memory": [[round(seconds, 1), size] for seconds, size in _thinned(each.replay.memory)],
            }
            for each in report.policies
        ],
    }


def _head(report: Report) -> str:
    request, script, status = report.request, report.script, report.status
    keys = sum(len(visit.keys) for visit in script.visits)
    speed = f", pauses to think made {request.speed:g} times shorter" if request.speed != 1 else ""
    return (
        f"{report.machine}\n"
        f"model {status.get('model')}, {status.get('dtype')} on {status.get('device')}\n"
        f"{script.characters} characters by {keys} keys in {script.seconds / _MINUTE:.1f} minutes{speed}, "
        f"{len(script.visits)} passages of {len({file.path for file in script.files})} files, as in {request.editor}\n"
    )


def _column(figures: Figures) -> dict[str, str]:
    def mib(size: int | None) -> str:
        return "?" if size is None else f"{size / _MIB:.0f}"

    cells: list[tuple[str, str]] = [
        ("ms to an answer: p50 / p95 / p99", _times(figures.answer)),
        ("  with a suggestion", _times(figures.answer_with)),
        ("  by the model", _times(figures.answer_model)),
        ("  just after an acceptance", _times(figures.answer_accepted)),
        ("ms from the key to a suggestion", _times(figures.since_key)),
        ("suggestions without work of the model", _percent(figures.without_model)),
        ("  of those just after an acceptance", _percent(figures.without_model_accepted)),
        ("answers without a suggestion", _percent(figures.silent)),
        ("requests / answered", f"{figures.requests} / {figures.answer.count}"),
        ("requests superseded", str(figures.superseded.count)),
        ("  ms from there to the answer", _times(figures.superseded)),
        ("requests without exactly one answer", str(figures.unmatched)),
        ("generations / of those given up", f"{figures.generations} / {figures.cancelled_generations}"),
        ("tokens of prompts per key", f"{figures.prompt_per_key:.1f}"),
        ("tokens prefilled per key", f"{figures.prefilled_per_key:.1f}"),
        ("tokens written per key", f"{figures.decoded_per_key:.1f}"),
        (
            "ms of processor time per key",
            "?" if figures.processor_ms_per_key is None else f"{figures.processor_ms_per_key:.1f}",
        ),
        ("keys pressed", str(figures.keys)),
        ("keys saved", _percent(figures.keys_saved)),
        ("characters not typed", _percent(figures.accepted)),
        ("acceptances", str(figures.acceptances)),
        (
            "memory, MiB: start / end / most",
            " / ".join(map(mib, (figures.memory_start, figures.memory_end, figures.memory_most))),
        ),
    ]
    return dict(cells)


_NOTES = (
    "Answers that were superseded count in their own line only. Tokens: a prefill that was given up counts whole;\n"
    "written are those of all candidates. Start is when the model was loaded.\n"
)


def _reasons(report: Report) -> str:
    lines = [
        f"{each.policy.name}, without a suggestion: "
        + ", ".join(f"{reason} {count}" for reason, count in each.figures.reasons.items())
        for each in report.policies
        if each.figures.reasons
    ]
    return "".join(line + "\n" for line in lines)


def _times(value: Times) -> str:
    return f"{value.p50:.1f} / {value.p95:.1f} / {value.p99:.1f}" if value.count else "-"


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    pad: Callable[[int, str], str] = lambda number, cell: (  # noqa: E731
        cell.rjust(widths[number]) if number else cell.ljust(widths[number])
    )
    return "".join("  ".join(pad(number, cell) for number, cell in enumerate(row)).rstrip() + "\n" for row in rows)


def _thinned(memory: Sequence[tuple[float, int]]) -> Sequence[tuple[float, int]]:
    return memory[:: max(1, len(memory) // _CURVE_POINTS)]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return round(value, 4) if isinstance(value, float) else value
