"""A user who types, checked by hand."""

from __future__ import annotations

import pytest

from neocaret_model.evaluation.acceptance import TypedLine, TypingReport, accept, measure_typing
from neocaret_model.evaluation.carets import Caret
from neocaret_model.evaluation.source_files import SourceFile


@pytest.mark.parametrize(
    ("suggestion", "rest", "accepted"),
    [
        ("return x", "return x", (8, 1)),
        ("return x  ", "return x", (8, 1)),
        ("return y", "return x", (6, 1)),
        ("return x + y", "return x", (8, 2)),
        ("return", "return x", (6, 1)),
        ("ret", "return x", (0, 0)),
        ("returned", "return x", (0, 0)),
        ("os.path.join(a)", "os.path.join(b)", (13, 6)),
        ("  x", " x", (0, 0)),
        ("f(x))", "f(x)", (3, 3)),
        ("", "x", (0, 0)),
    ],
)
def test_words_are_accepted_as_long_as_they_are_right(suggestion: str, rest: str, accepted: tuple[int, int]) -> None:
    assert accept(suggestion, rest) == accepted


FILE = SourceFile("a.py", "def f():\n    return x1  \n    abc\n")
RETURN = Caret("indent", FILE, FILE.text.index("return"))
ABC = Caret("indent", FILE, FILE.text.index("abc"))


def typed(answers: dict[str, list[str]], *carets: Caret) -> tuple[TypingReport, list[str]]:
    """What came of it, and what stood on the line whenever a suggestion was looked at."""
    seen: list[str] = []

    def suggest(_: str, before: str) -> list[str]:
        line = before.rpartition("\n")[2].strip()
        seen.append(line)
        return answers.get(line, [])

    report = measure_typing(suggest, carets, lambda: None, lambda _, __: None)
    return report, seen


def test_without_suggestions_every_character_is_a_keystroke() -> None:
    report, seen = typed({}, ABC)
    assert (report.characters, report.keystrokes, report.saved_per_keystroke, report.completed) == (3, 3, 0.0, 0.0)
    assert seen == ["", "a", "ab"]
    assert report.asked == 3
    assert report.median_ms >= 0


def test_whole_rest_takes_one_keystroke() -> None:
    report, seen = typed({"r": ["eturn x1", "wrong"]}, RETURN)
    assert (report.characters, report.keystrokes) == (9, 2)
    assert report.saved_per_keystroke == pytest.approx(7 / 2)
    assert report.completed == pytest.approx(8 / 9)
    assert seen == ["", "r"]


def test_right_words_take_a_keystroke_each_and_the_user_goes_on_behind_them() -> None:
    report, seen = typed({"": ["return y"]}, RETURN)
    # return (1 key), then the space, x and 1 are typed.
    assert (report.keystrokes, seen) == (4, ["", "return", "return", "return x"])
    assert report.completed == pytest.approx(6 / 9)


def test_what_saves_nothing_is_typed() -> None:
    report, _ = typed({"ab": ["c"]}, ABC)
    assert (report.keystrokes, report.completed) == (3, 0.0)


def test_only_the_first_suggestion_is_looked_at() -> None:
    report, _ = typed({"": ["abd", "abc"]}, ABC)
    assert report.keystrokes == 3


def test_lines_are_summed_before_they_are_divided() -> None:
    report, _ = typed({"": ["abc"]}, RETURN, ABC)
    assert (report.characters, report.keystrokes) == (12, 10)
    assert report.saved_per_keystroke == pytest.approx(2 / 10)
    low, high = report.interval
    assert (low, high) == (0.0, 2.0)  # as if only the one line or only the other had been drawn


def test_waits_are_of_all_looks() -> None:
    report = TypingReport((TypedLine(3, 3, 0, (1.0, 9.0)), TypedLine(1, 1, 0, (4.0,))))
    assert (report.median_ms, report.asked) == (4.0, 3)


def test_each_line_begins_afresh_and_is_told() -> None:
    forgotten: list[int] = []
    told: list[tuple[int, int]] = []
    measure_typing(
        lambda *_: [],
        [RETURN, ABC],
        lambda: forgotten.append(len(told)),
        lambda done, total: told.append((done, total)),
    )
    assert (forgotten, told) == ([0, 1], [(1, 2), (2, 2)])
