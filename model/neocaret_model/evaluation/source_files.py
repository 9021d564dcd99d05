"""The held-out files: every Python file of some folders, read once, in an order that no machine changes.

A path is given as an import sees it, `package/module.py`: from the folder above the topmost package. So it is the same
whether a package or the folder that it lies in was named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neocaret_model.evaluation.errors import EvaluationError

LARGEST_BYTES = 500_000
"""A larger file is a table of data."""

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
_SHORT = 12


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file, its line ends line feeds."""

    path: str
    """With slashes, as an import sees it."""
    text: str


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """What was found."""

    files: tuple[SourceFile, ...]
    """By path."""
    left_out: int
    """Files that are no UTF-8, blank, or too large."""

    @property
    def bytes(self) -> int:
        """In UTF-8."""
        return sum(len(file.text.encode()) for file in self.files)

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits: two evaluations that show the same ones read the same texts."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.path}\0{file.text}\0".encode())
        return digest.hexdigest()[:_SHORT]


def read_source_files(folders: Iterable[Path]) -> SourceFiles:
    """Read the Python files below `folders`, but for hidden folders and installed packages inside them.

    Raises:
        EvaluationError: a folder is none, or no file is left.
    """
    found: dict[str, SourceFile] = {}
    left_out = 0
    folders = tuple(folders)
    for folder in folders:
        root = _import_root(folder)
        for path in _python_files(folder):
            text = _read(path)
            name = path.relative_to(root).as_posix()
            if text is None:
                left_out += 1
            else:
                found[name] = SourceFile(name, text)
    if not found:
        raise EvaluationError(
            f"There is no Python file to evaluate on in {', '.join(map(str, folders))}: name another folder."
        )
    return SourceFiles(tuple(found[name] for name in sorted(found)), left_out)


def _import_root(folder: Path) -> Path:
    if not folder.is_dir():
        raise EvaluationError(f"{folder} is no folder: give one that holds Python files.")
    root = folder
    while (root / "__init__.py").is_file():
        root = root.parent
    return root


def _python_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part in _SKIPPED for part in parts):
            yield path


def _read(path: Path) -> str | None:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n") if text.strip() else None
