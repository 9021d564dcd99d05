"""The learning curve of a run as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def plot(log: Path, picture: Path) -> None:
    """Draw the losses in `log` against the tokens seen, as a PNG.

    Raises:
        FileNotFoundError: the run has no log yet.
        ImportError: matplotlib is not installed; the message says how to install it.
    """
    if not log.exists():
        raise FileNotFoundError(f"{log} is not there; train first")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("the plot is drawn with matplotlib: pip install 'neocaret[training]'") from None
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    _draw(axes, lines, "training", "tab:blue")
    _draw(axes, lines, "annealing", "tab:red")
    axes.set_xlabel("training tokens in millions")
    axes.set_ylabel("nats a token")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, dpi=150)


def _draw(axes: Any, lines: list[dict[str, Any]], phase: str, colour: str) -> None:
    own = [line for line in lines if line["phase"] == phase]
    if not own:
        return
    tokens = [line["tokens"] / 1e6 for line in own]
    axes.plot(tokens, [line["loss"] for line in own], color=colour, alpha=0.25, label=f"{phase}, last batch")
    axes.plot(tokens, [line["validation_loss"] for line in own], color=colour, label=f"{phase}, held-out packages")
