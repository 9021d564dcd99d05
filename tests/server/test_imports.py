from __future__ import annotations

import time

import pytest

from neocaret_server.imports import absolute_paths, relative_paths


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("import app.tables", "app/tables.py"),
        ("import os, app.tables as t", "app/tables.py"),
        ("from app.tables import read", "app/tables.py"),
        ("from app import tables, forms", "app/forms.py"),
        ("from app import (\n    tables,  # of the page, old\n    forms as f,\n)", "app/forms.py"),
        ("from app import tables; import x.y", "app/tables.py"),
        ("    import größe  # late", "größe.py"),
        ("import app", "app/__init__.py"),
    ],
)
def test_absolute_imports_name_files(text: str, meant: str) -> None:
    assert meant in list(absolute_paths(f"import sys\n{text}\n"))
    assert f"src/{meant}" in list(absolute_paths(f"import sys\n{text}\n", ["", "src"]))
    assert list(relative_paths("app/web/page.py", text)) == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("from . import tables", "app/web/tables.py"),
        ("from .tables import (", "app/web/tables.py"),
        ("from ..tables import read", "app/tables.py"),
        ("    from .. import tables  # late", "app/tables.py"),
        ("from .inner import read", "app/web/inner/__init__.py"),
        ("from ... import top", "top.py"),
    ],
)
def test_relative_imports_name_files(text: str, meant: str) -> None:
    assert meant in list(relative_paths("app/web/page.py", f"import os\n{text}\n"))
    assert not [path for path in absolute_paths(text) if path]


@pytest.mark.parametrize(
    "text",
    [
        "from .... import x",
        "from ..... import x",
        "from",
        "import",
        "x = 'import a'",
        "from . import ../../etc",
    ],
)
def test_no_import_leads_out_of_the_root(text: str) -> None:
    paths = [*relative_paths("app/web/page.py", text), *absolute_paths(text)]
    assert all(".." not in path.split("/") and not path.startswith("/") for path in paths)
    assert "x.py" not in paths


def test_what_is_imported_from_a_package_of_dots_is_not_part_of_import() -> None:
    assert "app/web/importlib.py" in list(relative_paths("app/web/page.py", "from . import importlib"))


def test_a_text_of_spaces_takes_no_time() -> None:
    began = time.process_time()
    assert not list(absolute_paths("from" + " " * 100_000))
    assert time.process_time() - began < 5


def test_a_text_of_brackets_that_nobody_closes_takes_no_time() -> None:
    began = time.process_time()
    assert list(absolute_paths("from a import (\n" * 12_000))
    assert time.process_time() - began < 5
