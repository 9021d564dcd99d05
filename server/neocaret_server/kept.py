"""Continuations that were made for a caret, kept for whoever types into one of them; pure.

A list holds as long as the text before its caret is what it was, and the line goes on as it did, or with closers that
an editor has added. Then whatever begins with what was typed since goes on from there, with no work of the model.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from neocaret_server.documents import Document, Place
from neocaret_server.following import CaretAt, typed_since
from neocaret_server.settings import Settings
from neocaret_server.tidy import up_to_closer

MOST_LISTS = 32
"""Of one document: the carets of some lines that were typed last, to come back to after a mistake or a jump."""
MOST_DOCUMENTS = 64


@dataclass(eq=False, slots=True)
class KeptList:
    """The continuations of one caret, best first, with line feeds."""

    document: Document
    """As it was then."""
    place: Place
    texts: tuple[str, ...]
    settings: Settings
    """They were made for."""
    single_line: bool = False
    """What is left of them below the caret's line is for who goes there, and not part of a suggestion on the line."""
    refilled: bool = False
    """Others have been asked for already, since few of these were left."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is left of a list for a caret."""

    texts: tuple[str, ...]
    of: KeptList


class KeptLists:
    """The lists of some documents, the newest first."""

    def __init__(self, most_lists: int = MOST_LISTS) -> None:
        """`most_lists` is of one document; with 0 nothing is kept."""
        self._most_lists = most_lists
        self._lists: OrderedDict[str, deque[KeptList]] = OrderedDict()

    @property
    def on(self) -> bool:
        """Whether anything is kept at all."""
        return self._most_lists > 0

    def keep(self, kept: KeptList) -> None:
        """Take in a list that is not empty."""
        uri = kept.document.uri
        lists = self._lists.setdefault(uri, deque(maxlen=self._most_lists))
        lists.appendleft(kept)
        self._lists.move_to_end(uri)
        if len(self._lists) > MOST_DOCUMENTS:
            self._lists.popitem(last=False)

    def find(self, document: Document, place: Place, settings: Settings) -> Found | None:
        """Return what the newest list that has something for this caret has for it."""
        for kept in self._lists.get(document.uri, ()):
            if kept.settings == settings and (texts := left_of(kept, document, place)):
                return Found(texts, kept)
        return None

    def forget(self, uri: str) -> None:
        """Forget what was kept of a document."""
        self._lists.pop(uri, None)

    def clear(self) -> None:
        """Forget all."""
        self._lists.clear()


def left_of(kept: KeptList, document: Document, place: Place) -> tuple[str, ...]:
    """Return how the texts of a list go on from a caret that has come further; nothing where it does not hold."""
    longest = max(map(len, kept.texts), default=0)
    typed = typed_since(CaretAt(kept.document, kept.place), CaretAt(document, place), longest)
    if typed is None:
        return ()
    texts = (text[len(typed.text) :] for text in kept.texts if text.startswith(typed.text))
    ended = (up_to_closer(text, typed.closers) for text in texts)
    return tuple(dict.fromkeys(text for text in ended if text.strip()))
