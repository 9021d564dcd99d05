"""A pause gives the model back and keeps quiet, until its time or the user ends it, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from in_process import Written, load, until
from lsprotocol import types

from neocaret_server.app import build_server
from neocaret_server.backend import ModelChoice
from neocaret_server.documents import Document
from neocaret_server.errors import InvalidArgumentsError, RequestFailedError
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import generate, pause, reload_model, resume, status
from neocaret_server.server import NeocaretServer
from neocaret_server.suggest import Caret, suggest

URI = "file:///w/x.py"


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
async def server(written: Written) -> AsyncIterator[NeocaretServer]:
    made = build_server(FakeBackend(script={"x = ": ["1"]}))
    made.protocol.set_writer(written)
    made.protocol.receive(b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}')
    made.documents.open(Document.of(URI, "python", 1, "x = ", made.encoding))
    await load(made)
    yield made
    made.model.close(5)


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


async def test_question_by_hand_is_told_why_there_is_nothing_and_ends_no_pause(server: NeocaretServer) -> None:
    await run(server, pause)
    assert await ask(server, automatic=False) is None
    told = await run(server, status)
    assert (told["lastReason"], told["paused"], told["state"]) == ("paused", True, "paused")
    assert "neocaret.resume" in told["lastReasonText"]
    assert len(backend_of(server).loads) == 1


async def test_generating_has_the_model_for_as_long_as_it_takes(server: NeocaretServer) -> None:
    await run(server, pause, {"minutes": 60})
    backend_of(server).token_seconds = 0.05
    one = asyncio.ensure_future(run(server, generate, {"prompt": "x = "}))
    await until(lambda: server.model.state == "ready")
    assert (await run(server, generate, {"prompt": "x = "}))["candidates"]
    assert (await one)["candidates"]
    assert (server.pause.on, server.model.state) == (True, "paused")
    await until(lambda: not backend_of(server).loaded)
    assert len(backend_of(server).loads) == 2


async def test_generating_is_told_of_a_pause_that_comes_meanwhile(server: NeocaretServer) -> None:
    await run(server, pause)
    backend_of(server).load_seconds = 60
    generating = asyncio.ensure_future(run(server, generate, {"prompt": "x = "}))
    await until(lambda: server.model.state == "loading")
    await asyncio.wait_for(run(server, pause), 5)
    with pytest.raises(RequestFailedError, match=r"Paused.*neocaret\.resume"):
        await asyncio.wait_for(generating, 5)


async def test_who_generates_while_the_model_wakes_for_another_is_told_that_it_loads(server: NeocaretServer) -> None:
    await run(server, pause)
    backend_of(server).load_seconds = 0.2
    one = asyncio.ensure_future(run(server, generate, {"prompt": "x = "}))
    await until(lambda: server.model.state == "loading")
    with pytest.raises(RequestFailedError, match="still loading"):
        await run(server, generate, {"prompt": "x = "})
    assert (await one)["candidates"]
    assert server.model.state == "paused"


async def test_its_time_ends_it_and_the_next_question_loads_the_model(server: NeocaretServer) -> None:
    await run(server, pause, {"minutes": 0.0005})
    await until(lambda: not server.pause.on)
    assert server.model.state == "paused"
    assert await ask(server, automatic=True) is None
    await until(lambda: server.model.state == "ready")
    assert await ask(server, automatic=True) == ["1"]


@pytest.mark.parametrize("setting", [{"model": "other"}, {"device": "cuda"}, {"dtype": "int8"}])
async def test_another_model_waits_for_the_end_of_the_pause(
    server: NeocaretServer, written: Written, setting: dict[str, str]
) -> None:
    await run(server, pause)
    server.apply_settings(setting)
    assert f"the model {server.choice.model} is loaded when the pause has ended" in str(written.bodies)
    assert (await run(server, status))["model"] == setting.get("model", "bundled")
    assert await ask(server, automatic=True) is None
    assert (server.pause.on, server.model.state, len(backend_of(server).loads)) == (True, "paused", 1)
    await run(server, resume)
    await until(lambda: server.model.state == "ready")
    assert backend_of(server).loads[1:] == [ModelChoice(**setting)]


async def test_reloading_waits_for_the_end_of_the_pause(server: NeocaretServer) -> None:
    await run(server, pause, {"minutes": 0.0005})
    await run(server, reload_model)
    assert (server.pause.on, server.model.state) == (True, "paused")
    await until(lambda: not server.pause.on)
    assert await ask(server, automatic=True) is None
    await until(lambda: server.model.state == "ready")
    assert len(backend_of(server).loads) == 2


async def test_model_that_failed_is_not_loaded_in_a_pause_either(server: NeocaretServer) -> None:
    backend_of(server).load_error = "No such model."
    server.load_model()
    await until(lambda: server.model.state == "failed")
    await run(server, pause)
    backend_of(server).load_error = None
    server.apply_settings({"model": "other"})
    assert server.model.state == "paused"
    await run(server, resume)
    await until(lambda: server.model.state == "ready")


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
