"""`neocaret stats`: what became of suggestions, as counted on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neocaret_server.cli.errors import CommandError, UsageError
from neocaret_server.cli.output import output_console, print_json, print_note, put, visible
from neocaret_server.statistics_file import StatisticsFile, state_folder
from neocaret_server.statistics_report import figures, table


def stats(
    *,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw them as well.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    erase: Annotated[bool, typer.Option("--erase", help="Remove them all.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --erase: without asking.")] = False,
) -> int:
    """Show how many suggestions were offered and accepted, what was left of them, and how long answers took.

    They are numbers in files on this machine, never text; the setting `statistics` switches them off.
    """
    file = _file()
    if erase:
        if plot is not None or as_json:
            raise UsageError("--erase goes with --yes alone.")
        return _erase(file, asked=not yes)
    if yes:
        raise UsageError("--yes goes with --erase.")
    rows = file.read()
    if as_json:
        print_json({"folder": str(file.folder), **figures(rows)})
    elif rows:
        put(output_console(), visible(table(rows)))
    if not rows:
        print_note(f"nothing has been counted yet in {file.folder}")
    elif plot is not None:
        from neocaret_server.statistics_plot import plot as drawn

        plot.write_bytes(drawn(rows))
        print_note(f"drawn to {plot}")
    return 0


def _erase(file: StatisticsFile, *, asked: bool) -> int:
    files = file.files()
    if not files:
        print_note(f"there are no statistics in {file.folder}")
        return 0
    if asked and not typer.confirm(f"Remove the statistics of {len(files)} months in {file.folder}?", err=True):
        print_note("nothing was removed")
        return 1
    for path in file.erase():
        print_note(f"removed {path}")
    return 0


def _file() -> StatisticsFile:
    try:
        return StatisticsFile(state_folder())
    except RuntimeError:
        raise CommandError(
            "There is no home folder to keep statistics in; NEOCARET_STATE_FOLDER can name one."
        ) from None
