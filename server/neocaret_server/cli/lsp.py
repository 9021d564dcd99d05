"""`neocaret` and `neocaret lsp`: the language server on stdio."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from neocaret_server.cli.output import print_note
from neocaret_server.start import serve_stdio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neocaret_server.backend import Backend
    from neocaret_server.cli.services import Services

_PROCESS_ID = "--clientProcessId"


class ServerArguments(NamedTuple):
    """How the server was started; to import dataclasses would take longer than to greet the client."""

    client_process_id: int | None = None
    """The editor's process: when it is gone, so is the server."""


def parse(arguments: Sequence[str]) -> ServerArguments | None:
    """Read what editors start the server with; None is for anything else, help and mistakes included."""
    rest = list(arguments[1:] if arguments[:1] == ["lsp"] else arguments)
    process_id: int | None = None
    while rest:
        argument = rest.pop(0)
        if argument == "--stdio":
            continue
        name, given, value = argument.partition("=")
        if name != _PROCESS_ID:
            return None
        value = value if given else rest.pop(0) if rest else ""
        if not (value.isascii() and value.isdecimal()):
            return None
        process_id = int(value)
    return ServerArguments(process_id)


def run(arguments: ServerArguments, services: Services | None) -> int:
    """Serve until the client ends it, and return the exit code; with the real services where none are given."""
    if sys.stdin is not None and sys.stdin.isatty():
        print_note(
            "the language server speaks LSP on standard input, for an editor to start;"
            " `neocaret --help` lists the commands."
        )
    if services is None:
        return serve_stdio(_real_backend, arguments.client_process_id)
    return services.serve(services.new_backend, arguments.client_process_id)


def _real_backend() -> Backend:
    from neocaret_server.cli.services import Services

    return Services().new_backend()
