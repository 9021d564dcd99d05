from __future__ import annotations

import pytest

from neocaret_server.brackets import open_brackets, unmatched_closer


@pytest.mark.parametrize(
    ("before", "opened"),
    [
        ("", ""),
        ("x = f(", "("),
        ("x = f(a, [1, {", "([{"),
        ("x = f(a)", ""),
        ("x = f(a,\n      ", "("),
        ("def f(a):\n    return g(\n        a, ", "("),
        ("x = '(' + ", ""),
        ('"""Doc (with a bracket."""\nx = ', ""),
        ("x = 1  # (see\ny = ", ""),
        ("x = 'abc", None),
        ('def f():\n    """Return (', None),
        ("x = 1  # as (", None),
        ("    )\n", ""),
        ('x = "it\'s" + (', "("),
        ('"""A module.\n\nIt does things.\n"""\nx = f(', "("),
        ('"""A module.\n\nIt does things.\n"""\n' + "\n" * 200 + "x = f(", "("),
        ("y = f(\n" + "    1,\n" * 250 + "x = [", "["),
    ],
)
def test_the_brackets_that_are_open_before_a_caret(before: str, opened: str | None) -> None:
    assert open_brackets(before, "python") == opened


def test_languages_have_their_own_comments() -> None:
    assert open_brackets("x = f(a // (b", "python") == "(("
    assert open_brackets("x = f(a // (b", "javascript") is None


@pytest.mark.parametrize(
    ("text", "opened", "place"),
    [
        ("1, 2)", "(", None),
        ("1, 2))", "(", 5),
        ("1]", "(", 1),
        ("f(1)", "", None),
        ("x)", "", 1),
        ("')'", "", None),
        ("'unclosed )", "", None),
        ("# )", "", None),
        ("\n    x\n]", "[", None),
        ("a)\nb)", "(", 4),
    ],
)
def test_the_first_bracket_that_closes_what_nothing_opened(text: str, opened: str, place: int | None) -> None:
    assert unmatched_closer(text, opened, "python") == place
