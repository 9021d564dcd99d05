"""Which edits and messages count as acceptance: each suggestion once, and each character once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from neocaret_server.acceptance import Acceptance, Offer
from neocaret_server.documents import Document, Edit, Place, Position
from neocaret_server.following import CaretAt

URI = "file:///w/x.py"


class Editor:
    """One document, and what is counted of it."""

    def __init__(self, text: str, caret: int | None = None) -> None:
        self.document = Document.of(URI, "python", 1, text)
        self.caret = len(text) if caret is None else caret
        self.counts: Counter[str] = Counter()
        self.followed: list[str] = []
        self.acceptance = Acceptance(self._count, self._follow)
        self._ids = 0

    def _count(self, model: str, language: str, counts: Mapping[str, int]) -> None:
        assert (model, language) == ("bundled", "python")
        self.counts.update(counts)

    def _follow(self, model: str, document: Document, start: int, end: int) -> None:
        assert model == "bundled"
        self.followed.append(document.text[start:end])

    def place(self, offset: int) -> Place:
        before = self.document.text[:offset]
        return Place(before.count("\n"), len(before.rpartition("\n")[2].replace("\r", "")))

    def offer(self, *texts: str, typed: str = "") -> list[str]:
        """Offer texts at the caret; return their ids."""
        self._ids += 1
        ids = tuple(f"{self._ids}:{number}" for number in range(1, len(texts) + 1))
        at = CaretAt(self.document, self.place(self.caret))
        offer = Offer(at, self.place(self.caret - len(typed)), typed, texts, ids)
        self.acceptance.offered(offer, "bundled")
        return list(ids)

    def insert(self, *texts: str, replacing: int = 0) -> None:
        """Insert texts at the caret one after the other, in one notification; the first replaces what is before it."""
        before, edits = self.document, []
        for text in texts:
            start, end = self.place(self.caret - replacing), self.place(self.caret)
            edit = Edit(text, Position(start.line, start.index), Position(end.line, end.index))
            edits.append(edit)
            self.document = self.document.edited([edit], self.document.version + 1)
            self.caret += len(text) - replacing
            replacing = 0
        self.acceptance.changed(before, self.document, edits)

    def delete(self, characters: int) -> None:
        self.insert("", replacing=characters)

    def told(self, completion_id: str, length: int | None = None) -> None:
        self.acceptance.accepted(completion_id, lambda _: self.document, length)


def test_inserted_suggestion_counts_with_its_characters_but_for_the_key() -> None:
    editor = Editor("x = ")
    editor.offer("foo(1)", "bar")
    editor.insert("foo(1)")
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 5}
    assert editor.followed == ["foo(1)"]


def test_other_candidates_count_as_well() -> None:
    editor = Editor("x = ")
    editor.offer("foo(1)", "bar")
    editor.insert("bar")
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 2}


def test_whole_word_that_is_replaced_counts_what_was_not_typed() -> None:
    editor = Editor("x = fo")
    editor.offer("o(1)", typed="fo")
    editor.insert("foo(1)", replacing=2)
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 3}
    assert editor.followed == ["o(1)"]


@pytest.mark.parametrize("first", ["told", "inserted"])
def test_what_the_client_tells_and_what_the_edit_tells_count_once(first: str) -> None:
    editor = Editor("x = ")
    (completion_id,) = editor.offer("foo(1)")
    if first == "told":
        editor.told(completion_id)
        editor.insert("foo(1)")
    else:
        editor.insert("foo(1)")
        editor.told(completion_id)
    editor.told(completion_id)
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 5}
    assert editor.followed == ["foo(1)"]


def test_told_acceptance_counts_where_the_edits_say_nothing() -> None:
    editor = Editor("x = ")
    (completion_id,) = editor.offer("foo(1)")
    editor.insert("f", "o", "o", "(", "1", ")")
    assert editor.counts == {"offered": 1}
    editor.told(completion_id)
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 5}
    assert editor.followed == ["foo(1)"]


def test_suggestion_that_is_typed_into_stays_one() -> None:
    editor = Editor("x = ")
    editor.offer("foo(1)", "fab")
    editor.insert("f")
    editor.offer("oo(1)", "ab")
    editor.insert("o")
    editor.offer("o(1)")
    editor.offer("o(1)")
    editor.insert("o(1)")
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 3}


def test_what_is_offered_anew_counts_anew() -> None:
    editor = Editor("x = ")
    editor.offer("foo")
    editor.insert("b")
    editor.offer("ar")
    editor.delete(1)
    editor.offer("foo")
    assert editor.counts == {"offered": 3}


def test_typing_by_hand_is_no_acceptance() -> None:
    editor = Editor("x = ")
    editor.offer("f(a)")
    for text in ("f", "()", "a"):
        editor.insert(text)
    assert editor.counts == {"offered": 1}


@pytest.mark.parametrize("text", ["\n    ", "()", "bar", "foox"])
def test_white_space_pairs_and_other_text_are_no_acceptance(text: str) -> None:
    editor = Editor("x = ")
    editor.offer("\n    y", "()", "foo")
    editor.insert(text)
    assert editor.counts == {"offered": 1}


def test_text_that_comes_elsewhere_is_no_acceptance() -> None:
    editor = Editor("x = \ny = ", caret=4)
    editor.offer("foo")
    editor.caret = 9
    editor.insert("foo")
    assert editor.counts == {"offered": 1}


def test_words_that_are_taken_one_by_one_are_one_acceptance() -> None:
    editor = Editor("x = ")
    editor.offer("foo bar baz")
    for word, rest in (("foo ", "bar baz"), ("bar ", "baz")):
        editor.insert(word)
        editor.offer(rest)
    editor.insert("baz")
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 3 + 3 + 2}
    assert editor.followed == ["foo ", "bar ", "baz"]


def test_part_that_is_told_counts_up_to_its_end_in_utf_16() -> None:
    editor = Editor("x = fo")
    (completion_id,) = editor.offer("o😀yz", typed="fo")
    editor.told(completion_id, len("foo") + 2)
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 1}
    editor.insert("o😀")
    editor.told(completion_id, len("foo") + 2)
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 1}
    editor.told(completion_id)
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 2}


def test_undone_and_done_again_counts_once() -> None:
    editor = Editor("x = ")
    editor.offer("foo(1)")
    for _ in range(3):
        editor.insert("foo(1)")
        editor.delete(6)
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 5}


def test_line_ends_are_those_of_the_document() -> None:
    editor = Editor("a\r\ndef f():")
    editor.offer("\n    return 1")
    editor.insert("\r\n    return 1")
    assert editor.counts == {"offered": 1, "accepted": 1, "characters": 13}


def test_shown_suggestions_count_once_and_tell_which_accepted_ones_were_shown() -> None:
    editor = Editor("x = ")
    (completion_id,) = editor.offer("foo(1)")
    editor.acceptance.shown(completion_id)
    editor.acceptance.shown(completion_id)
    editor.insert("foo(1)")
    assert editor.counts == {"offered": 1, "shown": 1, "accepted": 1, "shownAccepted": 1, "characters": 5}


@pytest.mark.parametrize("completion_id", ["", "9:9", "last"])
def test_unknown_ids_are_passed_over(completion_id: str) -> None:
    editor = Editor("x = ")
    editor.offer("foo(1)")
    editor.acceptance.shown(completion_id)
    editor.told(completion_id)
    assert editor.counts == {"offered": 1}


def test_closed_document_has_no_suggestion() -> None:
    editor = Editor("x = ")
    editor.offer("foo(1)")
    editor.acceptance.forget(URI)
    editor.insert("foo(1)")
    assert editor.counts == {"offered": 1}


def test_what_is_kept_is_bounded() -> None:
    editor = Editor("")
    for number in range(500):
        editor.document = Document.of(f"file:///{number}", "python", 1, "")
        editor.caret = 0
        editor.offer("foo", "bar")
    kept: Sequence[int] = (len(editor.acceptance._last), len(editor.acceptance._by_id))
    assert kept == (64, 64)


def test_nothing_is_counted_of_a_closed_document() -> None:
    editor = Editor("x = ")
    (first,) = editor.offer("foo(1)")
    editor.acceptance.forget(URI)
    editor.acceptance.shown(first)
    editor.told(first)
    assert editor.counts == {"offered": 1}
    (second,) = editor.offer("foo(1)")
    editor.acceptance.forget("file:///other.py")
    editor.acceptance.shown(second)
    assert editor.counts == {"offered": 2, "shown": 1}
