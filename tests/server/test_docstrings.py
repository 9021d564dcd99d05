from __future__ import annotations

import pytest

from neocaret_server.docstrings import docstring_lines, said_docstring

TEXT = '''\
"""Read a file."""
def f():
    r\'\'\'Say it.

    More.
    \'\'\'
    x = """no docstring"""
    """Word."""
    """"""
    return "Read a file."
'''


def test_first_lines_of_docstrings_are_found() -> None:
    assert docstring_lines(TEXT) == {'"""Read a file."""', "r'''Say it."}


@pytest.mark.parametrize(
    ("line_before", "text", "place"),
    [
        ("def g():", '\n    """Read a file."""\n', 0),
        ("def g():", '\n    """Read a file."""', None),
        ("def g():", '\n    """Read a line."""\n    """Read a file."""\n', 23),
        ('    """', 'Read a file."""\n', 0),
        ('    """Read a', ' file."""\n', None),
        ('    """Read a', ' file."""\n    """Read a file."""\n', 9),
        ("    ", "return 1\n", None),
    ],
)
def test_a_continuation_ends_before_a_docstring_that_stands_there_already(
    line_before: str, text: str, place: int | None
) -> None:
    assert said_docstring(text, line_before, docstring_lines(TEXT)) == place


def test_without_docstrings_nothing_is_said_twice() -> None:
    assert said_docstring('"""Read a file."""\n', "", frozenset()) is None
