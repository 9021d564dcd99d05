"""A pause gives the model back and keeps quiet, until its time, a command or an explicit question ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from lsprotocol import types

from neocaret_server.app import build_server
from neocaret_server.documents import Document
from neocaret_server.errors import InvalidArgumentsError
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import generate, pause, resume, status
from neocaret_server.server import NeocaretServer
from neocaret_server.suggest import Caret, suggest

URI = "file:///w/x.py"


class Silent:
    """A writer that drops what is written."""

    def write(self, _data: bytes) -> None:
        return

    def close(self) -> None:
        return


@pytest.fixture
async def server() -> AsyncIterator[NeocaretServer]:
    made = build_server(FakeBackend(script={"x = ": ["1"]}))
    made.protocol.set_writer(Silent())
    made.protocol.receive(b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}')
    made.documents.open(Document.of(URI, "python", 1, "x = ", made.encoding))
    made.load_model()
    await until(lambda: made.model.state == "ready")
    yield made
    made.model.close(5)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():  # noqa: ASYNC110 - states are not events
            await asyncio.sleep(0.001)


def backend_of(server: NeocaretServer) -> FakeBackend:
    backend = server.model._backend
    assert isinstance(backend, FakeBackend)
    return backend


async def run(server: NeocaretServer, command: Any, argument: Any = None) -> dict[str, Any]:
    result: dict[str, Any] = await command.handle(
        server, types.ExecuteCommandParams(command.NAME, arguments=[argument or {}])
    )
    return result


async def ask(server: NeocaretServer, *, automatic: bool) -> list[str] | None:
    suggestion = await suggest(server, Caret(URI, types.Position(0, 4), "inline", automatic))
    return suggestion.texts if suggestion else None


async def test_paused_is_quiet_and_has_no_model(server: NeocaretServer) -> None:
    answer = await run(server, pause)
    assert answer["minutes"] is None
    assert answer["freedMb"] is None or answer["freedMb"] >= 0
    assert not backend_of(server).loaded
    for _ in range(3):
        assert await ask(server, automatic=True) is None
        assert server.last_reason == "paused"
    assert (server.model.state, len(backend_of(server).loads)) == ("paused", 1)
    assert (await run(server, status))["paused"] is True


async def test_resuming_loads_the_model_and_goes_on(server: NeocaretServer) -> None:
    await run(server, pause)
    await run(server, resume)
    await until(lambda: server.model.state == "ready")
    assert await ask(server, automatic=True) == ["1"]
    assert (await run(server, status))["paused"] is False


async def test_explicit_question_resumes(server: NeocaretServer) -> None:
    await run(server, pause)
    await ask(server, automatic=False)
    await until(lambda: server.model.state == "ready")
    assert await ask(server, automatic=True) == ["1"]


async def test_generating_resumes(server: NeocaretServer) -> None:
    await run(server, pause, {"minutes": 60})
    assert (await run(server, generate, {"prompt": "x = "}))["candidates"]
    assert not server.pause.on


async def test_its_time_ends_it_and_the_next_question_loads_the_model(server: NeocaretServer) -> None:
    await run(server, pause, {"minutes": 0.0005})
    await until(lambda: not server.pause.on)
    assert server.model.state == "paused"
    assert await ask(server, automatic=True) is None
    await until(lambda: server.model.state == "ready")
    assert await ask(server, automatic=True) == ["1"]


async def test_loading_another_model_ends_it(server: NeocaretServer) -> None:
    await run(server, pause)
    server.apply_settings({"model": "other"})
    await until(lambda: server.model.state == "ready")
    assert not server.pause.on


async def test_pausing_while_the_model_loads_stops_the_loading(server: NeocaretServer) -> None:
    backend_of(server).load_seconds = 60
    server.load_model()
    await asyncio.wait_for(run(server, pause), 5)
    assert server.model.state == "paused"


async def test_pausing_ends_what_is_being_generated(server: NeocaretServer) -> None:
    backend_of(server).token_seconds = 0.5
    asked = asyncio.ensure_future(ask(server, automatic=True))
    await until(lambda: bool(backend_of(server).requests))
    await asyncio.wait_for(run(server, pause), 5)
    assert await asyncio.wait_for(asked, 5) is None


@pytest.mark.parametrize("minutes", [-1, "ten", True])
async def test_wrong_minutes_are_refused(server: NeocaretServer, minutes: Any) -> None:
    with pytest.raises(InvalidArgumentsError, match="minutes"):
        await run(server, pause, {"minutes": minutes})
    assert server.model.state == "ready"
