"""Each silence has its reason, which the status tells by document and channel, and which clients are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from in_process import Written, load, until
from lsprotocol import types

from neocaret_server import status_changes
from neocaret_server.app import build_server
from neocaret_server.documents import Document
from neocaret_server.errors import InvalidArgumentsError
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import status
from neocaret_server.server import NeocaretServer
from neocaret_server.statistics_file import StatisticsFile
from neocaret_server.suggest import Caret, suggest
from neocaret_server.trigger import Channel

URI, KEY, PROSE = "file:///w/x.py", "file:///w/id_rsa", "file:///w/x.md"


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
    await load(made)
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


@pytest.mark.parametrize("automatic", [True, False])
async def test_question_that_closing_ends_leaves_no_reason(server: NeocaretServer, automatic: bool) -> None:
    backend = server.model._backend
    assert isinstance(backend, FakeBackend)
    backend.token_seconds = 60
    server.documents.open(Document.of(URI, "python", 2, "x = ", server.encoding))
    asked = asyncio.ensure_future(ask(server, URI, "inline", automatic=automatic))
    await until(lambda: bool(backend.requests))
    server.forget_document(URI)
    assert not await asked
    assert (await told(server, uri=URI))["reasons"] == {}
    assert server.silences.last_uri is None


async def test_clients_that_ask_are_sent_the_reasons_of_the_document(server: NeocaretServer, written: Written) -> None:
    server.status_changes.on = True
    await ask(server, URI, "popup")
    await ask(server, URI, "inline", automatic=False)
    await asyncio.sleep(0.05)
    last = written.told(status_changes.NAME)[-1]
    assert (last["uri"], last["reasons"]) == (URI, {"popup": "middle-of-line", "explicit": None})
    assert last["reason"] is None


async def test_reason_in_a_pause_is_the_pause(server: NeocaretServer, written: Written) -> None:
    server.status_changes.on = True
    await ask(server, URI, "popup")
    server.pause.begin(None)
    await asyncio.sleep(0.05)
    last = written.told(status_changes.NAME)[-1]
    assert (last["reason"], last["paused"]) == ("paused", True)
    server.pause.end()
    await asyncio.sleep(0.05)
    last = written.told(status_changes.NAME)[-1]
    assert (last["reason"], last["paused"], last["reasons"]) == (None, False, {})


@pytest.mark.parametrize("change", ["pause and resume", "another model"])
async def test_reason_of_before_a_pause_or_another_model_is_none_any_more(server: NeocaretServer, change: str) -> None:
    await ask(server, URI, "popup")
    assert (await told(server))["lastReason"] == "middle-of-line"
    if change == "another model":
        server.apply_settings({"model": "fake/bigger"})
    else:
        server.pause.begin(None)
        # Asked meanwhile: its reason ends with the pause too.
        await ask(server, URI, "popup")
        server.pause.end()
    here = await told(server, uri=URI)
    assert (here["lastReason"], here["lastReasonText"], here["reasons"]) == (None, None, {})


async def test_status_writes_what_has_been_counted(server: NeocaretServer, tmp_path: Path) -> None:
    file = StatisticsFile(tmp_path / "state")
    server.statistics.keep_in(file)
    server.statistics.count("bundled", "python", {"offered": 2})
    assert file.read() == {}
    answer = await told(server)
    assert [counts["offered"] for counts in file.read().values()] == [2]
    assert answer["statistics"]["offered"] == 2


@pytest.mark.parametrize("wrong", [{"uri": 1}, {"url": URI}])
async def test_wrong_arguments_are_refused(server: NeocaretServer, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentsError, match=r"ur[il]"):
        await told(server, **wrong)
