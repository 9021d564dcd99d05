"""What was offered to the user, kept for a while so that it can be exported by its id."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from neocaret_server.last_edit import same_text

MOST_LISTS = 256
MOST_CHARACTERS = 4_000_000
"""Of kept text before carets, all lists together: a huge document is not kept 256 times."""


@dataclass(frozen=True, slots=True)
class OfferedList:
    """The continuations offered for one caret, best first."""

    uri: str
    """Of the document."""
    before: str
    """The text of the document before the caret."""
    line_end: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """One continuation and what it continues."""

    before: str
    text: str
    line_end: str


class Offers:
    """The lists offered last; each candidate has the id `<list>:<number>`, both from 1."""

    def __init__(self) -> None:
        self._lists: OrderedDict[int, OfferedList] = OrderedDict()
        self._count = 0
        self._characters = 0

    def add(self, offered: OfferedList) -> list[str]:
        """Keep a list; return the ids of its texts in order."""
        self._count += 1
        self._lists[self._count] = offered
        self._characters += len(offered.before)
        while len(self._lists) > MOST_LISTS or (self._characters > MOST_CHARACTERS and len(self._lists) > 1):
            self._drop(next(iter(self._lists)))
        return [f"{self._count}:{number}" for number in range(1, len(offered.texts) + 1)]

    def forget(self, uri: str) -> None:
        """Keep nothing of a document, which is closed."""
        for number in [number for number, offered in self._lists.items() if offered.uri == uri]:
            self._drop(number)

    def holds(self, text: str) -> bool:
        """Say whether a text is one of the newest list, as editors may have changed it in inserting it."""
        newest = self._lists.get(self.newest)
        return newest is not None and any(same_text(text, offered) for offered in newest.texts)

    @property
    def newest(self) -> int:
        """The number of the list offered last in a document that is open; 0 where there is none."""
        return next(reversed(self._lists), 0)

    def find(self, completion_id: str) -> Offer | None:
        """Return an offer by its id, by "last", or by "last:2", which is the second of the last list."""
        found = re.fullmatch(r"(last|[1-9][0-9]{0,17})(?::([1-9][0-9]{0,8}))?", completion_id)
        if found is None:
            return None
        offered = self._lists.get(self.newest if found[1] == "last" else int(found[1]))
        number = int(found[2] or 1)
        return None if offered is None else _pick(offered, number)

    def _drop(self, number: int) -> None:
        self._characters -= len(self._lists.pop(number).before)


def _pick(offered: OfferedList, number: int) -> Offer | None:
    texts: Sequence[str] = offered.texts
    return Offer(offered.before, texts[number - 1], offered.line_end) if number <= len(texts) else None
