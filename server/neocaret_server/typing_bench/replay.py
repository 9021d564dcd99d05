"""Types a script with one policy: a server process from its start to its end, and all that was seen of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from neocaret_server.backend import BackendError
from neocaret_server.process_use import processor_seconds, resident_bytes
from neocaret_server.typing_bench.connection import Connection, connected
from neocaret_server.typing_bench.editors import EDITORS, Editor, Question
from neocaret_server.typing_bench.figures import Replay, asked_and_worked
from neocaret_server.typing_bench.script import Script
from neocaret_server.typing_bench.typist import play

_LOOK_SECONDS = 0.05
_MEMORY_SECONDS = 1.0
_SETTLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is typed, the same with each policy."""

    editor: str
    seed: int
    settings: dict[str, Any]
    """Initialization options."""


async def replay(
    command: Sequence[str], script: Script, manner: Manner, progress: Callable[[float], None]
) -> tuple[Replay, dict[str, Any]]:
    """Start a server, type, and end it; returns what was seen, and the server's own status.

    Raises:
        BackendError: the server has no model, or ends on the way.
    """
    traces: list[dict[str, Any]] = []
    try:
        async with connected(command, traces.append) as connection:
            client = await _initialized(connection, manner)
            status = await _ready(connection)
            worked_before = processor_seconds(connection.pid)
            async with _watched(connection.pid) as memory:
                typed = await play(script, client, manner.seed, progress)
                await client.settle(_SETTLE_SECONDS)
            worked = processor_seconds(connection.pid)
            await connection.end()
    except (ConnectionError, TimeoutError) as error:
        raise BackendError("The server ended on the way, or does not end; its own words stand above.") from error
    asked, work = asked_and_worked((_seen(each, client.channel) for each in client.questions), traces)
    seen = Replay(
        asked=asked,
        work=work,
        keys=typed.keys,
        keys_alone=typed.keys_alone,
        characters=typed.characters,
        accepted=typed.accepted,
        acceptances=typed.acceptances,
        seconds=memory[-1][0],
        processor_seconds=None if worked is None or worked_before is None else worked - worked_before,
        memory=[(seconds, size) for seconds, size in memory if size is not None],
    )
    return seen, status


async def _initialized(connection: Connection, manner: Manner) -> Editor:
    kind = EDITORS[manner.editor]
    capabilities: dict[str, Any] = {"textDocument": {"inlineCompletion": {}} if kind.channel == "inline" else {}}
    params = {
        "processId": os.getpid(),
        "clientInfo": {"name": kind.name},
        "rootUri": "file:///typing",
        "capabilities": capabilities,
        # What nobody has typed is not for the user's statistics.
        "initializationOptions": {**manner.settings, "statistics": False},
    }
    initialized = await connection.request("initialize", params)[1].wait()
    if initialized is None:
        raise ConnectionError("the server does not greet")
    connection.notify("initialized", {})
    connection.notify("$/setTrace", {"value": "verbose"})
    return kind(connection, initialized)


async def _ready(connection: Connection) -> dict[str, Any]:
    while True:
        status: dict[str, Any] | None = await connection.command("neocaret.status")
        if status is None:
            raise ConnectionError("the server has ended")
        if status["state"] == "failed":
            raise BackendError(status["lastError"] or "The model could not be loaded.")
        if status["state"] == "ready":
            return status
        await asyncio.sleep(_LOOK_SECONDS)


@contextlib.asynccontextmanager
async def _watched(pid: int) -> AsyncIterator[list[tuple[float, int | None]]]:
    """Yield a list that memory is noted in, with the seconds since now: at once, every second, and at the end."""
    began = time.perf_counter()
    seen: list[tuple[float, int | None]] = []

    def look() -> None:
        seen.append((time.perf_counter() - began, resident_bytes(pid)))

    async def watch() -> None:
        while True:
            look()
            await asyncio.sleep(_MEMORY_SECONDS)

    look()
    watching = asyncio.ensure_future(watch())
    try:
        yield seen
        look()
    finally:
        watching.cancel()


def _seen(question: Question, channel: str) -> dict[str, Any]:
    call = question.call
    return {
        "pressed": question.pressed,
        "sent": call.sent,
        "superseded": question.superseded,
        "answered": call.answered,
        "answers": call.answers,
        "suggestions": question.suggestions,
        "after_acceptance": question.after_acceptance,
        "place": (question.uri, question.version, question.spot.line, question.spot.character, channel),
    }
