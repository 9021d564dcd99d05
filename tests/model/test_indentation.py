from __future__ import annotations

import pytest

from neocaret_model.engine.indentation import is_whole


@pytest.mark.parametrize(
    ("above", "indentation", "whole"),
    [
        ("def f():\n    a = 1", "    ", True),
        ("def f():\n    a = 1\n\n\n", "    ", True),
        ("class A:\n    def f(self):\n        return 1", "    ", True),
        ("class A:\n    def f(self):\n        return 1", "        ", True),
        ("class A:\n    def f(self):\n        if a:\n            return 1\n        b = 2", "    ", True),
        ("if a:\n\tb = 1", "\t", True),
        ("if a:\n\tb = 1", "    ", False),
        ("class A:\n    def f(self):\n        return 1", "  ", False),
        ("class A:\n    def f(self):\n        return 1", "      ", False),
        ("class A:\n    def f(self):\n        return 1", "            ", False),
        ("def f():\n    a = 1\nb = 2", "    ", False),
        ("def f():", "    ", False),
        ("    if a:", "    ", False),
        ("    if a:  # why: not", "    ", False),
        ("    f(", "    ", False),
        ("    a = 1  # why:", "    ", False),
        ("    a = 1", "", False),
        ("", "    ", False),
        ("  \n", "    ", False),
    ],
)
def test_an_indentation_is_whole_where_it_is_that_of_a_block_around_it(
    above: str, indentation: str, whole: bool
) -> None:
    assert is_whole(above, indentation) == whole
