from __future__ import annotations

import pytest

from neocaret_server.backend import Candidate, FinishReason
from neocaret_server.tidy import CaretText, offered, tidy, up_to_closer


def candidates(*texts: str, reason: FinishReason = "eos") -> list[Candidate]:
    return [Candidate(text, -1.0, 3, reason) for text in texts]


def test_equal_and_blank_ones_go_and_the_order_stays() -> None:
    assert tidy(candidates("b", "a", "b ", "", " \n\t"), CaretText(), single_line=True) == ["b", "a"]


def test_white_space_at_the_end_goes() -> None:
    assert tidy(candidates("a\n    b  \n\n"), CaretText(), single_line=False) == ["a\n    b"]


def test_white_space_at_the_start_stays() -> None:
    assert tidy(candidates("\n    b", "  a"), CaretText(), single_line=False) == ["\n    b", "  a"]


def test_a_single_line_is_one_whatever_the_model_says() -> None:
    assert tidy(candidates("a\nb", "a\r\nc", "\nd"), CaretText(), single_line=True) == ["a"]


def test_what_was_cancelled_is_not_offered() -> None:
    assert tidy(candidates("half a w", reason="cancelled"), CaretText(), single_line=True) == []


@pytest.mark.parametrize(
    ("text", "line_after", "ended"),
    [
        ("1, 2)", ")", "1, 2"),
        ("f(3), 2) + 1", ")", "f(3), 2"),
        ("f(x)) == y", "))", "f(x)"),
        ("'a': [1], 'b': ')'}", "}", "'a': [1], 'b': ')'"),
        ("1,\n    2,\n]", "]", "1,\n    2,\n"),
        ("x.csv') as f:", "')", "x.csv"),
        (r"a\'b', c)", "')", r"a\'b"),
        ('Says "yes".\n    """\n    x', '"""', 'Says "yes".\n    '),
        ("x)", " )", "x"),
        ("x, y", ")", "x, y"),
        ("x)", "]", "x)"),
        ("x)", "", "x)"),
        ("x)", ":", "x)"),
        ("x, y)", "z)", "x, y)"),
        ("it's)", ")", "it's"),
    ],
)
def test_a_continuation_ends_where_the_editor_has_closed_already(text: str, line_after: str, ended: str) -> None:
    assert up_to_closer(text, line_after) == ended


def test_what_only_closes_again_is_not_offered_and_a_closer_keeps_its_line() -> None:
    texts = candidates(")", "1\n)", "1, 2) + 3\n")
    assert tidy(texts, CaretText(line_after=")"), single_line=False) == ["1\n", "1, 2"]
    assert tidy(texts, CaretText(line_after=")"), single_line=True) == ["1", "1, 2"]


@pytest.mark.parametrize(
    ("texts", "similar", "single_line", "expected"),
    [
        (("a", "a"), ("b", "a", "c", "d"), True, ["a", "b", "c"]),
        (("a", "b", "c"), ("d",), True, ["a", "b", "c"]),
        (("a",), ("b)", " ", "b"), True, ["a", "b"]),
        (("", " "), ("b",), True, []),
        (("a",), ("b",), False, ["a"]),
    ],
    ids=["rows agree", "rows differ", "closers and blanks", "nothing to say", "several lines"],
)
def test_similar_lines_fill_the_list_after_what_the_model_says(
    texts: tuple[str, ...], similar: tuple[str, ...], single_line: bool, expected: list[str]
) -> None:
    given = candidates(*texts)
    assert offered(given, similar, CaretText("f(", ")"), single_line=single_line, most=3) == expected


def test_what_breaks_the_syntax_comes_last() -> None:
    caret = CaretText("values = f(", line_after="")
    assert offered(candidates("1 = )", "2)", "3,"), (), caret, single_line=True, most=3) == ["2)", "3,", "1 = )"]
    caret = CaretText("values = f(", line_after="", language_id="sql")
    assert offered(candidates("1 = )", "2)"), (), caret, single_line=True, most=3) == ["1 = )", "2)"]


def test_of_the_line_above_the_beginning_comes_last() -> None:
    caret = CaretText("    import os\n    imp")
    assert offered(candidates("ort os", "ort re"), (), caret, single_line=True, most=3) == ["ort re", "ort "]


def test_several_lines_end_with_the_block_and_before_what_stands_there() -> None:
    caret = CaretText("def f():", below="\n    return 1\n")
    texts = candidates("\n    x = 2\n    return 1\n\n\ndef g():\n    pass", "\n    return 1")
    assert tidy(texts, caret, single_line=False) == ["\n    x = 2"]


def test_the_line_just_said_is_not_said_again() -> None:
    assert tidy(candidates("a()\nb()\nb()", "a()\na()\na"), CaretText(), single_line=False) == ["a()\nb()", "a()"]


def test_a_docstring_of_the_document_is_not_said_again_in_python() -> None:
    texts = candidates('\n    """Read it."""', '\n    """Write it."""')
    above = '"""Read it."""\ndef f():'
    assert tidy(texts, CaretText(above), single_line=False) == ['\n    """Write it."""']
    assert len(tidy(texts, CaretText(above, language_id="julia"), single_line=False)) == 2


def test_what_differs_in_white_space_alone_is_no_choice() -> None:
    assert tidy(candidates("a=1", "a = 1", "a  = 2"), CaretText(), single_line=True) == ["a=1", "a  = 2"]


def test_a_mark_alone_is_offered() -> None:
    assert tidy(candidates(")", "x"), CaretText("f("), single_line=False) == [")", "x"]


@pytest.mark.parametrize(
    ("before", "text", "ended"),
    [("x = ", "1)", "1"), ("x = (", "1)", "1)"), ("x = (", "1))", "1)"), ("x = [\n    f(", "1), 2]", "1), 2]")],
)
def test_a_bracket_that_nothing_opened_ends_a_continuation(before: str, text: str, ended: str) -> None:
    assert tidy(candidates(text), CaretText(before), single_line=True) == [ended]
