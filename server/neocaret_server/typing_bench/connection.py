"""A client's end of the pipe to a server process: sends, and notes how many answers each request gets, and when."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from neocaret_server.stdio import framed

_END_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class Call:
    """One request."""

    sent: float
    """Seconds of `time.perf_counter`, as below."""
    answered: float | None = None
    answers: int = 0
    result: Any = None
    failed: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> Any:
        """Return the result; None where the answer is an error."""
        await self.done.wait()
        return self.result


class Connection:
    """To one server, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process, on_trace: Callable[[dict[str, Any]], None]) -> None:
        self._process = process
        self._on_trace = on_trace
        self._calls: dict[int, Call] = {}
        self._reading = asyncio.ensure_future(self._read())

    @property
    def pid(self) -> int:
        """Of the server."""
        return self._process.pid

    def request(self, method: str, params: Any) -> tuple[int, Call]:
        """Send a request; returns its id, and what becomes of it."""
        msg_id = len(self._calls) + 1
        self._calls[msg_id] = call = Call(time.perf_counter())
        self._send(id=msg_id, method=method, params=params)
        return msg_id, call

    def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._send(method=method, params=params)

    async def command(self, name: str) -> Any:
        """Execute a command and return its result."""
        return await self.request("workspace/executeCommand", {"command": name, "arguments": [{}]})[1].wait()

    async def end(self) -> None:
        """Let the server shut down."""
        await self.request("shutdown", None)[1].wait()
        self.notify("exit", None)
        async with asyncio.timeout(_END_SECONDS):
            await self._process.wait()

    async def close(self) -> None:
        """End the process whatever it does."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._reading

    def _send(self, **message: Any) -> None:
        if self._process.stdin is None or self._process.stdin.is_closing():
            raise ConnectionError("the server has ended")
        self._process.stdin.write(framed(json.dumps({"jsonrpc": "2.0", **message}).encode()))

    async def _read(self) -> None:
        stream = self._process.stdout
        # A stream that ends, ends.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while stream is not None:
                header = await stream.readuntil(b"\r\n\r\n")
                length = int(header.lower().partition(b"content-length:")[2].split()[0])
                self._take(json.loads(await stream.readexactly(length)))
        for call in self._calls.values():
            call.done.set()

    def _take(self, message: dict[str, Any]) -> None:
        if "method" in message:
            if "id" in message:
                # Settings, progress bars: this client has no opinion.
                self._send(id=message["id"], result=None)
            elif message["method"] == "$/logTrace" and "verbose" in message["params"]:
                self._on_trace(json.loads(message["params"]["verbose"]))
        elif (call := self._calls.get(message.get("id", 0))) is not None:
            call.answers += 1
            if call.answers == 1:
                call.answered = time.perf_counter()
                call.result, call.failed = message.get("result"), "error" in message
                call.done.set()


@contextlib.asynccontextmanager
async def connected(command: Sequence[str], on_trace: Callable[[dict[str, Any]], None]) -> AsyncIterator[Connection]:
    """Start a server and yield the connection; the process is gone afterwards."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONUNBUFFERED"}}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment)
    connection = Connection(process, on_trace)
    try:
        yield connection
    finally:
        await connection.close()
