"""Typing into a suggestion costs the model nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import load
from lsprotocol import types

from neocaret_server import look_ahead, requests
from neocaret_server.app import build_server
from neocaret_server.documents import Document, Edit, Position
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import clear_cache, did_close
from neocaret_server.server import NeocaretServer
from neocaret_server.settings import Settings
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
        await load(self.server)

    def type(self, text: str, erases: int = 0) -> None:
        end = self.document.end
        start = Position(end.line, end.index - erases)
        edit = Edit(text, start, Position(end.line, end.index))
        self.server.documents.change(URI, [edit], self.document.version + 1)
        self.server.requests.changed(self.document)

    async def sees(self, channel: Channel = "inline", automatic: bool = True) -> list[str] | None:
        end = self.document.end
        caret = Caret(URI, types.Position(end.line, end.index), channel, automatic)
        suggestion = await suggest(self.server, caret)
        return suggestion.texts if suggestion else None

    def asks(self, channel: Channel = "inline") -> asyncio.Task[list[str] | None]:
        return asyncio.ensure_future(self.sees(channel))

    async def generated(self, text: str) -> None:
        """Wait until so much is generated."""
        async with asyncio.timeout(5):
            while not any(  # noqa: ASYNC110
                candidate.text.startswith(text)
                for generation in self.server.requests._by_document.get(URI, [])
                for candidate in generation.candidates
            ):
                await asyncio.sleep(0.001)

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


async def test_what_is_left_of_several_lines_goes_on_below_for_who_takes_them_one_by_one(typist: Typist) -> None:
    typist.backend.script = {"if a:\n    ": ["b = 1\n    c = 2"]}
    typist.server.documents.open(Document.of(URI, "python", 1, "if a:\n    "))
    assert await typist.sees() == ["b = 1\n    c = 2"]
    typist.type("b = 1")
    assert await typist.sees() == ["\n    c = 2"]
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


async def test_what_is_under_way_is_followed_by_who_types_into_it(typist: Typist) -> None:
    typist.backend.script = {"x = ": ["one two three four", "one or three"]}
    typist.backend.token_seconds = 0.05
    older = typist.asks()
    await typist.generated("one")
    typist.type("one t")
    newer = typist.asks()
    assert await asyncio.wait_for(older, 5) is None
    assert not newer.done()
    assert await newer == ["wo three four"]
    assert typist.server.last_reason is None
    assert (len(typist.backend.requests), typist.backend.cancelled) == (1, 0)


async def test_who_cancels_and_types_on_gets_what_went_on(typist: Typist) -> None:
    typist.backend.script = {"x = ": ["one two three four"]}
    typist.backend.token_seconds = 0.05
    older = typist.asks()
    await typist.generated("one")
    older.cancel()
    typist.type("one")
    await asyncio.sleep(0.05)
    assert await typist.sees() == [" two three four"]
    assert (len(typist.backend.requests), typist.backend.cancelled) == (1, 0)


async def test_what_no_longer_fits_is_stopped_at_once_and_something_new_made(typist: Typist) -> None:
    typist.backend.script = {"x = ": ["one two three four"], "x = one f": ["ive"]}
    typist.backend.token_seconds = 0.05
    older = typist.asks()
    await typist.generated("one")
    typist.type("one f")
    # What is there so far does not say that it is wrong: the next step does.
    assert await typist.sees() == ["ive"]
    assert await older is None
    assert (len(typist.backend.requests), typist.backend.cancelled) == (2, 1)


async def test_what_nobody_waits_for_is_stopped_when_something_else_is_typed(typist: Typist) -> None:
    typist.backend.token_seconds = 60
    typist.asks().cancel()
    older = typist.asks()
    await asyncio.sleep(0.01)
    older.cancel()
    await asyncio.sleep(0.01)
    assert typist.server.requests.under_way(URI)
    typist.type("z")
    assert not typist.server.requests.under_way(URI)


async def test_what_is_left_is_stopped_after_a_while(typist: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "LEFT_SECONDS", 0.01)
    typist.backend.token_seconds = 60
    older = typist.asks()
    await asyncio.sleep(0.01)
    older.cancel()
    async with asyncio.timeout(5):
        while typist.server.requests.under_way(URI):  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_popup_is_answered_by_the_deadline_and_what_comes_later_is_kept(typist: Typist) -> None:
    typist.server.settings = Settings(deadline_ms=50)
    typist.backend.script = {"x = ": ["one two three"]}
    typist.backend.token_seconds = 0.1
    assert await typist.sees("popup") is None
    assert typist.server.last_reason == "deadline"
    async with asyncio.timeout(5):
        while typist.server.requests.under_way(URI):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    typist.type("one")
    assert await typist.sees("popup") == [" two three"]
    await typist.asked(1)


async def test_what_is_whole_at_the_deadline_is_the_answer(typist: Typist) -> None:
    typist.server.settings = Settings(deadline_ms=150)
    typist.backend.script = {"x = ": ["one", "one two three four five six"]}
    typist.backend.token_seconds = 0.1
    assert await typist.sees("popup") == ["one"]
    typist.type("o")
    assert await typist.sees("popup") == ["ne"]
    async with asyncio.timeout(5):
        while typist.server.requests.under_way(URI):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert await typist.sees("popup") == ["ne", "ne two three four five six"]
    await typist.asked(1)


async def test_ghost_text_waits_beyond_the_deadline_for_the_first_that_is_whole(typist: Typist) -> None:
    typist.server.settings = Settings(deadline_ms=1)
    typist.backend.script = {"x = ": ["one two", "one two three four five six"]}
    typist.backend.token_seconds = 0.05
    assert await typist.sees() == ["one two"]
    assert typist.server.requests.under_way(URI)


async def test_who_asks_explicitly_has_no_deadline(typist: Typist) -> None:
    typist.server.settings = Settings(deadline_ms=1)
    typist.backend.script = {"x = ": ["one two", "three four five six"]}
    typist.backend.token_seconds = 0.02
    assert await typist.sees("popup", automatic=False) == ["one two", "three four five six"]


KEYS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", " ", ""]), st.booleans(), st.booleans()), max_size=8)


@settings(max_examples=30)
@given(KEYS)
def test_whatever_is_typed_each_question_has_one_answer_that_goes_on_from_it(
    keys: list[tuple[str, bool, bool]],
) -> None:
    asyncio.run(typed_through(keys))


async def typed_through(keys: list[tuple[str, bool, bool]]) -> None:
    """Type, ask and cancel; whatever is answered completes a text of the script."""
    texts = ["a b c a b", "ab ab c", "b a"]
    typist = Typist(FakeBackend(otherwise=texts, token_seconds=0.002), "x = ")
    typist.server.settings = Settings(deadline_ms=5)
    await typist.ready()
    asked: list[tuple[str, asyncio.Task[list[str] | None]]] = []
    for key, cancels, waits in keys:
        if cancels and asked:
            asked[-1][1].cancel()
        typist.type(key, erases=0 if key or not typist.document.text[4:] else 1)
        asked.append((typist.document.text, typist.asks("popup")))
        await asyncio.sleep(0.005 if waits else 0)
    for before, task in asked:
        async with asyncio.timeout(5):
            answers = await asyncio.gather(task, return_exceptions=True)
        if isinstance(answers[0], list):
            for answer in answers[0]:
                made = [request.prompt + text for request in typist.backend.requests for text in texts]
                assert before + answer in made
    assert typist.server.requests.waiting() == 0
    assert typist.server.model.close(5)


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


@pytest.fixture
async def idler(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Typist]:
    monkeypatch.setattr(look_ahead, "IDLE_SECONDS", 0.02)
    script = {"x = ": ["foo(1)", "far(2)"], "x = foo(1)": ["\ny = 2\nz = 3"]}
    typist = Typist(FakeBackend(script=script, otherwise=["none", "of"]), "x = ")
    await typist.ready()
    yield typist
    assert typist.server.model.close(5)


async def looked_ahead(idler: Typist) -> None:
    task = idler.server.idle_work._task
    assert task is not None
    async with asyncio.timeout(5):
        await asyncio.gather(task, return_exceptions=True)


async def test_who_accepts_and_goes_on_below_needs_no_model(idler: Typist) -> None:
    await idler.sees()
    await looked_ahead(idler)
    idler.type("foo(1)")
    # The line ends here, as far as the model knows.
    assert await idler.sees() is None
    assert idler.server.last_reason == "nothing-generated"
    idler.type("\n")
    assert await idler.sees() == ["y = 2\nz = 3"]
    await idler.asked(2)


async def test_who_types_on_at_once_has_nothing_prepared(idler: Typist) -> None:
    await idler.sees()
    idler.type("f")
    await looked_ahead(idler)
    assert len(idler.backend.requests) == 1


async def test_who_types_into_the_suggestion_leaves_what_is_prepared(idler: Typist) -> None:
    await idler.sees()
    task = idler.server.idle_work._task
    await asyncio.sleep(0.05)
    idler.type("f")
    await idler.sees()
    assert idler.server.idle_work._task is task


async def test_any_question_stops_what_is_prepared(idler: Typist) -> None:
    await idler.sees()
    idler.backend.token_seconds = 60
    async with asyncio.timeout(5):
        while len(idler.backend.requests) < 2:  # noqa: ASYNC110 - states are not events
            await asyncio.sleep(0.001)
    idler.type("zzz")
    asked = idler.asks()
    async with asyncio.timeout(5):
        while not idler.backend.cancelled:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    idler.server.requests.forget(URI)
    assert await asked is None


async def test_closing_the_document_stops_what_is_prepared(idler: Typist) -> None:
    await idler.sees()
    idler.server.forget_document(URI)
    await asyncio.sleep(0.05)
    assert len(idler.backend.requests) == 1
