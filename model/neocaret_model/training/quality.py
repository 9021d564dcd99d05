"""Quality against training tokens as a picture: what `neocaret eval --json` says of several models of one kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

MODEL = "model"
_MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A model's evaluation, and how much it has learned from."""

    tokens: float
    report: dict[str, Any]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `TOKENS=FILE`, a number of training tokens and what `neocaret eval --json` printed.

        Raises:
            ValueError: it is something else; the message says what.
        """
        tokens, equals, file = text.partition("=")
        try:
            number = float(tokens)
        except ValueError:
            equals = ""
        if not equals:
            raise ValueError(f"{text} is not of the form TOKENS=FILE: 15.5e6=second.json")
        try:
            report = json.loads(Path(file).read_text(encoding="utf-8"))
            report["lines"][MODEL], report["typing"][MODEL], report["data"]["fingerprint"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{file} is not what `neocaret eval --json` prints: {error!r}") from None
        return cls(number, report)


def plot_quality(models: list[Evaluated], picture: Path) -> None:
    """Draw exact first suggestions and characters saved a key, with 95 % intervals, as a PNG.

    The baselines are level lines: they learn nothing.

    Raises:
        ValueError: the models were evaluated on different files.
        ImportError: matplotlib is not installed; the message says how to install it.
    """
    if len({model.report["data"]["fingerprint"] for model in models}) > 1:
        raise ValueError("the evaluations are of different files: their fingerprints differ")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("the plot is drawn with matplotlib: pip install 'neocaret[training]'") from None
    models = sorted(models, key=lambda model: model.tokens)
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw(left, models, "first suggestion is the line's rest, %", _exact)
    _draw(right, models, "characters saved a key", _saved)
    right.legend(fontsize="small")
    figure.savefig(picture, dpi=150)


def _exact(report: dict[str, Any], name: str) -> tuple[float, list[float]]:
    share = report["lines"][name]["overall"]["exact_match"]["1"]
    return 100 * share["value"], [100 * end for end in share["interval_95"]]


def _saved(report: dict[str, Any], name: str) -> tuple[float, list[float]]:
    saved = report["typing"][name]["saved_per_keystroke"]
    return saved["value"], saved["interval_95"]


def _draw(axes: Any, models: list[Evaluated], title: str, figure_of: Any) -> None:
    tokens = [model.tokens / _MILLION for model in models]
    figures = [figure_of(model.report, MODEL) for model in models]
    values = [value for value, _ in figures]
    below = [value - low for value, (low, _) in figures]
    above = [high - value for value, (_, high) in figures]
    axes.errorbar(tokens, values, yerr=[below, above], marker="o", capsize=3, label="the bundled models")
    last = models[-1].report
    for place, name in enumerate(sorted(set(last["lines"]) - {MODEL})):
        axes.axhline(figure_of(last, name)[0], linestyle="--", color=f"C{place + 1}", label=name)
    axes.set_xlabel("training tokens in millions")
    axes.set_title(title, fontsize="medium")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
