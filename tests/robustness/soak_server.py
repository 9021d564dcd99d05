"""The real server with the bundled model, and a command that tells what it holds: `neocaret.soakAccount`."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING, Any

from neocaret_server.model_backend import ModelBackend
from neocaret_server.start import serve_stdio

if TYPE_CHECKING:
    from neocaret_server.server import NeocaretServer


def accounted(backend: ModelBackend, server: NeocaretServer) -> None:
    """Add the command."""

    async def account(ls: Any, params: Any) -> dict[str, Any]:  # noqa: ARG001 - pygls knows the first by its name
        gc.collect()
        engine: Any = backend._engine
        slots = engine._stepper.prefixes if engine is not None else None
        if slots is not None:
            slots.check()
        return {
            "waiting requests": len(server.protocol._request_futures) - 1,  # less this one
            "waiting questions": len(server.protocol._result_types),
            "documents": len(server.documents.recent()),
            "generations": len(server.generations),
            "running": len(server.model._running),
            "lent slots": sum(slot.lent for slot in slots._slots) if slots is not None else 0,
            "slots": len(slots._slots) if slots is not None else 0,
            "threads": threading.active_count(),
        }

    server.command("neocaret.soakAccount")(account)


def main() -> int:
    """Serve until the client leaves."""
    backend = ModelBackend()
    return serve_stdio(lambda: backend, adjust=lambda server: accounted(backend, server))


if __name__ == "__main__":
    sys.exit(main())
