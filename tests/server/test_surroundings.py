from __future__ import annotations

from neocaret_server.documents import Document
from neocaret_server.prompt import MOST_CHARACTERS, NEAR_CHARACTERS, Surroundings, build_prompt, text_elsewhere
from neocaret_server.surroundings import surroundings


def document(text: str) -> Document:
    return Document.of("file:///x.py", "python", 1, text)


def test_a_document_alone_is_what_stands_around_its_caret() -> None:
    made = document("a = 1\nb = 2\nc = 3\n")
    assert surroundings(made, 1, "b =") == Surroundings("a = 1\nb =", 9, "c = 3\n")
    assert surroundings(made, 3, "") == Surroundings("a = 1\nb = 2\nc = 3\n", 18, "")


def test_cells_before_and_after_a_cell_stand_around_its_caret_with_blank_lines_between() -> None:
    above, beneath = [document("import numpy as np"), document("x = np.array([1])\n")], [document("print(x)")]
    around = surroundings(document("y = \nz = 1"), 0, "y = ", above, beneath)
    assert around.before == "import numpy as np\n\nx = np.array([1])\n\n\ny = "
    assert around.length == len(around.before)
    assert around.below == "z = 1\n\nprint(x)"
    assert build_prompt(around) == around.before


def test_of_huge_cells_no_more_is_read_than_is_near() -> None:
    huge = document("value = 1\n" * 1_000_000)
    around = surroundings(document("y"), 0, "y", [huge, huge], [huge, huge])
    assert len(around.before) == NEAR_CHARACTERS + 3
    assert around.length == 20_000_000 + 5
    assert len(around.below) == MOST_CHARACTERS + 2
    assert len(build_prompt(around)) <= MOST_CHARACTERS
    assert all(len(text) <= MOST_CHARACTERS for text in text_elsewhere(around))
