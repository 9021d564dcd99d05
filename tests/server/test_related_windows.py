from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.related_windows import (
    LINES,
    MOST_CHARACTERS,
    MOST_WINDOWS,
    STEP,
    CutText,
    cut_text,
    identifiers,
    likeness,
    related_windows,
)

NAMES = st.frozensets(st.sampled_from(["alpha", "beta", "gamma", "delta"]))


def file(path: str, *parts: str) -> tuple[str, CutText]:
    """A file whose parts are as long as the step from one window to the next."""
    return path, cut_text("".join(part + "\n" + "\n" * (STEP - 1) for part in parts))


def test_identifiers_are_names_and_keywords_of_two_characters_and_more() -> None:
    assert identifiers("def größe(x, self_1): return 12 + a.b2") == {"def", "größe", "self_1", "return", "b2"}


@given(NAMES, NAMES)
def test_likeness_is_symmetric_and_between_nothing_and_equal(one: frozenset[str], other: frozenset[str]) -> None:
    assert likeness(one, other) == likeness(other, one)
    assert 0 <= likeness(one, other) <= 1
    assert (likeness(one, other) == 1) == (one == other and bool(one))


def test_the_window_most_like_the_code_at_the_caret_is_taken_of_each_file_and_the_best_is_the_last() -> None:
    others = [
        file("a.py", "nothing = here", "nor = this", "", "read_table(path, header)"),
        file("b.py", "read_table(path, header, footer, columns)"),
        file("c.py", "entirely = different"),
    ]
    windows = related_windows("import x\nframe = read_table(path, hea", others, most=5)
    assert [window.source for window in windows] == ["b.py", "a.py"]
    assert "read_table" in windows[1].text
    assert windows[1].likeness > windows[0].likeness > 0
    assert related_windows("frame = read_table(path, hea", others, most=1) == [
        related_windows("frame = read_table(path, hea", others, most=2)[-1]
    ]


def test_windows_overlap_and_are_of_so_many_lines() -> None:
    text = "\n".join(f"line_{number} = {number}" for number in range(5 * LINES))
    (window,) = related_windows(f"line_{2 * LINES}\nline_{3 * LINES - 1}", [("a.py", cut_text(text))], most=1)
    assert window.text.split("\n")[0] == f"line_{2 * LINES} = {2 * LINES}"
    assert window.text.count("\n") == LINES - 1


@given(st.integers(1, 6 * LINES))
def test_each_line_stands_in_a_window(lines: int) -> None:
    cut = cut_text("\n".join(f"line_{number}" for number in range(lines)))
    assert frozenset().union(*cut.identifiers) == {f"line_{number}" for number in range(lines)}


def test_of_long_lines_and_long_files_only_so_much_counts() -> None:
    (window,) = related_windows("name", [("a.py", cut_text("name " * 100_000))], most=1)
    assert len(window.text) == MOST_CHARACTERS
    cut = cut_text("\n".join(f"line_{number}" for number in range(2 * STEP * MOST_WINDOWS)))
    assert len(cut.identifiers) == MOST_WINDOWS


def test_only_the_end_of_the_text_before_the_caret_counts() -> None:
    before = "wanted = 1\n" + "\n" * LINES + "other = 2\n"
    windows = related_windows(before, [file("a.py", "wanted"), file("b.py", "other")], most=5)
    assert [window.source for window in windows] == ["b.py"]


def test_nothing_is_like_nothing() -> None:
    assert related_windows("", [("a.py", cut_text("")), file("b.py", "name")], most=5) == []
    assert related_windows("name", [], most=5) == []
    assert related_windows("name", [file("b.py", "name")], most=0) == []
