from __future__ import annotations

import pytest

from neocaret_server.documents import Document, Edit, Position
from neocaret_server.last_edit import EditKind, LastEdits, kind_of, last_edit, same_text

URI = "file:///x.py"


def edit(text: str, start: tuple[int, int] = (0, 0), end: tuple[int, int] | None = None) -> Edit:
    return Edit(text, Position(*start), Position(*(end or start)))


@pytest.mark.parametrize(
    ("edits", "kind"),
    [
        ([edit("a")], "typing"),
        ([edit("()")], "typing"),
        ([edit("\n    ")], "typing"),
        ([edit("\n    \n}")], "typing"),
        ([edit("x", (0, 0), (2, 0))], "typing"),
        ([edit("one whole line\n")], "typing"),
        ([edit("a = 1\nb = 2")], "paste"),
        ([edit("\r\na = 1\r\n    b = 2\r\n")], "paste"),
        ([edit("x"), edit("a = 1\nb = 2")], "paste"),
        ([edit("", (0, 0), (0, 1))], "deletion"),
        ([edit("", (0, 0), (3, 1))], "deletion"),
        ([edit("", (1, 0), (1, 1)), edit("", (0, 0), (0, 1))], "deletion"),
        ([edit("", (1, 0), (1, 1)), edit("\n")], "typing"),
        ([edit("")], None),
        ([], None),
    ],
)
def test_what_edits_are(edits: list[Edit], kind: EditKind | None) -> None:
    assert kind_of(edits) == kind


@pytest.mark.parametrize(
    ("before", "edits", "end"),
    [
        ("ab\ncd", [edit("x", (1, 1))], 5),
        ("ab\ncd", [edit("", (0, 1), (1, 1))], 1),
        ("ab\ncd", [edit("", (1, 1), (0, 1))], 1),
        ("ab\ncd", [edit("x", (1, 2)), edit("x", (0, 2))], 3),
        ("", [edit("a = 1\nb = 2")], 11),
    ],
)
def test_where_edits_end(before: str, edits: list[Edit], end: int) -> None:
    after = Document.of(URI, "python", 1, before).edited(edits, 2)
    found = last_edit(edits, after)
    assert found is not None
    assert found.end == end


def test_a_whole_new_text_is_nobodys_typing() -> None:
    after = Document.of(URI, "python", 1, "a").edited([Edit("b")], 2)
    assert last_edit([Edit("b")], after) is None


def test_an_edit_counts_where_it_ended_until_the_next_one() -> None:
    edits, last = [edit("b", (0, 1))], LastEdits()
    after = Document.of(URI, "python", 1, "a").edited(edits, 2)
    assert last.note(URI, edits, after) == "typing"
    found = last.at(after, after.end)
    assert found is not None
    assert found.kind == "typing"
    assert last.at(after, after.place(Position(0, 0))) is None
    assert last.note(URI, [Edit("c")], after.edited([Edit("c")], 3)) is None
    assert last.at(after, after.end) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("\n    a = 1\n    b = 2", "\n    a = 1\n    b = 2", True),
        ("def f():\n    pass", " f():\r\n\tpass\r\n", True),
        ("a = 1\nb = 2", "a = 1\nb = 3", False),
        ("a = 1\nb = 2", "a = 1", False),
        ("", "", False),
    ],
)
def test_a_text_is_known_again_whatever_an_editor_did_to_it(one: str, other: str, same: bool) -> None:
    assert same_text(one, other) is same
    assert same_text(other, one) is same
