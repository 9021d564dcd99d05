from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from neocaret_server.arguments import exactly_one, read_arguments
from neocaret_server.errors import InvalidArgumentsError
from neocaret_server.rules import Rule

RULES = {"path": Rule("text"), "n": Rule("whole number", 1, 8), "deep": Rule("flag")}


@pytest.mark.parametrize("given", [None, [], [{}], [None], [[]], [{"path": None}]])
def test_nothing_given_is_an_empty_object(given: Sequence[Any] | None) -> None:
    assert read_arguments("c", given, RULES) == {}


def test_what_fits_is_read() -> None:
    assert read_arguments("c", [{"path": "a", "n": 2.0}], RULES) == {"path": "a", "n": 2}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["x"], "c takes one object as its argument."),
        ([{}, {}], "c takes one object as its argument."),
        ([[1]], "c takes one object as its argument."),
        ([{"path": 1}], 'c: "path" must be a text.'),
        ([{"n": 9}], 'c: "n" must be a whole number from 1 to 8.'),
        ([{"deep": 1}], 'c: "deep" must be true or false.'),
        ([{"pth": "a"}], 'c takes no "pth"; it takes "path", "n", "deep".'),
    ],
)
def test_what_does_not_fit_is_named(given: Sequence[Any], sentence: str) -> None:
    with pytest.raises(InvalidArgumentsError) as raised:
        read_arguments("c", given, RULES)
    assert str(raised.value) == sentence


def test_a_command_without_members_says_so() -> None:
    with pytest.raises(InvalidArgumentsError, match='c takes no "x"; it takes none'):
        read_arguments("c", [{"x": 1}], {})


def test_exactly_one() -> None:
    assert exactly_one("c", {"a": 1}, "a", "b") == "a"
    for wrong in ({}, {"a": 1, "b": 2}):
        with pytest.raises(InvalidArgumentsError, match='c needs either "a" or "b"'):
            exactly_one("c", wrong, "a", "b")
