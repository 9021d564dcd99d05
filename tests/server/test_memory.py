"""What is kept while somebody types for long is bounded: objects are counted, not megabytes."""

from __future__ import annotations

import asyncio
import gc

from in_process import load
from lsprotocol import types

from neocaret_server.app import build_server
from neocaret_server.backend import CompletionRequest
from neocaret_server.documents import Document, Edit, Position
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.kept import MOST_LISTS
from neocaret_server.requests import LEFT_SECONDS, Requests
from neocaret_server.server import NeocaretServer
from neocaret_server.suggest import Caret, suggest

KEYS = 700


class _Sink:
    def write(self, data: bytes) -> None:
        """Drop it."""

    def close(self) -> None:
        """Do nothing."""


class _Forgetful(list[CompletionRequest]):
    """The fake backend notes what it was asked; this list does not."""

    def append(self, _request: CompletionRequest) -> None:
        """Drop it."""


async def _serving() -> NeocaretServer:
    backend = FakeBackend(otherwise=["value_of(1)", "other", "third"])
    backend.requests = _Forgetful()
    server = build_server(backend)
    server.protocol.set_writer(_Sink())
    server.protocol.receive(b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}')
    await load(server)
    return server


async def _type(server: NeocaretServer, uri: str, keys: int) -> None:
    """Type lines at the end of a document, and ask after each key; each eighth question is left by the next one."""
    for number in range(keys):
        document = server.documents.get(uri)
        assert document is not None
        end = document.end
        here = Position(end.line, end.index)
        server.documents.change(
            uri, [Edit("\n" if number % 30 == 29 else "abcdefgh ="[number % 10], here, here)], number
        )
        document = server.documents.get(uri)
        assert document is not None
        server.requests.changed(document)
        caret = Caret(uri, types.Position(document.end.line, document.end.index), "inline", automatic=True)
        if number % 8:
            await suggest(server, caret)
        else:
            asking = asyncio.ensure_future(suggest(server, caret))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])


def _objects() -> int:
    gc.collect()
    return len(gc.get_objects())


async def test_an_hour_of_typing_in_documents_that_come_and_go_keeps_no_more_objects() -> None:
    server = await _serving()
    counts = []
    for part in range(3):
        for number in range(10):
            uri = f"file:///w/{part}_{number}.py"
            server.documents.open(Document.of(uri, "python", 1, "import os\n\n"))
            await _type(server, uri, KEYS // 10)
            server.forget_document(uri)
        # What was left goes on for a moment, and so do the timers.
        await asyncio.sleep(1.5 * LEFT_SECONDS)
        counts.append(_objects())
    assert server.model.close(5)
    # The first part fills what has a bound; one object kept of each key would be too many.
    assert counts[2] - counts[1] < KEYS / 5


async def test_typing_in_one_document_keeps_as_many_lists_and_answers_as_are_allowed() -> None:
    server = await _serving()
    uri = "file:///w/x.py"
    server.documents.open(Document.of(uri, "python", 1, "import os\n\n"))
    await _type(server, uri, KEYS)
    assert len(server.kept._lists[uri]) <= MOST_LISTS
    for asked in (server.requests, server.refills, server.ahead, server.readings):
        assert sum(map(len, asked._by_document.values())) <= 2
    assert len(server._tasks) <= 1
    assert server.model.close(5)


async def test_a_document_that_is_forgotten_leaves_no_generation_behind() -> None:
    server = await _serving()
    uri = "file:///w/x.py"
    for asked in (server.requests, server.refills, server.ahead, server.readings):
        assert await asked.ask(uri, "inline", (1, 0, 0), CompletionRequest("x")) is not None
        assert asked._by_document
    server.forget_document(uri)
    for asked in (server.requests, server.refills, server.ahead, server.readings):
        assert not asked._by_document
    assert server.model.close(5)


async def test_a_finished_generation_goes_when_another_document_is_asked_about() -> None:
    server = await _serving()
    asked: Requests = server.refills
    for number in range(20):
        await asked.ask(f"file:///w/{number}.py", "inline", (1, 0, 0), CompletionRequest("x"))
    assert list(asked._by_document) == ["file:///w/19.py"]
    assert server.model.close(5)
