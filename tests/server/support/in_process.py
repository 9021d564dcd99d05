"""A server in the test's own process: what it writes, and waiting for what it becomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neocaret_server.server import NeocaretServer

_SECONDS = 30.0


class Written:
    """A writer that keeps the bodies that are written."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def write(self, data: bytes) -> None:
        """Keep a message, without its header."""
        self.bodies.append(json.loads(data.partition(b"\r\n\r\n")[2]))

    def close(self) -> None:
        """Do nothing: what was written stays."""

    def told(self, method: str) -> list[Any]:
        """Return the parameters of all messages of a method."""
        return [body["params"] for body in self.bodies if body.get("method") == method]


async def until(done: Callable[[], bool]) -> None:
    """Let the loop go on until something is so.

    Raises:
        TimeoutError: it was not in half a minute.
    """
    async with asyncio.timeout(_SECONDS):
        while not done():  # noqa: ASYNC110 - states are not events
            await asyncio.sleep(0.001)


async def load(server: NeocaretServer) -> None:
    """Load the server's model, and wait until it is there."""
    server.load_model()
    await until(lambda: server.model.state == "ready")
