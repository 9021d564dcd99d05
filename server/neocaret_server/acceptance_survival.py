"""What is left of accepted text after a while, as far as numbers say; the text itself stays in memory.

Its place is followed through the edits of its document. Later, the text there says how much of it still stands:
`unchanged` where all of it does, `mostly` where at most a third of its words and signs would have to be changed to
have it back, else `gone`. So GitHub Copilot was measured (Ziegler and others, arXiv 2205.06537), at other thresholds of
time; white space counts here only for `unchanged`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neocaret_server import rope as ropes
from neocaret_server.acceptance import Count
from neocaret_server.documents import Document, Edit
from neocaret_server.statistics import AFTER_SECONDS, Verdict, after_name

MOST_FOLLOWED = 256
"""Texts; the oldest are given up, and not counted."""
MOST_EDITS = 64
"""In one notification: beyond that it is not the user who edits, and the document's texts are given up."""
_MOST_WORDS = 256
_MOSTLY = 2 / 3


@dataclass(eq=False, slots=True)
class _Followed:
    model: str
    language_id: str
    uri: str
    text: str
    start: int
    end: int
    looking: asyncio.Task[None] | None = None
    """Waits for the times at which the text is looked at."""

    def give_up(self) -> None:
        """Look no more."""
        if self.looking is not None:
            self.looking.cancel()


class Survival:
    """The texts that were accepted lately."""

    def __init__(
        self, count: Count, find: Callable[[str], Document | None], after_seconds: Sequence[float] = AFTER_SECONDS
    ) -> None:
        """`find` returns the newest version of a document; `after_seconds` are counted as `AFTER_SECONDS`."""
        self._count = count
        self._find = find
        self._after = tuple(zip(after_seconds, AFTER_SECONDS, strict=True))
        self._followed: list[_Followed] = []

    def follow(self, model: str, document: Document, start: int, end: int) -> None:
        """Follow the text between two characters of a document."""
        text = ropes.between(document.rope, start, end)
        followed = _Followed(model, document.language_id, document.uri, text, start, end)
        followed.looking = asyncio.ensure_future(self._look_later(followed))
        self._followed.append(followed)
        if len(self._followed) > MOST_FOLLOWED:
            self._followed.pop(0).give_up()

    def changed(self, before: Document, edits: Sequence[Edit]) -> None:
        """Move the places of texts along with the edits of their document."""
        here = [each for each in self._followed if each.uri == before.uri]
        if not here:
            return
        if len(edits) > MOST_EDITS:
            self.forget(before.uri)
            return
        document = before
        for edit in edits:
            after = document.edited([edit], document.version)
            start, old_end, new_end = _region(document, after, edit)
            for each in here:
                _move(each, start, old_end, new_end)
            document = after

    def forget(self, uri: str) -> None:
        """A document is closed: nobody knows what becomes of its texts."""
        for each in [each for each in self._followed if each.uri == uri]:
            self._followed.remove(each)
            each.give_up()

    async def _look_later(self, followed: _Followed) -> None:
        passed = 0.0
        for seconds, name in self._after:
            await asyncio.sleep(seconds - passed)
            passed = seconds
            if (document := self._find(followed.uri)) is None:
                break
            # No farther than what the text could have become: pasted text may be long.
            end = min(followed.end, followed.start + 2 * len(followed.text) + 1000)
            now = ropes.between(document.rope, followed.start, end)
            verdict = await asyncio.to_thread(what_is_left, followed.text, now)
            self._count(followed.model, followed.language_id, {after_name(name, verdict): 1})
        self._followed.remove(followed)


def what_is_left(text: str, now: str) -> Verdict:
    """Say how much of a text stands in what is in its place now."""
    if text in now:
        return "unchanged"
    words = _words(text)
    return "mostly" if words and _changes(words, _words(now)) <= (1 - _MOSTLY) * len(words) else "gone"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text)[:_MOST_WORDS]


def _changes(words: list[str], now: list[str]) -> int:
    """Return the fewest words to change, add or remove so that some part of `now` is the words.

    Sellers' algorithm: an edit distance that leaves what stands before and behind the part alone.
    """
    row = [0] * (len(now) + 1)
    for count, word in enumerate(words, 1):
        above, row = row, [count]
        for index, other in enumerate(now):
            row.append(min(above[index] + (word != other), above[index + 1] + 1, row[index] + 1))
    return min(row)


def _region(before: Document, after: Document, edit: Edit) -> tuple[int, int, int]:
    """Return where an edit begins, and where its text ends before and after it, in characters."""
    if edit.start is not None and edit.end is not None:
        one, other = (before.offset(before.place(position)) for position in (edit.start, edit.end))
        start, old_end = min(one, other), max(one, other)
        return start, old_end, old_end + after.rope.characters - before.rope.characters
    old, new = before.text, after.text
    start = _same(old, new)
    behind = min(_same(old[::-1], new[::-1]), len(old) - start, len(new) - start)
    return start, len(old) - behind, len(new) - behind


def _same(one: str, other: str) -> int:
    """Return how many characters at the beginning are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _move(each: _Followed, start: int, old_end: int, new_end: int) -> None:
    if old_end <= each.start:
        each.start += new_end - old_end
        each.end += new_end - old_end
    elif start < each.end:
        # What replaces a part of it may hold what it was replaced by.
        each.start = min(each.start, start)
        each.end = max(each.end, old_end) + new_end - old_end
