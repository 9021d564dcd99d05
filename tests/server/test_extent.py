from __future__ import annotations

import pytest

from neocaret_server import block, syntax_tree
from neocaret_server.documents import Document, Place
from neocaret_server.extent import one_line
from neocaret_server.prompt import Multiline

CASES = [
    ("def f():", "", True),
    ("def f():\n    ", "", True),
    ("class A:\n    def f(self):\n        ", "\n    def g(self):\n        pass\n", True),
    ("if a:\n    b = 1\nelse:", "", True),
    ("def f():", "    return 1\n", False),
    ("a = 1\n", "b = 2\n", True),
    ("def f():\n    a = 1\n    ", "    return a\n", True),
    ("", "", True),
    ("def f():\n    return x", "", False),
    ("x = ", "", False),
    ("    x", "", False),
    ("f(\n    a,\n    ", "    b,\n)\n", False),
    ("f(\n    a=1,\n    ", "    b=2,\n)\n", False),
    ("x = [\n    1,\n    ", "]\n", False),
    ("x = {\n    'a':", "    1,\n}\n", False),
    ("x = {\n    ", "}\n", False),
    ('def f():\n    """Return x.\n\n    ', '    """\n', False),
    ("x = 1  # see:", "", False),
    ("y = a[1:", "", False),
]


def parts(before: str) -> tuple[str, str]:
    above, end, line = before.rpartition("\n")
    return above + end, line


@pytest.mark.parametrize(("before", "below", "several"), CASES)
def test_by_looks(before: str, below: str, several: bool) -> None:
    assert block.several_lines(*parts(before), below, "python") is several


@pytest.mark.parametrize(("before", "below", "several"), CASES)
def test_by_the_tree_and_by_looks_where_it_knows_nothing(before: str, below: str, several: bool) -> None:
    document = Document.of("file:///x.py", "python", 1, before + "\n" + below)
    above, line = parts(before)
    assert one_line("auto", document, Place(above.count("\n"), len(line)), line) is not several


@pytest.mark.parametrize(
    ("before", "by_looks", "by_tree"),
    [("key = lambda a:", True, False), ("value:", True, False), ("x = a if b else lambda:", True, False)],
)
def test_where_the_tree_knows_better(before: str, by_looks: bool, by_tree: bool) -> None:
    assert block.several_lines(*parts(before), "", "python") is by_looks
    assert syntax_tree.several_lines(*parts(before), "", "python") is by_tree


@pytest.mark.parametrize(
    ("before", "language", "several"),
    [
        ("function f() {", "javascript", True),
        ("function f() {\n  ", "javascript", True),
        ("f(\n  ", "javascript", False),
        ("if x; then", "shellscript", True),
        ("local x = 1", "lua", False),
        ('{\n  "a": [', "json", False),
        ("{\n  ", "json", False),
    ],
)
def test_other_languages_go_by_looks(before: str, language: str, several: bool) -> None:
    assert block.several_lines(*parts(before), "", language) is several
    assert syntax_tree.several_lines(*parts(before), "", language) in (None, False)


@pytest.mark.parametrize(("multiline", "one"), [("always", False), ("never", True)])
def test_the_setting_decides_where_it_is_not_auto(multiline: Multiline, one: bool) -> None:
    document = Document.of("file:///x.py", "python", 1, "x = ")
    assert one_line(multiline, document, Place(0, 4), "x = ") is one
