"""What was chosen of other files is read while nobody asks: the next question finds it read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from in_process import Written, until
from lsprotocol import types

from neocaret_server import look_ahead, other_files
from neocaret_server.app import build_server
from neocaret_server.backend import Backend
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import did_close, did_open
from neocaret_server.model_backend import ModelBackend
from neocaret_server.server import NeocaretServer
from neocaret_server.settings import Settings
from neocaret_server.suggest import Caret, suggest

PAGE, OTHER = "file:///w/page.py", "file:///w/other.py"
TEXT = "frame = read_table(path)\n" * 40 + "frame = read_table("
NEAR = "".join(f"frame_{number} = read_table(path, {number})\n" for number in range(40))


class Session:
    """A server with a page in which somebody asks."""

    def __init__(self, backend: Backend) -> None:
        self.server: NeocaretServer = build_server(backend)
        self.server.protocol.set_writer(Written())
        self.server.protocol.receive(
            b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}'
        )
        self.server.load_model()
        self.open(PAGE, TEXT)

    def open(self, uri: str, text: str) -> None:
        did_open.open_document(self.server, types.TextDocumentItem(uri, "python", 1, text))

    async def ask(self, character: int = 19) -> None:
        await suggest(self.server, Caret(PAGE, types.Position(40, character), "inline", automatic=False))

    async def idle(self) -> None:
        await until(lambda: self.server.other_files._task is None or self.server.other_files._task.done())
        await self.server.reading_ahead.ended()


async def session_of(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    monkeypatch.setattr(other_files, "IDLE_SECONDS", 0.01)
    made = Session(backend)
    await until(lambda: made.server.model.state == "ready")
    yield made
    assert made.server.model.close(5)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
async def session(backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    async for made in session_of(backend, monkeypatch):
        yield made


@pytest.fixture
async def real(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    async for made in session_of(ModelBackend(), monkeypatch):
        yield made


async def test_next_question_counts_nothing_of_other_files(real: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from neocaret_model.engine.document_ngrams import DocumentNgrams

    counted: list[int] = []
    append = DocumentNgrams._append

    def noted(self: DocumentNgrams, token: int) -> None:
        counted.append(token)
        append(self, token)

    monkeypatch.setattr(DocumentNgrams, "_append", noted)
    await real.idle()
    await real.ask()
    real.open(OTHER, NEAR)
    with monkeypatch.context() as never:
        never.setattr(other_files, "IDLE_SECONDS", 1000)
        await real.ask()
    before = len(counted)
    real.server.other_files.wait()
    await real.idle()
    assert real.server.other_files.count == 1
    while_idle = len(counted) - before
    await real.ask()
    # All of the page stands behind what is chosen, and is counted again with it.
    assert while_idle > 200
    assert len(counted) - before - while_idle < 20


async def test_it_is_read_once_for_each_choice(session: Session, backend: FakeBackend) -> None:
    session.open(OTHER, NEAR)
    await session.ask()
    await session.idle()
    assert [request.max_new_tokens for request in backend.requests] == [64, 1]
    assert [len(request.elsewhere) for request in backend.requests] == [0, 1]
    assert backend.requests[0].prompt == backend.requests[1].prompt
    await session.ask()
    await session.idle()
    assert len(backend.requests) == 3


async def test_what_is_closed_is_read_without(session: Session, backend: FakeBackend) -> None:
    session.open(OTHER, NEAR)
    await session.ask()
    await session.idle()
    did_close.handle(session.server, types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(OTHER)))
    await session.idle()
    assert [(request.max_new_tokens, len(request.elsewhere)) for request in backend.requests[2:]] == [(1, 0)]


async def test_question_stops_it(session: Session, backend: FakeBackend) -> None:
    session.open(OTHER, NEAR)
    await session.ask()
    backend.token_seconds = 60
    await until(lambda: len(backend.requests) == 2)
    backend.token_seconds = 0
    async with asyncio.timeout(5):
        await session.ask(18)
    assert backend.cancelled == 1


async def test_what_is_prepared_for_an_acceptance_comes_first(
    session: Session, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_ahead, "IDLE_SECONDS", 0.1)
    session.open(OTHER, NEAR)
    session.server.settings = Settings(deadline_ms=0)
    await suggest(session.server, Caret(PAGE, types.Position(40, 19), "inline", automatic=True))
    await until(lambda: len(backend.requests) == 3)
    assert [request.max_new_tokens for request in backend.requests] == [64, look_ahead.MOST_TOKENS, 1]


async def test_nothing_is_read_without_a_model(session: Session, backend: FakeBackend) -> None:
    session.open(OTHER, NEAR)
    await session.ask()
    await session.server.model.pause()
    await session.idle()
    assert session.server.other_files.count == 1
    assert len(backend.requests) == 1


async def test_document_that_was_only_opened_is_not_read(session: Session, backend: FakeBackend) -> None:
    session.open(OTHER, NEAR)
    await session.idle()
    assert (session.server.other_files.count, backend.requests) == (1, [])
