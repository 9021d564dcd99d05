from __future__ import annotations

import pytest

from neocaret_server.endings import (
    before_next_line,
    repeated_lines,
    repeats_line_above,
    unlike_line_above,
    within_block,
)


@pytest.mark.parametrize(
    ("line_before", "text", "ended"),
    [
        ("    ", "x = 1\n    y = 2\nz = 3", "x = 1\n    y = 2"),
        ("    ", "x = 1\n\n\nclass A:\n    b = 1", "x = 1"),
        ("def f():", "\n    return 1\n\ndef g():", "\n    return 1"),
        ("    if x:", "\n        y\n    z", "\n        y"),
        ("    if x:  ", "\n        y\n    z", "\n        y"),
        ("    call(", "\n        1,\n    )\n    more", "\n        1,\n    )\n    more"),
        ("    call(", "\n        1,\n)\nmore", "\n        1,\n)"),
        ("x = 1", "\ny = 2\nz = 3", "\ny = 2\nz = 3"),
        ("\t", "a\n\tb\nc", "a\n\tb"),
        ("    ", "one line", "one line"),
        ("", "    return 1\n\n\ndef g():", "    return 1"),
        ("", "x = 1\ny = 2", "x = 1\ny = 2"),
    ],
)
def test_several_lines_end_with_their_block(line_before: str, text: str, ended: str) -> None:
    assert within_block(text, line_before) == ended


@pytest.mark.parametrize(
    ("line_before", "text", "below", "ended"),
    [
        ("    ", "x = 1\n    return x\n    more", "\n\n    return x\n", "x = 1"),
        ("    ", "x = 1\n    return value_of_this", "    return value_of_thin\n", "x = 1"),
        ("    ret", "urn x", "    return x\n", ""),
        ("    ", "x = 1\n    return y", "    return x\n", "x = 1\n    return y"),
        ("f(", "\n    1,\n)", ")\n", "\n    1,"),
        ("f(", "\n    1,\n)\n\n", ")\n", "\n    1,"),
        ("f(", "\n    1,\n)\ng()", ")\n", "\n    1,\n)\ng()"),
        ("x", " = 1", "", " = 1"),
        ("x", " = 1", " \n\t\n", " = 1"),
    ],
)
def test_a_continuation_ends_before_what_comes_anyway(line_before: str, text: str, below: str, ended: str) -> None:
    assert before_next_line(text, line_before, below) == ended


@pytest.mark.parametrize(
    ("before", "text", "repeats"),
    [
        ("import os\nimp", "ort os", True),
        ("import os\n\n\nimp", "ort os\nmore", True),
        ("import os\nimp", "ort re", False),
        ("]\n", "]", False),
        ("", "import os", False),
        ("imp", "ort os", False),
    ],
)
def test_a_line_is_not_said_twice(before: str, text: str, repeats: bool) -> None:
    assert repeats_line_above(text, before) is repeats


@pytest.mark.parametrize(
    ("line_before", "text", "place"),
    [
        ("    f(", "x)\n    f(x)\n", 2),
        ("    f(", "x)\n    f(x)", None),
        ("    f(", "x)\n    f(x, y)\n", None),
        ("", "a\nb\nb\nc", 3),
        ("", "a\nb\na\nb\n", 3),
        ("x", "\na\nb\na\nb\nc", 4),
        ("", "a\nb\na\nb", None),
        ("", "\n    try:\n        try:\n", None),
        ("", "f(\n    [\n    ]\n    ]\n", None),
    ],
)
def test_a_continuation_ends_before_lines_that_it_has_just_said(line_before: str, text: str, place: int | None) -> None:
    assert repeated_lines(text, line_before) == place


@pytest.mark.parametrize(
    ("before", "text", "left"),
    [
        ("import os\nimp", "ort os\nmore", "ort "),
        ("    ax.plot(x, y)\n    ", "ax.plot(x, y)", "ax."),
        ("    ax.plot(x, y)\n    ax.", "plot(x, y)", "plot("),
        ("x = 1\nx ", "= 1", ""),
        ("    return\n    ", "return", ""),
        ("import os\nimp", "ort re.a", "ort re.a"),
        ("std::cout << x;\n", "std::cout << x;", "std::"),
        ("$this->run();\n", "$this->run();", "$this->"),
        ("x - y->z\n", "x - y->z", "x "),
    ],
)
def test_of_the_line_above_no_more_than_its_first_name_is_said(before: str, text: str, left: str) -> None:
    assert unlike_line_above(text, before) == left


def test_lines_that_are_too_long_to_be_compared_are_the_same_only_where_they_are_equal() -> None:
    line = "value = " + "y" * 20_000
    assert before_next_line(line, "", line) == ""
    assert before_next_line(line, "", line + "y") == line
