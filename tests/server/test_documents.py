"""The document store against a naive model of the specification's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server import rope
from neocaret_server.documents import Document, DocumentStore, Edit, Place, Position
from neocaret_server.rope import LARGEST_LEAF
from neocaret_server.units import Encoding, index_of, units

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
ALPHABET = st.sampled_from(
    ["a", "b", " ", "\n", "\r", "\r\n", "\f", "\v", "\x85", "\u2028", "é", "你", "😀", "\ud83d", "\ude00", "\0"]
)


def naive_joined(text: str) -> str:
    """Make one character of two surrogates that are a pair."""
    return re.sub("[\ud800-\udbff][\udc00-\udfff]", lambda pair: json.loads(json.dumps(pair.group())), text)


TEXTS = st.lists(ALPHABET, max_size=30).map("".join).map(naive_joined)
POSITIONS = st.builds(Position, st.integers(0, 12), st.integers(0, 40))
LEAVES = st.sampled_from([1, 2, 3, LARGEST_LEAF])
EDITS = st.lists(st.builds(Edit, TEXTS, POSITIONS, POSITIONS) | st.builds(Edit, TEXTS), max_size=8)


def naive_offset(text: str, position: Position, encoding: Encoding) -> int:
    """Walk over the text character by character."""
    offset = 0
    for _ in range(position.line):
        end = naive_line_end(text, offset)
        if end == len(text):
            return end
        offset = end + (2 if text[end : end + 2] == "\r\n" else 1)
    passed = 0
    for index in range(offset, naive_line_end(text, offset)):
        passed += naive_units(text[index], encoding)
        if passed > position.character:
            return index
    return naive_line_end(text, offset)


def naive_line_end(text: str, offset: int) -> int:
    while offset < len(text) and text[offset] not in "\r\n":
        offset += 1
    return offset


def naive_units(char: str, encoding: Encoding) -> int:
    code = ord(char)
    if encoding == "utf-16":
        return 2 if code > 0xFFFF else 1
    if encoding == "utf-8":
        return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    return 1


def naive_edited(text: str, edit: Edit, encoding: Encoding) -> str:
    if edit.start is None or edit.end is None:
        return edit.text
    start, end = sorted(naive_offset(text, position, encoding) for position in (edit.start, edit.end))
    return naive_joined(text[:start] + edit.text + text[end:])


def document(text: str, encoding: Encoding = "utf-16") -> Document:
    return Document.of("file:///x.py", "python", 1, text, encoding)


@contextmanager
def leaves_of(characters: int) -> Iterator[None]:
    """Let a rope have leaves of so many characters, so that short texts have many."""
    with patch.object(rope, "LARGEST_LEAF", characters), patch.object(rope, "NEW_LEAF", -(-characters // 2)):
        yield


@given(TEXTS, EDITS, POSITIONS, st.sampled_from(ENCODINGS), LEAVES)
def test_edits_do_what_the_specification_says(
    text: str, edits: list[Edit], position: Position, encoding: Encoding, leaf: int
) -> None:
    with leaves_of(leaf):
        edited = document(text, encoding).edited(edits, version=2)
    for edit in edits:
        text = naive_edited(text, edit, encoding)
    assert edited.text == text
    assert edited.version == 2
    assert_place_is_where_it_points(edited, text, position, encoding)


def assert_place_is_where_it_points(edited: Document, text: str, position: Position, encoding: Encoding) -> None:
    place = edited.place(position)
    offset = naive_offset(text, position, encoding)
    end = naive_line_end(text, offset)
    assert edited.before(place) == text[:offset]
    assert edited.before(place, 3) == text[max(0, offset - 3) : offset]
    assert edited.offset(place) == offset
    assert edited.line_before(place) == re.split("\r\n|\n|\r", text[:offset])[-1]
    assert edited.line_after(place) == text[offset:end]
    assert edited.below(place, 3) == re.sub("\\A(\r\n|\n|\r)", "", text[end:])[:3]
    # Back in the client's units, it is the same place again.
    assert edited.place(Position(place.line, edited.character(place))) == place


@given(TEXTS, LEAVES)
def test_the_end_is_where_a_position_past_it_points(text: str, leaf: int) -> None:
    with leaves_of(leaf):
        made = document(text)
    assert made.end == made.place(Position(99, 0))
    assert made.before(made.end) == made.head(99) == text


@given(st.integers(max_value=-1), st.integers(max_value=-1))
def test_a_negative_position_is_the_beginning(line: int, character: int) -> None:
    made = document("a\nb")
    assert made.place(Position(line, 1)) == Place(0, 1)
    assert made.place(Position(1, character)) == Place(1, 0)
    assert made.edited([Edit("x", Position(line, character), Position(line, character))], 2).text == "xa\nb"


@given(TEXTS, POSITIONS, EDITS, LEAVES)
def test_same_before_compares_the_texts(text: str, position: Position, edits: list[Edit], leaf: int) -> None:
    with leaves_of(leaf):
        old = document(text)
        new = old.edited(edits, version=2)
    place = old.place(position)
    before = old.before(place)
    same = new.text.startswith(before) and new.place(Position(place.line, 99)).index >= place.index
    assert old.same_before(new, place) == (same and place.line <= new.end.line)


@pytest.mark.parametrize(
    ("encoding", "character", "index"),
    [("utf-8", 4, 1), ("utf-8", 5, 2), ("utf-16", 2, 1), ("utf-16", 1, 0), ("utf-32", 1, 1), ("utf-32", 9, 2)],
)
def test_units_of_an_emoji(encoding: Encoding, character: int, index: int) -> None:
    assert index_of("😀a", character, encoding) == index


def test_a_lone_surrogate_survives_and_is_one_unit_of_utf_16() -> None:
    edited = document("a\ud83d").edited([Edit("b", Position(0, 2), Position(0, 2))], 2)
    assert edited.text == "a\ud83db"
    assert [units("\ud83d", encoding) for encoding in ENCODINGS] == [3, 1, 1]


def test_a_surrogate_pair_that_arrives_in_two_edits_is_one_character() -> None:
    high, low = Edit("\ud83d", Position(0, 1), Position(0, 1)), Edit("\ude00", Position(0, 2), Position(0, 2))
    assert document("ab").edited([high], 2).edited([low], 3).text == "a😀b"
    assert document("ab").edited([low, high], 2).text == "a\ud83db\ude00"
    assert document("\ud83d\n\ude00").edited([Edit("", Position(0, 1), Position(1, 0))], 2).text == "😀"
    assert document("").edited([Edit("\ud83d\ude00")], 2).text == document("\ud83d\ude00").text == "😀"


class Uniterable(str):
    """A text that nobody may walk over character by character."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("walked over")


@pytest.mark.parametrize(
    ("encoding", "character", "index"),
    [("utf-8", 4 + 900_000, 900_001), ("utf-16", 2 + 900_000, 900_001), ("utf-16", 1, 0), ("utf-8", 3, 0)],
)
def test_a_place_in_a_long_line_is_found_without_a_loop(encoding: Encoding, character: int, index: int) -> None:
    assert index_of(Uniterable("😀" + "a" * 1_000_000), character, encoding) == index


def test_a_line_feed_after_a_carriage_return_makes_one_line_end() -> None:
    edited = document("a\rb").edited([Edit("\n", Position(1, 0), Position(1, 0))], 2)
    assert (edited.text, edited.end) == ("a\r\nb", Place(1, 1))


@pytest.mark.parametrize(
    ("text", "line", "end"),
    [("a\r\nb", 1, "\r\n"), ("a\r\nb", 0, "\r\n"), ("a\rb\nc", 1, "\r"), ("a", 0, "\n"), ("a\fb", 0, "\n")],
)
def test_the_line_end_near_a_line(text: str, line: int, end: str) -> None:
    assert document(text).line_end_near(line) == end


def test_a_snapshot_does_not_change() -> None:
    store = DocumentStore()
    old = document("a")
    store.open(old)
    assert store.change(old.uri, [Edit("b")], 2)
    new = store.get(old.uri)
    assert new is not None
    assert (old.text, new.text) == ("a", "b")


def test_an_edit_of_an_unknown_document_is_told() -> None:
    assert not DocumentStore().change("file:///y", [Edit("b")], 2)


def test_the_store_knows_when_a_document_was_edited() -> None:
    store = DocumentStore()
    store.open(document("a"))
    assert store.seconds_since_change("file:///x.py") == float("inf")
    store.change("file:///x.py", [Edit("b")], 2)
    assert store.seconds_since_change("file:///x.py") < 5
    store.close("file:///x.py")
    assert store.get("file:///x.py") is None
    assert store.seconds_since_change("file:///x.py") == float("inf")


@pytest.mark.parametrize(("text", "blank"), [("", True), (" \n\t\r\n", True), ("\f", True), ("\na", False)])
def test_is_blank(text: str, blank: bool) -> None:
    assert document(text).is_blank() == blank
