"""What of other files reaches the model, and what never does; in one process, with a scripted model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from in_process import load
from lsprotocol import types

from neocaret_server import other_files
from neocaret_server.app import build_server
from neocaret_server.documents import Edit
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import did_change, did_change_notebook, did_open, did_open_notebook
from neocaret_server.related_windows import Window
from neocaret_server.server import NeocaretServer
from neocaret_server.suggest import Caret, suggest

PAGE = "from lib import read_table\n\nframe = read_table("
SECRET = "SECRET = 'read_table frame'\n"  # noqa: S105 - the word that is looked for


class Sink:
    def write(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


class Session:
    """A server whose workspace is a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.backend = FakeBackend()
        self.server: NeocaretServer = build_server(self.backend)
        self.server.protocol.set_writer(Sink())
        initialize = b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}'
        self.server.protocol.receive(initialize)
        self.server.other_files._roots = lambda: [root]

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def open(self, name: str, text: str, language: str = "python", uri: str | None = None) -> str:
        uri = uri or self.uri(name)
        did_open.open_document(self.server, types.TextDocumentItem(uri, language, 1, text))
        return uri

    async def idle(self) -> None:
        async with asyncio.timeout(5):
            while (task := self.server.other_files._task) is not None and not task.done():  # noqa: ASYNC110 - it changes
                await asyncio.sleep(0.001)

    async def elsewhere(self, uri: str, text: str = PAGE) -> str:
        """Ask at the end of a document once the server has been idle; return what of elsewhere went along."""
        last = text.split("\n")
        caret = Caret(uri, types.Position(len(last) - 1, len(last[-1])), "inline", automatic=False)
        await suggest(self.server, caret)
        await self.idle()
        await suggest(self.server, caret)
        return "\n".join(self.backend.requests[-1].elsewhere)

    def seen(self) -> str:
        """All that has ever reached the model."""
        return "\n".join("\n".join((each.prompt, *each.elsewhere)) for each in self.backend.requests)


@pytest.fixture
async def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    monkeypatch.setattr(other_files, "IDLE_SECONDS", 0.01)
    made = Session(tmp_path)
    await load(made.server)
    yield made
    assert made.server.model.close(5)


async def test_open_documents_of_the_language_and_imported_files_go_along_with_the_best_one_last(
    session: Session,
) -> None:
    session.write("lib.py", "def read_table(path):\n    frame = 1\n")
    session.open("near.py", "frame = read_table(near)\n")
    session.open("notes.md", "frame = read_table(notes)\n", "markdown")
    page = session.open("page.py", PAGE)
    await session.elsewhere(page)
    assert session.backend.requests[-1].elsewhere == (
        "def read_table(path):\n    frame = 1\n",
        "frame = read_table(near)\n",
    )
    assert session.server.other_files.count == 2


async def test_an_open_document_stands_for_the_file_on_the_disk(session: Session) -> None:
    session.write("lib.py", "def read_table(disk):\n")
    session.open("lib.py", "def read_table(opened):\n")
    elsewhere = await session.elsewhere(session.open("page.py", PAGE))
    assert "opened" in elsewhere
    assert "disk" not in elsewhere


async def test_secrets_beside_a_document_never_reach_the_model(session: Session, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.py"
    outside.write_text(SECRET)
    session.server.apply_settings({"exclude": ["private/", "local_settings.py"]})
    session.write("local_settings.py", SECRET)
    session.write("private/keys.py", SECRET)
    session.write(".ssh/config.py", SECRET)
    (session.root / "linked.py").symlink_to(outside)
    (session.root / "folder").symlink_to(session.root / "private")
    for name in (".env.py", "private/open.py", "id_rsa.py", ".aws/x.py", "local_settings.py"):
        session.open(name, SECRET)
    session.open("", SECRET, uri="git:/w/older.py?HEAD")
    session.open("", SECRET, uri="output:log")
    session.write("lib.py", "def read_table(lib): pass\n")
    text = (
        "import local_settings, linked\nfrom private import keys\nfrom folder import keys\n"
        "from lib import read_table\nframe = read_table("
    )
    assert "lib" in await session.elsewhere(session.open("page.py", text), text)
    assert "SECRET" not in session.seen()


async def test_what_is_closed_or_excluded_is_gone_before_the_next_question(session: Session) -> None:
    near = session.open("near.py", "frame = read_table(NEAR)\n")
    session.write("lib.py", "def read_table(LIB): frame\n")
    page = session.open("page.py", PAGE)
    for gone in ("NEAR", "LIB"):
        assert gone in await session.elsewhere(page)
        if gone == "NEAR":
            session.server.forget_document(near)
        else:
            session.server.apply_settings({"exclude": ["lib.py"]})
        assert gone not in "\n".join(session.server.other_files.texts(page))
        session.backend.requests.clear()
        await session.elsewhere(page)
        assert gone not in session.seen()
    assert near not in session.server.other_files._cut


async def test_what_is_closed_while_a_choice_is_made_is_not_chosen(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = session.open("near.py", "frame = read_table(NEAR)\n")
    page = session.open("page.py", PAGE)
    choose, started, released = session.server.other_files._choose, asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(look: Any, kept: Any) -> list[Window]:
        loop.call_soon_threadsafe(started.set)
        released.wait(5)
        return choose(look, kept)

    monkeypatch.setattr(session.server.other_files, "_choose", slow)
    await asyncio.wait_for(started.wait(), 5)
    session.server.forget_document(near)
    released.set()
    await session.idle()
    assert session.server.other_files.texts(page) == ()
    assert near not in session.server.other_files._cut


async def test_what_was_chosen_holds_still_until_the_user_pauses(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_files, "IDLE_SECONDS", 0.1)
    near = session.open("near.py", "frame = read_table(near)\n")
    page = session.open("page.py", PAGE)
    before = await session.elsewhere(page)
    session.server.documents.change(near, [Edit("frame = read_table(changed)\n")], 2)
    session.server.other_files.look(page, 0)
    assert "\n".join(session.server.other_files.texts(page)) == before
    for version in range(2, 8):
        change = types.TextDocumentContentChangeWholeDocument(PAGE + "x" * version)
        did_change.change_document(session.server, page, [change], version)
        await asyncio.sleep(0.002)
        assert "\n".join(session.server.other_files.texts(page)) == before
    await session.idle()
    assert session.server.other_files.texts(page) == ("frame = read_table(changed)\n",)


async def test_the_same_parts_in_another_order_are_left_as_they_were(session: Session) -> None:
    session.open("one.py", "alpha beta gamma\n")
    session.open("two.py", "delta epsilon gamma\n")
    page = session.open("page.py", "alpha beta\ngamma\n")
    await session.idle()
    before = session.server.other_files.texts(page)
    assert before == ("delta epsilon gamma\n", "alpha beta gamma\n")
    session.server.documents.change(page, [Edit("delta epsilon\ngamma\n")], 2)
    session.server.other_files.look(page, 2)
    await session.idle()
    assert session.server.other_files.texts(page) == before


@pytest.mark.parametrize("settings", [{"otherFiles": False}, {"documentNgrams": False}])
async def test_nothing_is_looked_at_where_the_user_does_not_want_it(
    session: Session, settings: dict[str, bool]
) -> None:
    session.open("near.py", "frame = read_table(near)\n")
    page = session.open("page.py", PAGE)
    assert "near" in await session.elsewhere(page)
    session.server.apply_settings(settings)
    assert session.server.other_files.texts(page) == ()
    session.backend.requests.clear()
    await session.elsewhere(page)
    assert "near" not in session.seen()
    assert session.server.other_files.count == 0
    session.server.apply_settings({})
    assert "near" in await session.elsewhere(page)


async def test_a_notebook_counts_as_one_file_of_code_for_others_and_not_for_its_own_cells(session: Session) -> None:
    notebook = session.uri("book.ipynb")
    cells = [f"vscode-notebook-cell:{notebook.removeprefix('file:')}#{number}" for number in range(3)]
    kinds = [types.NotebookCellKind.Code, types.NotebookCellKind.Markup, types.NotebookCellKind.Code]
    texts = ["frame = FIRST\n", "read_table PROSE\n", "read_table(SECOND)\n"]
    languages = ["python", "markdown", "python"]
    opened = types.NotebookDocument(
        notebook, "jupyter-notebook", 1, [types.NotebookCell(*each) for each in zip(kinds, cells, strict=True)]
    )
    items = [types.TextDocumentItem(*each) for each in zip(cells, languages, [1] * 3, texts, strict=True)]
    did_open_notebook.handle(session.server, types.DidOpenNotebookDocumentParams(opened, items))
    page = session.open("page.py", PAGE)
    await session.elsewhere(page)
    assert session.server.other_files.texts(page) == ("frame = FIRST\n\n\nread_table(SECOND)\n",)
    await session.elsewhere(cells[0], texts[0])
    assert session.server.other_files.texts(cells[0]) == (PAGE,)
    array = types.NotebookCellArrayChange(2, 1)
    structure = types.NotebookDocumentCellChangeStructure(array, did_close=[types.TextDocumentIdentifier(cells[2])])
    did_change_notebook.handle(
        session.server,
        types.DidChangeNotebookDocumentParams(
            types.VersionedNotebookDocumentIdentifier(2, notebook),
            types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(structure)),
        ),
    )
    assert session.server.other_files.texts(page) == ()
    assert "SECOND" not in await session.elsewhere(page)
    session.server.forget_notebook(notebook)
    assert session.server.other_files.texts(page) == ()


async def test_an_excluded_notebook_is_not_read(session: Session) -> None:
    session.server.apply_settings({"exclude": ["book.ipynb"]})
    notebook = session.uri("book.ipynb")
    cell = f"vscode-notebook-cell:{notebook.removeprefix('file:')}#a"
    opened = types.NotebookDocument(
        notebook, "jupyter-notebook", 1, [types.NotebookCell(types.NotebookCellKind.Code, cell)]
    )
    item = types.TextDocumentItem(cell, "python", 1, SECRET)
    did_open_notebook.handle(session.server, types.DidOpenNotebookDocumentParams(opened, [item]))
    await session.elsewhere(session.open("page.py", PAGE))
    assert "SECRET" not in session.seen()
