"""`neocaret models`: what can be loaded by name."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from neocaret_server.backend import KnownModel, ModelChoice
from neocaret_server.cli.output import output_console, print_json, put
from neocaret_server.cli.services import Services

_HEADER = ("name", "parameters", "on disk", "licence", "here", "runs on")
_OTHERS = (
    "Any causal language model that transformers knows can be named, on the hub or by its folder. All but GPT-Neo run"
    " through transformers' modules, slower than on Neocaret's own network."
)


def models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """List the models that can be loaded by name.

    So can any other causal language model of the hub, and any folder that holds one by its path. GPT-Neo runs on
    Neocaret's own network, everything else through transformers, which is slower.
    """
    known = context.ensure_object(Services).known_models()
    if as_json:
        print_json({"models": [dataclasses.asdict(model) for model in known]})
        return 0
    _print_table([_row(model) for model in known])
    put(output_console(), _OTHERS + "\n")
    return 0


def _row(model: KnownModel) -> tuple[str, ...]:
    return (
        model.name,
        _short(model.parameters, ("", " k", " M", " B")),
        _short(model.bytes, (" B", " kB", " MB", " GB")),
        model.licence,
        "yes" if model.here else "missing" if model.name == ModelChoice().model else "download",
        "Neocaret" if model.own else "transformers",
    )


def _print_table(rows: list[tuple[str, ...]]) -> None:
    console = output_console()
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    put(console, _aligned(_HEADER, widths), "bold")
    for row in rows:
        put(console, "\n" + _aligned(row, widths))
    put(console, "\n")


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _short(number: int, units: tuple[str, ...]) -> str:
    if number <= 0:
        return "?"
    value = float(number)
    for unit in units[:-1]:
        if value < 999.5:  # noqa: PLR2004 - what would be shown as 1000
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}{units[-1]}"
