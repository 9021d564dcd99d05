from __future__ import annotations

import asyncio
import io

import pytest

from neocaret_server.app import _read


class Broken(io.BytesIO):
    def readline(self, size: int | None = -1, /) -> bytes:
        raise MemoryError(size)


async def test_the_end_is_told_however_reading_ends() -> None:
    bodies: asyncio.Queue[bytes | None] = asyncio.Queue()
    with pytest.raises(MemoryError):
        await asyncio.to_thread(_read, asyncio.get_running_loop(), Broken(), bodies)
    assert bodies.get_nowait() is None
