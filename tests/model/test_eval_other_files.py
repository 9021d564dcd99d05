from __future__ import annotations

import pytest

from neocaret_model.evaluation.other_files import MOST_FILES, files_at_hand, imported_paths, no_files, related_to
from neocaret_model.evaluation.source_files import SourceFile


def sources(*paths: str, **texts: str) -> list[SourceFile]:
    return [SourceFile(path, texts.get(path.rpartition("/")[2].removesuffix(".py"), "x = 1\n")) for path in paths]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("import app.tables", "app/tables.py"),
        ("from app.tables import read", "app/tables.py"),
        ("from app import tables, forms", "app/forms.py"),
        ("from . import tables", "app/web/tables.py"),
        ("from .tables import (", "app/web/tables.py"),
        ("from ..tables import read", "app/tables.py"),
        ("    from .. import tables  # late", "app/tables.py"),
        ("from .inner import read", "app/web/inner/__init__.py"),
    ],
)
def test_imports_name_files(text: str, meant: str) -> None:
    assert meant in list(imported_paths("app/web/page.py", f"import os\n{text}\n"))


def test_imported_files_come_before_those_of_the_folder_and_none_comes_twice() -> None:
    page = "from app import forms\nfrom . import tables\nimport absent\n"
    files = sources("app/web/a.py", "app/web/page.py", "app/web/tables.py", "app/forms.py", "app/other.py", page=page)
    at_hand = files_at_hand("app/web/page.py", {file.path: file for file in files})
    assert at_hand == ["app/forms.py", "app/web/tables.py", "app/web/a.py"]


def test_nobody_has_more_files_at_hand_than_so_many() -> None:
    files = sources(*(f"app/m{number}.py" for number in range(99)))
    assert len(files_at_hand("app/m0.py", {file.path: file for file in files})) == MOST_FILES


def test_the_window_most_alike_stands_nearest_to_the_caret() -> None:
    files = sources(
        "app/page.py", "app/one.py", "app/two.py", one="read_table(path)\n", two="read_table(path, header)\n"
    )
    related = related_to(files, 2)
    assert related("app/page.py", "read_table(path, header") == (files[1].text, files[2].text)
    assert related_to(files, 1)("app/page.py", "read_table(path, header") == (files[2].text,)
    assert no_files("app/page.py", "read_table") == ()
