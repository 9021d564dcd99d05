from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.brackets import unmatched_closer
from neocaret_server.docstrings import said_docstring
from neocaret_server.endings import block_end, next_line_start, repeated_lines
from neocaret_server.stop_rules import stop_rules
from neocaret_server.tidy import CaretText

PIECES = ("x", "(", ")", "]", "\n", "    ", "'", '"""', "#", "return 1", "def f():", ":", "\\", " ")


@pytest.mark.parametrize(
    ("caret", "text", "place"),
    [
        (CaretText("    x = "), "1\n    y\n    z", None),
        (CaretText("    x = "), "1\n    y\nz", 7),
        (CaretText("def f():"), "\n    pass\n\n\nd", 11),
        (CaretText("f(", ")"), "1, 2)", 4),
        (CaretText("f('", "')"), "a.csv')", 5),
        (CaretText("f("), "1, 2)", None),
        (CaretText("f("), "1, 2))", 5),
        (CaretText("f(", ") + x"), "1, 2)", None),
        (CaretText("x = 'a ("), ")", None),
        (CaretText("    ", below="    return x\n"), "x = 1\n    return x", None),
        (CaretText("    ", below="    return x\n"), "x = 1\n    return x\n", 5),
        (CaretText("    ret", below="    return x\n"), "urn x\n", 0),
        (CaretText("    ret"), "urn x\n    return x\n", 5),
    ],
)
def test_where_a_continuation_ends_that_has_come_so_far(caret: CaretText, text: str, place: int | None) -> None:
    assert stop_rules(caret)(text) == place


def test_the_same_caret_has_the_same_rules() -> None:
    assert stop_rules(CaretText("x = f(", ")", "y\n")) == stop_rules(CaretText("x = f(", ")", "y\nz\n"))
    assert stop_rules(CaretText("x = f(", ")")) != stop_rules(CaretText("x = f(", ""))


RULES: dict[str, Callable[[str], int | None]] = {
    "block": lambda text: block_end(text, "    x = "),
    "opened block": lambda text: block_end(text, "  if x:"),
    "blank line": lambda text: block_end(text, ""),
    "bracket": lambda text: unmatched_closer(text, "(", "python"),
    "next line": lambda text: next_line_start(text, "", "return 1"),
    "repeated line": lambda text: repeated_lines(text, "    "),
    "docstring": lambda text: said_docstring(text, "    ", frozenset({'"""def f():', "x"})),
    "closer": stop_rules(CaretText("f(x", ")")),
}


@pytest.mark.parametrize("name", RULES)
@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_a_place_that_was_found_holds_however_the_text_goes_on(name: str, pieces: list[str]) -> None:
    find, text = RULES[name], ""
    found: int | None = None
    for piece in pieces:
        text += piece
        place = find(text)
        if found is not None:
            assert place is not None
            assert place <= found
        found = place if found is None else found
