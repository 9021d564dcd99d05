from __future__ import annotations

from pathlib import Path

import pytest

from neocaret_model.evaluation.errors import EvaluationError
from neocaret_model.evaluation.source_files import LARGEST_BYTES, SourceFile, read_source_files


def write(path: Path, data: bytes = b"x = 1\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_paths_are_those_that_an_import_sees_whatever_folder_is_named(tmp_path: Path) -> None:
    write(tmp_path / "pack" / "__init__.py", b"import os\n")
    write(tmp_path / "pack" / "sub" / "__init__.py", b"import os\n")
    write(tmp_path / "pack" / "sub" / "one.py")
    write(tmp_path / "free.py")
    everything = read_source_files([tmp_path])
    assert [file.path for file in everything.files] == [
        "free.py",
        "pack/__init__.py",
        "pack/sub/__init__.py",
        "pack/sub/one.py",
    ]
    inner = read_source_files([tmp_path / "pack" / "sub"])
    assert [file.path for file in inner.files] == ["pack/sub/__init__.py", "pack/sub/one.py"]


def test_lines_end_with_line_feeds_and_bytes_are_those_of_utf_8(tmp_path: Path) -> None:
    write(tmp_path / "a.py", "\ufeffé = 1\r\nb\r".encode())
    sources = read_source_files([tmp_path])
    assert sources.files == (SourceFile("a.py", "é = 1\nb\n"),)
    assert sources.bytes == 9


def test_what_is_not_read_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "good.py")
    write(tmp_path / "blank.py", b" \n\n")
    write(tmp_path / "latin.py", b"# \xe9\n")
    write(tmp_path / "large.py", b"#" * (LARGEST_BYTES + 1))
    sources = read_source_files([tmp_path])
    assert ([file.path for file in sources.files], sources.left_out) == (["good.py"], 3)


def test_hidden_folders_and_installed_packages_are_no_source(tmp_path: Path) -> None:
    for folder in (".venv", "env/site-packages", "__pycache__", "node_modules/x"):
        write(tmp_path / folder / "a.py")
    write(tmp_path / "env" / "mine.py")
    assert [file.path for file in read_source_files([tmp_path]).files] == ["env/mine.py"]
    (found,) = read_source_files([tmp_path / "env" / "site-packages"]).files
    assert found.path == "a.py"


def test_fingerprint_is_of_paths_and_texts(tmp_path: Path) -> None:
    prints: set[str] = set()
    for name, text in (("a.py", b"x\n"), ("b.py", b"x\n"), ("a.py", b"y\n")):
        folder = tmp_path / str(len(prints))
        write(folder / name, text)
        fingerprint = read_source_files([folder]).fingerprint
        assert fingerprint == read_source_files([folder, folder]).fingerprint
        assert len(fingerprint) == 12
        prints.add(fingerprint)
    assert len(prints) == 3


@pytest.mark.parametrize(("name", "says"), [("missing", "is no folder"), ("empty", "no Python file")])
def test_nothing_to_read_is_told(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvaluationError, match=says) as error:
        read_source_files([tmp_path / name])
    assert name in str(error.value)
