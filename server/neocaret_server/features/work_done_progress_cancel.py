"""`window/workDoneProgress/cancel`: the user stopped a long generation."""

from __future__ import annotations

from lsprotocol import types

from neocaret_server.server import NeocaretServer


def handle(ls: NeocaretServer, params: types.WorkDoneProgressCancelParams) -> None:
    """Cancel the request that the progress belongs to."""
    if (task := ls.generations.get(params.token)) is not None:
        task.cancel()
