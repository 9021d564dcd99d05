"""What was generated for one caret answers for the carets that typing reaches from there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.documents import Document, Place
from neocaret_server.kept import MOST_DOCUMENTS, KeptList, KeptLists, left_of
from neocaret_server.settings import Settings

URI = "file:///x.py"


def at(text: str, uri: str = URI) -> tuple[Document, int]:
    """A document whose caret is marked by a bar."""
    return Document.of(uri, "python", 1, text.replace("|", "")), text.index("|")


def kept(marked: str, *texts: str, uri: str = URI) -> KeptList:
    document, offset = at(marked, uri)
    return KeptList(document, place_of(document, offset), texts, Settings())


def place_of(document: Document, offset: int) -> Place:
    before = document.text[:offset]
    return Place(before.count("\n"), len(before.rpartition("\n")[2]))


def left(made: KeptList, marked: str) -> tuple[str, ...]:
    document, offset = at(marked)
    return left_of(made, document, place_of(document, offset))


CASES = {
    "nothing typed": ("x = |", "x = |", ("foo(a)", "far", "bar")),
    "a key of two": ("x = |", "x = f|", ("oo(a)", "ar")),
    "a key of one": ("x = |", "x = b|", ("ar",)),
    "something else": ("x = |", "x = z|", ()),
    "all of one": ("x = |", "x = bar|", ()),
    "a deletion": ("x = |", "x |", ()),
    "an edit above": ("a\nx = |", "b\nx = f|", ()),
    "an edit below": ("x = |\na", "x = f|\nb", ("oo(a)", "ar")),
    "the rest of the line is another": ("x = |", "x = f| # note", ()),
    "the editor closed a bracket": ("x = |", "x = foo(|)", ("a",)),
    "the rest of the line and a closer": ("x = |, y", "x = foo(|), y", ("a",)),
    "the closer is gone": ("x = |)", "x = f|", ()),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_continuations_that_begin_with_what_was_typed_go_on(case: tuple[str, str, tuple[str, ...]]) -> None:
    then, now, expected = case
    assert left(kept(then, "foo(a)", "far", "bar"), now) == expected


def test_typing_goes_on_over_the_end_of_a_line_whatever_ends_it() -> None:
    made = kept("def f():|", "\n    return 1", "\n    pass")
    assert left(made, "def f():\n    r|") == ("eturn 1",)
    assert left(made, "def f():\r\n    r|") == ("eturn 1",)


def test_blank_rest_is_nothing_to_offer() -> None:
    assert left(kept("x|", " = 1  "), "x = 1|") == ()


@given(st.text("ab(\n", max_size=6), st.lists(st.text("ab(\n", min_size=1, max_size=6), max_size=3))
def test_what_is_left_completes_what_was_typed_to_what_was_kept(typed: str, texts: list[str]) -> None:
    made = kept("x = |", *texts)
    for rest in left(made, f"x = {typed}|"):
        assert typed + rest in texts


def test_newest_list_that_has_something_is_found() -> None:
    lists = KeptLists()
    lists.keep(kept("x = |", "one", "two"))
    lists.keep(kept("x = o|", "ther"))
    document, offset = at("x = o|")
    assert found_texts(lists, document, offset) == ("ther",)
    document, offset = at("x = on|")
    assert found_texts(lists, document, offset) == ("e",)


def found_texts(lists: KeptLists, document: Document, offset: int) -> tuple[str, ...]:
    found = lists.find(document, place_of(document, offset), Settings())
    return found.texts if found else ()


def test_lists_of_other_settings_are_not_found() -> None:
    lists = KeptLists()
    lists.keep(kept("x = |", "one"))
    document, offset = at("x = |")
    place = place_of(document, offset)
    assert lists.find(document, place, Settings()) is not None
    assert lists.find(document, place, Settings(max_new_tokens=5)) is None


def test_no_more_is_kept_than_said() -> None:
    lists = KeptLists(most_lists=2)
    for text in ("x|", "y|", "z|"):
        lists.keep(kept(text, "one"))
    assert [found_texts(lists, *at(text)) for text in ("x|", "y|", "z|")] == [(), ("one",), ("one",)]
    for number in range(MOST_DOCUMENTS):
        lists.keep(kept("x|", "one", uri=f"file:///{number}.py"))
    assert found_texts(lists, *at("z|")) == ()
    nothing = KeptLists(most_lists=0)
    nothing.keep(kept("x|", "one"))
    assert found_texts(nothing, *at("x|")) == ()


def test_forgotten_document_has_nothing() -> None:
    lists = KeptLists()
    lists.keep(kept("x|", "one"))
    lists.forget(URI)
    assert found_texts(lists, *at("x|")) == ()
    lists.keep(kept("x|", "one"))
    lists.clear()
    assert found_texts(lists, *at("x|")) == ()
