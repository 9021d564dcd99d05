"""Accepted text is found again wherever edits have moved it, and what is left of it is told in one word."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.acceptance_survival import MOST_FOLLOWED, Survival, what_is_left
from neocaret_server.documents import Document, Edit, Position

URI = "file:///w/x.py"
TEXT = "value = compute(first, second)"


def at(line: int, character: int) -> Position:
    return Position(line, character)


class Open:
    """One document, one accepted text in it, and what is counted."""

    def __init__(self, text: str, accepted: str = TEXT) -> None:
        self.document = Document.of(URI, "python", 1, text)
        self.counts: Counter[str] = Counter()
        self.survival = Survival(self._count, self._find, (0.01, 0.02))
        start = text.index(accepted)
        self.survival.follow("bundled", self.document, start, start + len(accepted))

    def _count(self, _model: str, _language: str, counts: Mapping[str, int]) -> None:
        self.counts.update(counts)

    def _find(self, _uri: str) -> Document:
        return self.document

    def edit(self, *edits: Edit) -> None:
        self.survival.changed(self.document, edits)
        self.document = self.document.edited(edits, self.document.version + 1)

    async def counted(self) -> Counter[str]:
        async with asyncio.timeout(5):
            while sum(self.counts.values()) < 2 and self.survival._followed:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return self.counts


@pytest.mark.parametrize(
    ("edits", "verdict"),
    [
        ([], "unchanged"),
        ([Edit("import os\n", at(0, 0), at(0, 0))], "unchanged"),
        ([Edit("more\n", at(2, 0), at(2, 0))], "unchanged"),
        ([Edit("a\nb\n", at(0, 0), at(1, 0)), Edit("", at(0, 0), at(1, 0))], "unchanged"),
        ([Edit(f"# new\nx\n{TEXT}\nz")], "unchanged"),
        ([Edit("other", at(1, 16), at(1, 21))], "mostly"),
        ([Edit("", at(1, 0), at(2, 0))], "gone"),
        ([Edit("nothing", at(0, 0), at(2, 1))], "gone"),
        ([Edit("nothing")], "gone"),
        # The same text elsewhere is not the one that was accepted.
        ([Edit(f"{TEXT}\n", at(0, 0), at(0, 0)), Edit("x", at(2, 0), at(2, len(TEXT)))], "gone"),
    ],
)
async def test_text_is_followed_through_edits(edits: list[Edit], verdict: str) -> None:
    opened = Open(f"x\n{TEXT}\nz")
    opened.edit(*edits)
    assert await opened.counted() == {f"after30:{verdict}": 1, f"after300:{verdict}": 1}
    assert opened.survival._followed == []


async def test_each_time_counts_what_is_left_by_then() -> None:
    opened = Open(TEXT)
    while not opened.counts:  # noqa: ASYNC110 - what is waited for is no event
        await asyncio.sleep(0.001)
    opened.edit(Edit("", at(0, 0), at(0, len(TEXT))))
    assert await opened.counted() == {"after30:unchanged": 1, "after300:gone": 1}


async def test_closed_document_is_not_counted() -> None:
    opened = Open(TEXT)
    opened.survival.forget(URI)
    await asyncio.sleep(0.05)
    assert opened.counts == {}


async def test_no_more_texts_are_followed_than_the_bound() -> None:
    opened = Open(TEXT)
    for _ in range(2 * MOST_FOLLOWED):
        opened.survival.follow("bundled", opened.document, 0, 5)
    assert len(opened.survival._followed) == MOST_FOLLOWED
    await asyncio.sleep(0)
    assert len(looking()) == MOST_FOLLOWED


async def test_nobody_looks_at_what_was_given_up() -> None:
    opened = Open(TEXT)
    await asyncio.sleep(0)
    assert len(looking()) == 1
    opened.survival.forget(URI)
    await asyncio.sleep(0)
    assert looking() == []


def looking() -> list[str]:
    """Return the tasks that wait to look at a text."""
    return [name for task in asyncio.all_tasks() if (name := str(task.get_coro())).count("_look_later")]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.text("ab\n😀", max_size=4)), max_size=8))
def test_place_follows_whatever_edits_leave_the_text_alone(edits: list[tuple[int, int, str]]) -> None:
    document = Document.of(URI, "python", 1, "a\nb😀b\nTEXT\nab\n😀")

    async def follow() -> tuple[str, str]:
        now = document
        survival = Survival(lambda *_: None, lambda _: now)
        survival.follow("m", document, document.text.index("TEXT"), document.text.index("TEXT") + 4)
        for start, length, new in edits:
            text = now.text
            first, last = min(start, len(text)), min(start + length, len(text))
            marked = text.index("TEXT")
            if first < marked + 4 and last > marked:
                continue
            positions = [position(text, offset) for offset in (first, last)]
            edit = Edit(new, *positions)
            survival.changed(now, [edit])
            now = now.edited([edit], now.version + 1)
        (followed,) = survival._followed
        survival.forget(URI)
        return now.text[followed.start : followed.end], now.text

    found, text = asyncio.run(follow())
    assert found == "TEXT", text


def position(text: str, offset: int) -> Position:
    before = text[:offset]
    return Position(before.count("\n"), len(before.rpartition("\n")[2].encode("utf-16-le")) // 2)


@pytest.mark.parametrize(
    ("text", "now", "verdict"),
    [
        ("a b c", "x a b c y", "unchanged"),
        ("a b c", "a  b  c", "mostly"),
        ("a b c", "z z a X c z", "mostly"),
        ("a b c", "a X Y", "gone"),
        ("a b c", "", "gone"),
        ("\n  ", "x", "gone"),
    ],
)
def test_what_is_left(text: str, now: str, verdict: str) -> None:
    assert what_is_left(text, now) == verdict
