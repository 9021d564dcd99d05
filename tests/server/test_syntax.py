from __future__ import annotations

import pytest

from neocaret_server.syntax import breaks_syntax


@pytest.mark.parametrize(
    ("before", "text", "line_after"),
    [
        ("x = f(", "1, 2)", ""),
        ("x = f(", "1, 2", ")"),
        ("x = f(", "1,", ""),
        ("def f(a):\n    return g(\n        a,\n        ", "b)", ""),
        ("if x:\n    pass\ne", "lse:", ""),
        ("try:\n    f()\nexce", "pt ValueError:", ""),
        ("    for i ", "in range(3):", ""),
        ("from x import (\n    A,\n    ", "B,", ""),
        ('def f():\n    """Some ', "words here", ""),
        ("try:", "\n    pass\nfinally:", ""),
        ("\t", "return 1", ""),
        ("x = 1  # ", "any words (", ""),
    ],
)
def test_what_is_python_or_may_become_it_breaks_nothing(before: str, text: str, line_after: str) -> None:
    assert not breaks_syntax(text, before, line_after)


@pytest.mark.parametrize(
    ("before", "text", "line_after"),
    [
        ("x = f(", "1, 2))", ""),
        ("x = f(", "1]", ")"),
        ("def f():\n    ", "return x = 3", ""),
        ("x =", " foo bar", ""),
        ("    retur", "n 3 4", ""),
        ("", "import os import sys", ""),
        ("x = ", "'abc", ""),
        ("x = ", "a\0b", ""),
    ],
)
def test_what_nothing_can_mend_breaks_it(before: str, text: str, line_after: str) -> None:
    assert breaks_syntax(text, before, line_after)
