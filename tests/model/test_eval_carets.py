from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from neocaret_model.evaluation.carets import KINDS, Caret, CaretKind, carets_of, draw_carets
from neocaret_model.evaluation.source_files import SourceFile

TEXT = '''"""Not. here(=x)."""
import os  # nor. here(

def name(key=1):
    return os.path(
        "in=side (no. t)" )

'''


def places(text: str) -> list[tuple[CaretKind, str, str]]:
    """Each caret's kind, its line up to it, and the rest."""
    carets = carets_of(SourceFile("a.py", text))
    return [(caret.kind, caret.before.rpartition("\n")[2], caret.rest) for caret in carets]


def test_each_kind_stands_where_it_says() -> None:
    found = places(TEXT)
    words = [place for place in found if place[0] == "word"]
    assert [place for place in found if place[0] != "word"] == [
        ("line start", "", "import os  # nor. here("),
        ("line start", "", "def name(key=1):"),
        ("(", "def name(", "key=1):"),
        ("=", "def name(key=", "1):"),
        ("indent", "    ", "return os.path("),
        (".", "    return os.", "path("),
        ("indent", "        ", '"in=side (no. t)" )'),
    ]
    assert words[:6] == [("word", "import"[:end], "import os  # nor. here("[end:]) for end in range(1, 6)] + [
        ("word", "import o", "s  # nor. here(")
    ]
    assert len(words) == 5 + 1 + 2 + 3 + 2 + 5 + 1 + 3


def test_offset_and_rest_are_those_of_the_whole_text() -> None:
    file = SourceFile("a.py", "é = '🎉'\nvalue = 2   \n")
    (start, *_, equals) = [caret for caret in carets_of(file) if caret.file.text[: caret.offset].count("\n") == 1]
    assert (start.before, start.rest) == ("é = '🎉'\n", "value = 2")
    assert (equals.kind, equals.before, equals.rest) == ("=", "é = '🎉'\nvalue =", " 2")


def test_no_caret_stands_inside_a_formatted_string_whatever_pythons_version() -> None:
    assert [kind for kind, _, _ in places("\nx = f'{name(a=1).b}'\n")] == ["line start", "="]


def test_second_line_of_a_string_is_no_start_of_a_line() -> None:
    assert places('\nx = """\n    """, y\n')[-1] == ("=", "x =", ' """')


def test_operators_that_only_contain_one_of_ours_are_others() -> None:
    assert {kind for kind, _, _ in places("\nx == y <= z != ...\n")} == {"line start"}


@pytest.mark.parametrize("text", ["x = (\n", "def f():\n        x\n    y\n"])
def test_what_is_no_python_has_no_carets(text: str) -> None:
    assert places(text) == []


FILES = [
    SourceFile(f"{number}.py", "import os\n" + f"def name{number}(a=os.path):\n    return a.b(a)\n" * 9)
    for number in range(4)
]


def draw(files: Sequence[SourceFile], count: int, seed: int) -> list[Caret]:
    return draw_carets(files, count, seed, lambda _, __: None)


def test_kinds_are_drawn_evenly() -> None:
    assert Counter(caret.kind for caret in draw(FILES, 26, 1)) == dict(zip(KINDS, [5, 5, 4, 4, 4, 4], strict=True))


def test_rare_kinds_are_drawn_as_far_as_they_go() -> None:
    drawn = draw([SourceFile("a.py", "x\nabc\n")], 60, 1)
    assert Counter(caret.kind for caret in drawn) == {"line start": 1, "word": 2}


def test_draw_depends_on_seed_and_files_alone() -> None:
    drawn = draw(FILES, 12, 1)
    assert drawn == draw(FILES[::-1], 12, 1)
    assert drawn != draw(FILES, 12, 2)
    assert drawn == sorted(drawn, key=lambda caret: (caret.file.path, caret.offset))


def test_each_file_is_told() -> None:
    told: list[tuple[int, int]] = []
    draw_carets(FILES, 6, 1, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_draw_is_the_same_for_ever() -> None:
    drawn = {(caret.kind, caret.file.path, caret.offset) for caret in draw(FILES, 6, 1)}
    assert drawn == {
        (".", "0.py", 65),
        ("line start", "0.py", 250),
        ("indent", "0.py", 316),
        ("=", "1.py", 62),
        ("(", "2.py", 220),
        ("word", "3.py", 136),
    }
