"""`neocaret doctor`: what is installed, which device, does the model answer."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from neocaret_server.cli.checks import all_checks
from neocaret_server.cli.output import output_console, print_json, put
from neocaret_server.cli.services import Services

if TYPE_CHECKING:
    from rich.console import Console

    from neocaret_server.cli.checks import Check

_NAME_WIDTH = 16


def doctor(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    model: Annotated[
        str, typer.Option("--model", help="Try this model as well: a name on the hub that is here, or a folder.")
    ] = "",
) -> int:
    """Check the installation, and say what to do about what is wrong."""
    checks = all_checks(context.ensure_object(Services), model)
    healthy = True
    found: list[Check] = []
    for check in checks:
        healthy = healthy and check.ok
        found.append(check)
        if not json:
            _print_check(output_console(), check)
    if json:
        print_json({"ok": healthy, "checks": [dataclasses.asdict(check) for check in found]})
    return 0 if healthy else 1


def _print_check(console: Console, check: Check) -> None:
    verdict, style = ("ok", "green") if check.ok else ("problem", "bold red")
    put(console, f"{verdict:9}", style)
    put(console, f"{check.name:{_NAME_WIDTH}}  {check.detail}\n")
    if check.advice:
        put(console, f"{'':9}{'':{_NAME_WIDTH}}  {check.advice}\n", "bold")
    # The next check may take seconds, and this one is not to wait for it.
    console.file.flush()
