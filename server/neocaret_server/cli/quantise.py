"""`neocaret quantise`: a model written in int8, for a start in which nothing is quantised."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neocaret_server.cli.interrupt import interruptible
from neocaret_server.cli.output import clean_output, print_note
from neocaret_server.cli.progress import progress_bar
from neocaret_server.cli.services import Services
from neocaret_server.quantising import QuantiseRequest

_MEGA = 1000**2


def quantise(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="bundled, a hub name, or a folder.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where it is written; must not be there.")],
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that FOLDER holds.")] = False,
) -> int:
    """Write a GPT-Neo with its matrices in int8, which takes a quarter of the room of float32.

    FOLDER can then be named wherever a model can, with the number format int8. It answers as MODEL does in int8.
    """
    request = QuantiseRequest(model, folder, overwrite)
    services = context.ensure_object(Services)
    with clean_output(), progress_bar() as bar, interruptible() as cancel:
        done = services.quantise(request, bar.loading, cancel)
    print_note(f"{folder} written: {done.bytes / _MEGA:.1f} MB, from {done.bytes_before / _MEGA:.1f} MB")
    return 0
