"""Starts the server on standard input and output: greets the client first, and imports the rest meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

from neocaret_server.allocator import give_large_blocks_back
from neocaret_server.opening import Opening
from neocaret_server.stdio import take_standard_streams

if TYPE_CHECKING:
    from neocaret_server.backend import Backend
    from neocaret_server.server import NeocaretServer


def serve_stdio(
    new_backend: Callable[[], Backend],
    client_process_id: int | None = None,
    adjust: Callable[[NeocaretServer], None] | None = None,
) -> int:
    """Serve one client until it leaves; return the exit code, as `app.serve_opening` does.

    `adjust` is called with the server before it serves.
    """
    give_large_blocks_back()
    opening = Opening(*take_standard_streams())
    # What is imported is many objects and no garbage: looking for it takes a tenth of the start.
    gc.disable()
    backend = new_backend()
    backend.prepare()
    from neocaret_server.later_types import import_types

    import_types()
    from neocaret_server.app import serve_opening

    gc.freeze()
    gc.enable()
    return serve_opening(backend, opening, client_process_id, adjust)
