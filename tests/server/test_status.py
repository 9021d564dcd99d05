"""Each silence has its reason, which the status tells by document and channel, and which clients are sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from lsprotocol import types

from neocaret_server import status_changes
from neocaret_server.app import build_server
from neocaret_server.documents import Document
from neocaret_server.errors import InvalidArgumentsError
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import status
from neocaret_server.server import NeocaretServer
from neocaret_server.suggest import Caret, suggest
from neocaret_server.trigger import Channel

URI, KEY, PROSE = "file:///w/x.py", "file:///w/id_rsa", "file:///w/x.md"


class Written:
    """A writer that keeps the bodies that are written."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def write(self, data: bytes) -> None:
        self.bodies.append(json.loads(data.partition(b"\r\n\r\n")[2]))

    def close(self) -> None:
        return

    @property
    def statuses(self) -> list[Any]:
        return [body["params"] for body in self.bodies if body.get("method") == status_changes.NAME]


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
async def server(written: Written, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NeocaretServer]:
    monkeypatch.setattr(status_changes, "GATHER_SECONDS", 0.001)
    made = build_server(FakeBackend(script={"x = ": ["1"]}))
    made.protocol.set_writer(written)
    made.protocol.receive(b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}')
    for uri, language, text in ((URI, "python", "x = y"), (KEY, "plaintext", "x = "), (PROSE, "markdown", "x = ")):
        made.documents.open(Document.of(uri, language, 1, text, made.encoding))
    made.load_model()
    async with asyncio.timeout(5):
        while made.model.state != "ready":  # noqa: ASYNC110 - states are not events
            await asyncio.sleep(0.001)
    yield made
    made.model.close(5)


async def ask(server: NeocaretServer, uri: str, channel: Channel, *, automatic: bool = True) -> bool:
    return await suggest(server, Caret(uri, types.Position(0, 4), channel, automatic)) is not None


async def told(server: NeocaretServer, **arguments: Any) -> dict[str, Any]:
    return await status.handle(server, types.ExecuteCommandParams(status.NAME, [arguments]))


async def test_each_document_and_channel_has_its_own_reason(server: NeocaretServer) -> None:
    server.apply_settings({"languages": {"markdown": False}})
    assert not await ask(server, URI, "popup")
    assert await ask(server, URI, "inline", automatic=False)
    assert not await ask(server, PROSE, "inline")
    assert not await ask(server, KEY, "popup", automatic=False)
    here = await told(server, uri=URI)
    assert here["reasons"] == {"popup": "middle-of-line", "explicit": None}
    assert (here["lastReason"], here["lastReasonText"]) == (None, None)
    assert (await told(server, uri=PROSE))["reasons"] == {"inline": "language-off"}
    assert "neocaret.languages" in (await told(server, uri=PROSE))["lastReasonText"]
    assert (await told(server))["reasons"] == {"explicit": "excluded-file"}
    assert (await told(server))["lastReason"] == "excluded-file"
    assert (await told(server, uri="file:///never.py"))["reasons"] == {}


async def test_closed_document_has_no_reason_left(server: NeocaretServer) -> None:
    await ask(server, URI, "popup")
    server.forget_document(URI)
    assert (await told(server, uri=URI))["lastReason"] is None


async def test_clients_that_ask_are_sent_the_reasons_of_the_document(server: NeocaretServer, written: Written) -> None:
    server.status_changes.on = True
    await ask(server, URI, "popup")
    await ask(server, URI, "inline", automatic=False)
    await asyncio.sleep(0.05)
    last = written.statuses[-1]
    assert (last["uri"], last["reasons"]) == (URI, {"popup": "middle-of-line", "explicit": None})
    assert last["reason"] is None


async def test_reason_in_a_pause_is_the_pause(server: NeocaretServer, written: Written) -> None:
    server.status_changes.on = True
    await ask(server, URI, "popup")
    server.pause.begin(None)
    await asyncio.sleep(0.05)
    assert (written.statuses[-1]["reason"], written.statuses[-1]["paused"]) == ("paused", True)
    server.pause.end()
    await asyncio.sleep(0.05)
    assert (written.statuses[-1]["reason"], written.statuses[-1]["paused"]) == ("middle-of-line", False)


@pytest.mark.parametrize("wrong", [{"uri": 1}, {"url": URI}])
async def test_wrong_arguments_are_refused(server: NeocaretServer, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentsError, match=r"ur[il]"):
        await told(server, **wrong)
