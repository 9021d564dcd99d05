"""What editors ask while somebody types, and what they show: VS Code's ghost text, and Neovim's popup.

Read in their sources: VS Code 1.100 (`inlineCompletionsSource.ts`: a text change clears the running operation, which
cancels its request; then it waits for 50 ms, for both bounds of the debounce are 50; of a suggestion that is accepted
by words the rest stands first) and Neovim 0.12 (`vim/lsp/completion.lua`: 25 ms after a trigger character; while the
popup stands and its list is incomplete, after each character, at the pace of recent answers). Neither pairs brackets
here, and both count in utf-16.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from neocaret_server.typing_bench.buffer import Buffer, Spot
from neocaret_server.typing_bench.connection import Call, Connection

VS_CODE_DEBOUNCE = 0.05
NEOVIM_TRIGGER = 0.025
_NEOVIM_FIRST_PACE = 0.05
_NEOVIM_WINDOW = 10
_TRIGGER_CHARACTER = 2
_INCOMPLETE = 3
_INLINE_AUTOMATIC = 2
_FAR = 2
"""Keys: by then an acceptance is long ago."""


@dataclass(eq=False, slots=True)
class Question:
    """One request for suggestions."""

    uri: str
    version: int
    spot: Spot
    pressed: float
    """When the key was pressed that it is about, in seconds of `time.perf_counter`."""
    call: Call
    since: str | None = ""
    """What was typed at the caret after it; None where anything else was done."""
    superseded: float | None = None
    """When the editor cancelled it."""
    suggestions: int = 0
    after_acceptance: bool = False
    """Nothing but a key was pressed since a suggestion was accepted."""


@dataclass(eq=False, slots=True)
class _Open:
    uri: str
    buffer: Buffer
    version: int = 1


class Editor(ABC):
    """What both editors do; each says what it asks, and when."""

    name: ClassVar[str]
    channel: ClassVar[str]
    method: ClassVar[str]
    takes_words: ClassVar[bool]
    """A suggestion can be accepted word by word."""

    def __init__(self, connection: Connection, initialized: dict[str, Any]) -> None:
        """`initialized` is the server's answer to `initialize`."""
        self.questions: list[Question] = []
        self.shown: list[str] = []
        """What the suggestions on the screen would add behind the caret, the best first."""
        self.shown_at = 0.0
        """Since when the present list has been there, in seconds of `time.perf_counter`."""
        self.keys = 0
        self.initialized = initialized
        self._connection = connection
        self._documents: dict[int, _Open] = {}
        self._document: _Open | None = None
        self._place = 0
        self._keeps_first = False
        self._keys_since_acceptance = _FAR
        self._timer: asyncio.Task[None] | None = None
        self._running: dict[int, Question] = {}
        self._waiting: set[asyncio.Task[None]] = set()

    def visit(self, number: int, place: int, path: str, text: str, places: tuple[int, ...]) -> None:
        """Jump to a place in a file, which is opened where it is not open."""
        self._stop()
        self.shown = []
        if number not in self._documents:
            self._documents[number] = opened = _Open(f"file:///typing/{path}", Buffer(text, places))
            item = {"uri": opened.uri, "languageId": "python", "version": opened.version, "text": text}
            self._connection.notify("textDocument/didOpen", {"textDocument": item})
        self._document, self._place = self._documents[number], place

    def leave(self, number: int) -> str:
        """Close a file; returns its text."""
        self._stop()
        closed = self._documents.pop(number)
        self._connection.notify("textDocument/didClose", {"textDocument": {"uri": closed.uri}})
        return closed.buffer.text

    def press(self, text: str, erases: int = 0) -> None:
        """Press a key that takes something away before the caret, or puts something there."""
        self._edit(text, erases)
        self._keeps_first = False
        self._keys_since_acceptance += 1
        self.shown = [] if erases else [each[len(text) :] for each in self.shown if _goes_on(each, text)]
        self.pressed(text, erases)

    def accept(self, text: str) -> None:
        """Accept the beginning of a suggestion, or all of it."""
        self._edit(text, 0)
        # After a word was accepted, the rest of the suggestion stands first whatever is answered.
        self._keeps_first = self.takes_words
        self._keys_since_acceptance = 0
        self.shown = [each[len(text) :] for each in self.shown[:1] if self.takes_words and _goes_on(each, text)]
        self.accepted()

    async def settle(self, seconds: float) -> None:
        """Wait until all requests are answered, as long as that."""
        self._stop()
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=seconds)

    def close(self) -> None:
        """Wait for nothing any more."""
        self._stop()
        for task in self._waiting:
            task.cancel()

    @abstractmethod
    def pressed(self, text: str, erases: int) -> None:
        """Decide what to ask after a key."""

    @abstractmethod
    def accepted(self) -> None:
        """Decide what to ask after a suggestion was accepted."""

    def answered(self, question: Question) -> None:  # noqa: B027 - not every editor changes its pace
        """Take note of how long an answer took."""

    def ask_after(self, seconds: float, context: dict[str, Any]) -> None:
        """Ask when that time has passed without another key."""
        self._stop_timer()
        self._timer = asyncio.ensure_future(self._ask_after(seconds, context, time.perf_counter()))

    def cancel_running(self) -> None:
        """Cancel the requests that have no answer."""
        for msg_id, question in self._running.items():
            question.superseded = time.perf_counter()
            self._connection.notify("$/cancelRequest", {"id": msg_id})
        self._running.clear()

    async def _ask_after(self, seconds: float, context: dict[str, Any], pressed: float) -> None:
        await asyncio.sleep(seconds)
        self._timer = None
        self.cancel_running()
        if self._document is None:
            return
        spot = self._document.buffer.caret(self._place)
        params = {"textDocument": {"uri": self._document.uri}, "position": spot.params, "context": context}
        msg_id, call = self._connection.request(self.method, params)
        after = self._keys_since_acceptance < _FAR
        uri, version = self._document.uri, self._document.version
        question = Question(uri, version, spot, pressed, call, after_acceptance=after)
        self.questions.append(question)
        self._running[msg_id] = question
        task = asyncio.ensure_future(self._wait(msg_id, question))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _wait(self, msg_id: int, question: Question) -> None:
        result = await question.call.wait()
        self._running.pop(msg_id, None)
        items = (result or {}).get("items", [])
        question.suggestions = len(items)
        document = self._document
        if question.superseded is not None or document is None or document.uri != question.uri:
            return
        self.answered(question)
        if question.since is not None:
            texts = [text for item in items if (text := self._continuation(item, document, question)) is not None]
            kept = self.shown[:1] if self._keeps_first else []
            self.shown = [*kept, *(text[len(question.since) :] for text in texts if _goes_on(text, question.since))]
            self.shown_at = time.perf_counter()

    def _continuation(self, item: dict[str, Any], document: _Open, question: Question) -> str | None:
        """Return what an item adds behind the caret of its question; None where it changes what stands before."""
        edit = item.get("textEdit", item)
        start, text = edit["range"]["start"], edit.get("newText", edit.get("insertText"))
        behind = document.buffer.behind(self._place, start["line"], start["character"])
        replaced = behind.removesuffix(question.since or "")
        return text[len(replaced) :] if isinstance(text, str) and text.startswith(replaced) else None

    def _edit(self, text: str, erases: int) -> None:
        if self._document is None:
            raise RuntimeError("no document is visited")
        self.keys += 1
        document = self._document
        change = document.buffer.edit(self._place, text, erases)
        document.version += 1
        identifier = {"uri": document.uri, "version": document.version}
        self._connection.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [change]})
        for question in self._running.values():
            question.since = None if erases or question.since is None else question.since + text

    def _stop(self) -> None:
        self._stop_timer()
        self.cancel_running()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class VSCode(Editor):
    """Ghost text."""

    name = "Visual Studio Code"
    channel = "inline"
    method = "textDocument/inlineCompletion"
    takes_words = True

    def pressed(self, text: str, erases: int) -> None:  # noqa: ARG002 - it asks after every key
        """Ask."""
        self.cancel_running()
        self.ask_after(VS_CODE_DEBOUNCE, {"triggerKind": _INLINE_AUTOMATIC})

    def accepted(self) -> None:
        """Ask, as after a key."""
        self.pressed("", 0)


class Neovim(Editor):
    """The popup that its own library opens."""

    name = "Neovim"
    channel = "popup"
    method = "textDocument/completion"
    takes_words = False

    def __init__(self, connection: Connection, initialized: dict[str, Any]) -> None:
        super().__init__(connection, initialized)
        self._triggers = set(initialized["capabilities"]["completionProvider"].get("triggerCharacters", ()))
        self._pace = _NEOVIM_FIRST_PACE
        self._paces: list[float] = []
        self._asked: float | None = None

    def pressed(self, text: str, erases: int) -> None:
        """Ask after a trigger character, and again while the popup stands."""
        if self.shown:
            self.ask_after(self._debounce(), {"triggerKind": _INCOMPLETE})
        elif not erases and text in self._triggers:
            self.ask_after(NEOVIM_TRIGGER, {"triggerKind": _TRIGGER_CHARACTER, "triggerCharacter": text})
        else:
            self._stop_timer()

    def accepted(self) -> None:
        """Ask nothing: the popup is closed."""
        self._stop_timer()

    def answered(self, question: Question) -> None:
        """Keep the pace of recent answers: the mean of ten, and a moving one from then on."""
        took = (question.call.answered or question.call.sent) - question.call.sent
        self._asked = question.call.sent
        if len(self._paces) < _NEOVIM_WINDOW:
            self._paces.append(took)
            self._pace = sum(self._paces) / len(self._paces)
        else:
            self._pace += (took - self._pace) * 2 / (_NEOVIM_WINDOW + 1)

    def _debounce(self) -> float:
        if self._asked is None:
            return self._pace
        return max(0.0, self._pace - (time.perf_counter() - self._asked))


EDITORS: dict[str, type[Editor]] = {"vscode": VSCode, "neovim": Neovim}


def _goes_on(text: str, typed: str) -> bool:
    return len(text) > len(typed) and text.startswith(typed)
