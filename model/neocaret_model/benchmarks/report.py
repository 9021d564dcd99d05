"""All figures of a benchmark, each beside the limit that memory sets, and the JSON object that they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from neocaret_model.benchmarks.cancelling import Cancels
from neocaret_model.benchmarks.contestant import Answer
from neocaret_model.benchmarks.measuring import Figures
from neocaret_model.benchmarks.workload import REQUESTS
from neocaret_model.engine.port import ModelInfo

_GIGA = 1000**3


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    processor: str
    """Of the device that computes."""
    threads: int
    """As many as torch takes by itself."""
    bytes_a_second: float
    """Read from memory, measured."""
    system: str
    python: str
    torch: str


@dataclass(frozen=True, slots=True)
class ModelReport:
    """What was measured on one model."""

    name: str
    """As asked for."""
    info: ModelInfo
    random: bool
    """Its weights are random numbers: the real ones are not here."""
    bytes_a_pass: dict[str, int]
    """Weights that a pass for one token reads, by number format."""
    fingerprint: str
    """Of the texts."""
    notes: tuple[str, ...]
    """Sentences about what was asked for and measured otherwise."""
    figures: tuple[Figures, ...]
    """By prompt length and rows, the contestants in their order, our engine first."""
    cancels: tuple[Cancels, ...] = ()
    """Of the longest requests for the most rows."""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole run."""

    machine: Machine
    new_tokens: int
    repetitions: int
    models: tuple[ModelReport, ...]
    notes: tuple[str, ...]
    """Sentences about what could not be measured here."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Shares:
    """How near to the limit of memory: the time to read the weights once a token, over the time taken.

    One pass is the least for a prefill, which also has much to compute, and one pass a token for a request, unless
    guesses save some: a share can then be above 1, as it can where the weights fit the processor's caches.
    """

    prefill: float
    token: float
    requests: dict[str, float]


@dataclass(frozen=True, slots=True)
class Ratios:
    """How many times as long as our engine another takes for the same."""

    who: str
    dtype: str
    prompt_tokens: int
    rows: int
    prefill: float
    token: float
    requests: dict[str, float]


def shares(figures: Figures, model: ModelReport, machine: Machine) -> Shares:
    """Return the shares of one contestant's figures, by the weights in its own format."""
    pass_ms = model.bytes_a_pass[figures.dtype] / machine.bytes_a_second * 1000
    return Shares(
        prefill=pass_ms / figures.prefill_ms,
        token=pass_ms / figures.token_ms,
        requests={name: answer.new_tokens * pass_ms / answer.ms for name, answer in figures.requests.items()},
    )


def ratios(model: ModelReport) -> Iterator[Ratios]:
    """Yield a row for each length, number of rows and contestant but the first, which they are compared with."""
    ours: Figures | None = None
    for figures in model.figures:
        if ours is None or figures.size != ours.size:
            ours = figures
            continue
        yield Ratios(
            who=figures.who,
            dtype=figures.dtype,
            prompt_tokens=figures.size.prompt_tokens,
            rows=figures.size.rows,
            prefill=figures.prefill_ms / ours.prefill_ms,
            token=figures.token_ms / ours.token_ms,
            requests={name: figures.request(name).ms / ours.request(name).ms for name in REQUESTS},
        )


def as_json(report: Report) -> dict[str, Any]:
    """Return every figure; times are in milliseconds, shares and ratios plain numbers."""
    return {
        "machine": asdict(report.machine) | {"gigabytes_a_second": round(report.machine.bytes_a_second / _GIGA, 2)},
        "new_tokens": report.new_tokens,
        "repetitions": report.repetitions,
        "notes": list(report.notes),
        "models": [_model_json(model, report.machine) for model in report.models],
        "seconds": round(report.seconds, 1),
    }


def _model_json(model: ModelReport, machine: Machine) -> dict[str, Any]:
    return {
        "name": model.name,
        # The folder of random weights is gone, and another's is no news.
        **{key: value for key, value in asdict(model.info).items() if key not in {"name", "folder"}},
        "random_weights": model.random,
        "bytes_a_pass": model.bytes_a_pass,
        "texts": model.fingerprint,
        "notes": list(model.notes),
        "figures": [_figures_json(figures, shares(figures, model, machine)) for figures in model.figures],
        "times_as_long": [_rounded(asdict(each), 3) for each in ratios(model)],
        "cancels": [_cancels_json(each) for each in model.cancels],
    }


def _figures_json(figures: Figures, share: Shares) -> dict[str, Any]:
    return {
        "who": figures.who,
        "dtype": figures.dtype,
        "threads": figures.threads,
        "prompt_tokens": figures.size.prompt_tokens,
        "rows": figures.size.rows,
        "prefill": {"ms": round(figures.prefill_ms, 3), "share": round(share.prefill, 4)},
        "token": {"ms": round(figures.token_ms, 3), "share": round(share.token, 4)},
        "requests": {name: _answer_json(answer, share.requests[name]) for name, answer in figures.requests.items()},
    }


def _cancels_json(cancels: Cancels) -> dict[str, Any]:
    return {
        "who": cancels.who,
        "dtype": cancels.dtype,
        "threads": cancels.threads,
        "prompt_tokens": cancels.size.prompt_tokens,
        "rows": cancels.size.rows,
        "phase": cancels.phase,
        "stops": cancels.stops,
        "p50_ms": round(cancels.p50_ms, 3),
        "p99_ms": round(cancels.p99_ms, 3),
        "times_ms": [round(each, 3) for each in cancels.times_ms],
    }


def _answer_json(answer: Answer, share: float) -> dict[str, Any]:
    return {**_rounded(asdict(answer), 3), "share": round(share, 4)}


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each, digits) for key, each in value.items()}
    return round(value, digits) if isinstance(value, float) else value
