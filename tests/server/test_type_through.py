"""Typing into a suggestion costs the model nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from lsprotocol import types

from neocaret_server.app import build_server
from neocaret_server.documents import Document, Edit, Position
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import clear_cache, did_close
from neocaret_server.server import NeocaretServer
from neocaret_server.suggest import Caret, suggest
from neocaret_server.trigger import Channel

URI = "file:///w/x.py"


class Typist:
    """A server with an open document, and somebody who types at its end."""

    def __init__(self, backend: FakeBackend, text: str) -> None:
        self.backend = backend
        self.written = b""
        self.server: NeocaretServer = build_server(backend)
        self.server.protocol.set_writer(self)
        initialize = b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}'
        self.server.protocol.receive(initialize)
        self.server.documents.open(Document.of(URI, "python", 1, text))

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        return

    @property
    def document(self) -> Document:
        document = self.server.documents.get(URI)
        assert document is not None
        return document

    async def ready(self) -> None:
        self.server.load_model()
        async with asyncio.timeout(5):
            while self.server.model.state != "ready":  # noqa: ASYNC110 - states are not events
                await asyncio.sleep(0.001)

    def type(self, text: str, erases: int = 0) -> None:
        end = self.document.end
        start = Position(end.line, end.index - erases)
        edit = Edit(text, start, Position(end.line, end.index))
        self.server.documents.change(URI, [edit], self.document.version + 1)

    async def sees(self, channel: Channel = "inline", automatic: bool = True) -> list[str] | None:
        end = self.document.end
        caret = Caret(URI, types.Position(end.line, end.index), channel, automatic)
        suggestion = await suggest(self.server, caret)
        return suggestion.texts if suggestion else None

    async def asked(self, times: int) -> None:
        async with asyncio.timeout(5):
            while len(self.backend.requests) < times or self.server._tasks:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert len(self.backend.requests) == times


@pytest.fixture
async def typist() -> AsyncIterator[Typist]:
    typist = Typist(
        FakeBackend(script={"x = ": ["foo(1)", "far(2)", "bar"]}, otherwise=["none", "of", "these"]), "x = "
    )
    await typist.ready()
    yield typist
    assert typist.server.model.close(5)


async def test_what_is_typed_into_is_answered_from_what_is_kept(typist: Typist) -> None:
    assert await typist.sees() == ["foo(1)", "far(2)", "bar"]
    typist.type("f")
    assert await typist.sees() == ["oo(1)", "ar(2)"]
    assert await typist.sees("popup") == ["oo(1)", "ar(2)"]
    await typist.asked(1)


async def test_what_fits_nothing_that_is_kept_asks_the_model(typist: Typist) -> None:
    await typist.sees()
    typist.type("z")
    assert await typist.sees() == ["none", "of", "these"]
    await typist.asked(2)


async def test_who_mistypes_and_comes_back_has_what_was_there(typist: Typist) -> None:
    before = await typist.sees()
    typist.type("z")
    await typist.sees()
    typist.type("", erases=1)
    assert await typist.sees() == before
    await typist.asked(2)


async def test_where_few_are_left_others_are_made_meanwhile_and_once(typist: Typist) -> None:
    await typist.sees()
    typist.type("b")
    assert await typist.sees() == ["ar"]
    await typist.asked(2)
    assert await typist.sees() == ["ar", "none", "of", "these"]
    typist.type("a")
    assert await typist.sees() == ["r"]
    await typist.asked(3)
    typist.type("r")
    assert await typist.sees() != ["r"]


async def test_who_asks_explicitly_asks_the_model(typist: Typist) -> None:
    await typist.sees(automatic=False)
    await typist.sees(automatic=False)
    await typist.asked(2)


async def test_closing_the_document_clearing_the_cache_and_loading_anew_forget(typist: Typist) -> None:
    await typist.sees()
    await clear_cache.handle(typist.server, types.ExecuteCommandParams("neocaret.clearCache"))
    await typist.sees()
    await typist.asked(2)
    did_close.handle(typist.server, types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(URI)))
    typist.server.documents.open(Document.of(URI, "python", 1, "x = "))
    await typist.sees()
    await typist.asked(3)
    await typist.ready()
    await typist.sees()
    await typist.asked(4)


async def test_kept_answer_supersedes_the_question_before_it(typist: Typist) -> None:
    await typist.sees()
    typist.backend.token_seconds = 60
    typist.type("z")
    older = asyncio.ensure_future(typist.sees())
    async with asyncio.timeout(5):
        while not typist.server.requests.waiting():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    typist.type("f", erases=1)
    assert await typist.sees() == ["oo(1)", "ar(2)"]
    assert await asyncio.wait_for(older, 5) is None


async def test_client_that_traces_is_told_where_each_answer_came_from(typist: Typist) -> None:
    typist.server.protocol.trace = types.TraceValue.Verbose
    await typist.sees()
    typist.type("f")
    await typist.sees()
    typist.server.settings = type(typist.server.settings)(automatic=False)
    await typist.sees()
    bodies = [part.partition(b"\r\n\r\n")[2] for part in typist.written.split(b"Content-Length")]
    messages = [json.loads(body) for body in bodies if b"logTrace" in body]
    told = [json.loads(message["params"]["verbose"]) for message in messages]
    assert [(each["source"], each["reason"]) for each in told if each["kind"] == "answer"] == [
        ("model", None),
        ("store", None),
        (None, "automatic-off"),
    ]
    (work,) = (each for each in told if each["kind"] == "work")
    assert (work["prompt_tokens"], work["prefilled_tokens"], work["cancelled"]) == (3, 3, False)
    assert "foo" not in str(messages)
    typist.server.protocol.trace = types.TraceValue.Off
    length = len(typist.written)
    await typist.sees()
    assert len(typist.written) == length
