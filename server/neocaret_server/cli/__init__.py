"""The command line: one file per command; this package composes and decides nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neocaret_server.cli.services import Services

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, services: Services | None = None) -> int:
    """Run the command line and return the exit code; the console script `neocaret`."""
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments), services)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(arguments: list[str], services: Services | None) -> int:
    # Imported here so that an interrupt is quiet from the first moment on.
    from neocaret_server.cli import lsp

    server = lsp.parse(arguments)
    if server is not None:
        return lsp.run(server, services)
    # An editor waits for the server's start, and neither typer nor the services are needed to greet it.
    from neocaret_server.cli import shell
    from neocaret_server.cli.services import Services

    return shell.run(arguments, services or Services())
