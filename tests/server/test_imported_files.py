"""Which files of a workspace are read for one that imports them, and which never are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from neocaret_server import imported_files
from neocaret_server.imported_files import MOST_BYTES, MOST_FILES, ImportedFiles
from neocaret_server.related_windows import CutText
from neocaret_server.trigger import is_excluded

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(path: str, text: str) -> Path:
        file = tmp_path / "w" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return written


def allowed(file: Path) -> bool:
    return not is_excluded(file.as_uri(), ("hidden/", "private.py"))


def names(document: Path, text: str, root: Path, files: ImportedFiles | None = None) -> list[str]:
    found = (files or ImportedFiles()).read(document, text, [root], allowed)
    return sorted(path.relative_to(root).as_posix() for path, _ in found)


def test_imports_are_found_below_the_root_its_sources_and_the_folders_of_the_document(
    write: Write, tmp_path: Path
) -> None:
    root = tmp_path / "w"
    for path in ("app/forms.py", "src/lib/core.py", "jobs/night/tools.py", "jobs/night/near.py", "jobs/__init__.py"):
        write(path, "x = 1\n")
    text = (
        "import json\nfrom app import forms\nimport lib.core\nimport tools\nfrom . import near\nfrom .. import other\n"
    )
    assert names(root / "jobs/night/run.py", text, root) == [
        "app/forms.py",
        "jobs/__init__.py",
        "jobs/night/near.py",
        "jobs/night/tools.py",
        "src/lib/core.py",
    ]


def test_other_folders_of_the_workspace_have_absolute_imports_only(write: Write, tmp_path: Path) -> None:
    write("one/page.py", "")
    write("two/lib.py", "x = 1\n")
    write("two/near.py", "x = 1\n")
    roots = [tmp_path / "w/one", tmp_path / "w/two"]
    found = ImportedFiles().read(roots[0] / "page.py", "import lib\nfrom . import near\n", roots, allowed)
    assert [path for path, _ in found] == [roots[1] / "lib.py"]


def test_a_document_outside_the_workspace_reads_nothing(write: Write, tmp_path: Path) -> None:
    write("lib.py", "x = 1\n")
    write("inner/page.py", "")
    assert names(tmp_path / "w/page.py", "import lib\n", tmp_path / "w/inner") == []
    assert ImportedFiles().read(tmp_path / "w/page.py", "import lib\n", [], allowed) == []


def test_no_link_is_followed_and_no_excluded_file_opened(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "w"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "deep.py").write_text("SECRET = 1\n")
    write(".env", "SECRET = 1\n")
    write("private.py", "SECRET = 1\n")
    write("hidden/lib.py", "SECRET = 1\n")
    write("data.py/inner.txt", "")
    (root / "out.py").symlink_to(outside / "deep.py")
    (root / "folder").symlink_to(outside)
    (root / "settings.py").symlink_to(root / ".env")
    (root / "shown").symlink_to(root / "hidden")
    os.mkfifo(root / "pipe.py")
    text = "import out, private, settings, data, pipe\nfrom hidden import lib\nimport folder.deep\nimport shown.lib\n"
    opened: list[object] = []
    monkeypatch.setattr(imported_files, "_cut", opened.append)
    assert names(root / "page.py", text, root) == []
    assert opened == []


def test_a_root_that_is_a_link_is_the_users_choice_and_both_its_paths_can_be_excluded(
    write: Write, tmp_path: Path
) -> None:
    write("lib.py", "x = 1\n")
    write("hidden/lib.py", "x = 1\n")
    (tmp_path / "link").symlink_to(tmp_path / "w")
    (tmp_path / "shown").symlink_to(tmp_path / "w/hidden")
    assert names(tmp_path / "link/page.py", "import lib\n", tmp_path / "link") == ["lib.py"]
    assert names(tmp_path / "shown/page.py", "import lib\n", tmp_path / "shown") == []


def test_large_binary_and_foreign_files_are_left_out(write: Write, tmp_path: Path) -> None:
    root = tmp_path / "w"
    write("large.py", "x" * (MOST_BYTES + 1))
    write("whole.py", "x" * MOST_BYTES)
    write("zero.py", "x = '\0'\n")
    (root / "latin.py").write_bytes(b"x = '\xe9'\n")
    (root / "marked.py").write_bytes(b"\xef\xbb\xbfx = 1\r\ny = 2\r\n")
    text = "import large, whole, zero, latin, marked\n"
    assert names(root / "page.py", text, root) == ["marked.py", "whole.py"]
    found = dict(ImportedFiles().read(root / "page.py", text, [root], allowed))
    assert found[root / "marked.py"].lines == ("x = 1", "y = 2", "")


def test_at_most_so_many_files_are_read(write: Write, tmp_path: Path) -> None:
    for number in range(MOST_FILES + 5):
        write(f"m{number}.py", "x = 1\n")
    text = "\n".join(f"import m{number}" for number in range(MOST_FILES + 5))
    assert len(names(tmp_path / "w/page.py", text, tmp_path / "w")) == MOST_FILES


def test_a_file_is_read_anew_only_after_it_has_changed(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, files = tmp_path / "w", ImportedFiles()
    lib = write("lib.py", "x = 1\n")
    read: list[bytes] = []
    cut = imported_files._cut

    def noted(data: bytes) -> CutText | None:
        read.append(data)
        return cut(data)

    monkeypatch.setattr(imported_files, "_cut", noted)
    for _ in range(3):
        assert names(root / "page.py", "import lib\n", root, files) == ["lib.py"]
    assert read == [b"x = 1\n"]
    write("lib.py", "longer = 2\n")
    names(root / "page.py", "import lib\n", root, files)
    files.forget()
    names(root / "page.py", "import lib\n", root, files)
    assert read == [b"x = 1\n", b"longer = 2\n", b"longer = 2\n"]
    lib.unlink()
    assert names(root / "page.py", "import lib\n", root, files) == []
