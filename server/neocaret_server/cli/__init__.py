"""The command line: one file per command; this package composes and decides nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from neocaret_server.cli import lsp
from neocaret_server.cli.services import Services

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None, services: Services | None = None) -> int:
    """Run the command line and return the exit code; the console script `neocaret`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    services = services or Services()
    server = lsp.parse(given)
    if server is not None:
        return lsp.run(server, services)
    # An editor waits for the server's start, and typer is not needed for that.
    from neocaret_server.cli.shell import run

    return run(given, services)
