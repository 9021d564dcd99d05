"""What other files have for a caret: parts of open documents and of imported files, chosen while nothing is typed.

- A key never waits for it: a question takes what was chosen before, and the choice is made anew once the user pauses.
- What was chosen holds still between two pauses, so that what the engine has made of it holds as well.
- A document that is closed, and a file that is excluded, takes what was chosen of it along at once.
- Only code of the document's own language counts; an open document stands for the file on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from neocaret_server.documents import Document, DocumentStore, Place
from neocaret_server.export import ExportError, path_from_uri
from neocaret_server.imported_files import ImportedFiles
from neocaret_server.notebooks import Notebooks
from neocaret_server.prompt import for_model
from neocaret_server.related_windows import CutText, Window, cut_text, related_windows
from neocaret_server.settings import Settings
from neocaret_server.surroundings import surroundings
from neocaret_server.trigger import is_excluded

IDLE_SECONDS = 0.3
"""So long nothing is typed or asked before a choice is made."""
MOST_WINDOWS = 3
"""For a caret, one of each file."""
MOST_OPEN = 20
"""Other open documents that are looked at, those that were edited or opened last."""
MOST_CHARACTERS = 200_000
"""Of a document: its beginning."""

_MOST_DOCUMENTS = 32
_NEAR_CHARACTERS = 16_384
_SCHEMES = frozenset({"file", "untitled"})
"""Of documents that hold the user's own text; others show an older version, a log, and the like."""
_BETWEEN_CELLS = "\n\n"


@dataclass(frozen=True, slots=True)
class _Open:
    """An open file: a document, or the cells of a notebook."""

    uri: str
    parts: tuple[Document, ...]

    @property
    def text(self) -> str:
        return _BETWEEN_CELLS.join(part.head(MOST_CHARACTERS) for part in self.parts)[:MOST_CHARACTERS]


@dataclass(frozen=True, slots=True)
class _Caret:
    """Where a question was asked, or may be."""

    uri: str
    line: int
    changed: Callable[[], None] | None = None
    """Wants to know of another choice."""


_NO_CARET = _Caret("", 0)


@dataclass(frozen=True, slots=True)
class _Look:
    """All that a choice is made of, for another thread: it does not change meanwhile."""

    before: str
    """The text before the caret."""
    own: _Open
    others: tuple[_Open, ...]
    roots: tuple[Path, ...]
    exclude: tuple[str, ...]


class OtherFiles:
    """The parts of other files that were chosen for the documents that were asked about last."""

    def __init__(self, documents: DocumentStore, notebooks: Notebooks, roots: Callable[[], Sequence[Path]]) -> None:
        self._documents = documents
        self._notebooks = notebooks
        self._roots = roots
        self._settings = Settings()
        self._chosen: dict[str, tuple[Window, ...]] = {}
        self._last = _NO_CARET
        self._last_had: tuple[str, ...] = ()
        """What was chosen for it before, when it was looked at or told."""
        self._wanted: dict[str, int] = {}
        """The lines of the carets for which a choice is due, by document."""
        self._cut: dict[str, tuple[_Open, CutText]] = {}
        self._imported = ImportedFiles()
        self._task: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        """Return how many files have something for the document that was looked at last."""
        return len(self.texts(self._last.uri))

    def texts(self, uri: str) -> tuple[str, ...]:
        """Return the parts of other files for a document, the one most alike last."""
        return tuple(window.text for window in self._chosen.get(uri, ()))

    def look(self, uri: str, line: int, changed: Callable[[], None] | None = None) -> None:
        """Take note of a caret: a choice for it is made as soon as the user pauses.

        `changed` is called where it is another one than before, and nothing else was looked at meanwhile.
        """
        if _wants(self._settings):
            self._wanted.pop(uri, None)
            self._wanted[uri] = line
            # A large notebook opens all of its cells at once.
            while len(self._wanted) > _MOST_DOCUMENTS:
                del self._wanted[next(iter(self._wanted))]
            self._last, self._last_had = _Caret(uri, line, changed), self.texts(uri)
            self.wait()

    def wait(self) -> None:
        """Let another moment pass before a choice that is due."""
        self._stop()
        if self._wanted:
            # Without a loop nobody is served: the next question finds the choice still due.
            with contextlib.suppress(RuntimeError):
                loop = asyncio.get_running_loop()
                self._task = loop.create_task(self._choose_when_idle())

    def forget(self, uri: str) -> None:
        """Drop what was chosen for a document, and of it for others."""
        gone = {uri, self._notebooks.holding(uri)}
        self._wanted.pop(uri, None)
        self._chosen.pop(uri, None)
        # A new one, because a choice under way in a thread goes on to fill the old one.
        self._cut = {other: cut for other, cut in self._cut.copy().items() if other not in gone}
        self._chosen = {
            other: tuple(window for window in windows if window.source not in gone)
            for other, windows in self._chosen.items()
        }
        if self._last.uri == uri:
            self._last, self._last_had = _NO_CARET, ()
        elif self.texts(self._last.uri) != self._last_had:
            self._wanted.setdefault(self._last.uri, self._last.line)
        # A choice under way may know what is gone.
        self.wait()

    def apply(self, settings: Settings) -> None:
        """Take settings over; what was chosen under others is dropped where they say what may be read."""
        before, self._settings = self._settings, settings
        if (before.exclude, _wants(before)) == (settings.exclude, _wants(settings)):
            return
        due = [*self._chosen, *self._wanted]
        self._stop()
        self._chosen, self._cut = {}, {}
        self._imported.forget()
        self._wanted = dict.fromkeys(due, 0) | self._wanted if _wants(settings) else {}
        self.wait()

    async def _choose_when_idle(self) -> None:
        await asyncio.sleep(IDLE_SECONDS)
        while self._wanted:
            uri, line = next(reversed(self._wanted.items()))
            if (look := self._look(uri, line)) is not None:
                windows = await asyncio.to_thread(self._choose, look, self._cut)
                self._keep(uri, tuple(windows))
                self._tell(uri)
            # Only now: whoever is interrupted begins anew.
            del self._wanted[uri]

    def _keep(self, uri: str, windows: tuple[Window, ...]) -> None:
        before = self._chosen.pop(uri, ())
        # The same parts in another order would be new text for the engine.
        same = {window.text for window in before} == {window.text for window in windows}
        self._chosen[uri] = before if same and len(before) == len(windows) else windows
        while len(self._chosen) > _MOST_DOCUMENTS:
            del self._chosen[next(iter(self._chosen))]

    def _tell(self, uri: str) -> None:
        now = self.texts(uri)
        if uri == self._last.uri and now != self._last_had:
            self._last_had = now
            if self._last.changed is not None:
                self._last.changed()

    def _look(self, uri: str, line: int) -> _Look | None:
        document = self._documents.get(uri)
        own = self._file_of(document) if document is not None else None
        if document is None or own is None:
            return None
        place = Place(min(line, document.end.line), 0)
        above = self._documents.known(self._notebooks.neighbours(uri).above)
        before = surroundings(document, place.line, document.line_after(place), above).before
        alike = [file for file in self._open_files() if file.uri != own.uri and _language(file) == document.language_id]
        return _Look(
            for_model(before[-_NEAR_CHARACTERS:]),
            own,
            tuple(alike[:MOST_OPEN]),
            tuple(self._roots()) if document.language_id == "python" else (),
            self._settings.exclude,
        )

    def _open_files(self) -> list[_Open]:
        """Return the open files that may be read, each once, those that were edited or opened last first."""
        notebook_of = self._notebooks.by_cell()
        first_of: dict[str, Document] = {}
        for each in self._documents.recent():
            first_of.setdefault(notebook_of.get(each.uri, each.uri), each)
        return [file for each in first_of.values() if (file := self._file_of(each))]

    def _file_of(self, document: Document) -> _Open | None:
        """Return the open file that a document is or belongs to; None where it is not one to be read."""
        notebook = self._notebooks.holding(document.uri)
        if notebook is None:
            file = _Open(document.uri, (document,))
        else:
            file = _Open(notebook, tuple(self._documents.known(self._notebooks.code_of(notebook))))
        if urlsplit(file.uri).scheme not in _SCHEMES or is_excluded(file.uri, self._settings.exclude):
            return None
        return file if file.parts else None

    def _choose(self, look: _Look, kept: dict[str, tuple[_Open, CutText]]) -> list[Window]:
        """Choose; runs in a thread of its own, and takes some milliseconds."""
        opened = [(file.uri, _cut_of(file, kept)) for file in look.others]
        return related_windows(look.before, [*opened, *self._imported_by(look)], MOST_WINDOWS)

    def _imported_by(self, look: _Look) -> list[tuple[str, CutText]]:
        path = _path_of(look.own.uri)
        if path is None or not look.roots:
            return []
        opened = {_path_of(file.uri) for file in look.others}

        def allowed(file: Path) -> bool:
            return file not in opened and not is_excluded(file.as_uri(), look.exclude)

        files = self._imported.read(path, look.own.text, look.roots, allowed)
        return [(file.as_uri(), text) for file, text in files]

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None


def _wants(settings: Settings) -> bool:
    return settings.other_files and settings.document_ngrams


def _cut_of(file: _Open, kept: dict[str, tuple[_Open, CutText]]) -> CutText:
    before = kept.get(file.uri)
    if before is None or before[0] != file:
        before = kept[file.uri] = file, cut_text(for_model(file.text))
    return before[1]


def _language(file: _Open) -> str:
    return file.parts[0].language_id


def _path_of(uri: str) -> Path | None:
    try:
        return Path(path_from_uri(uri))
    except ExportError:
        return None
