"""Reads the files of a workspace that a Python file imports; what must not be read is not opened.

- Nothing outside the workspace's folders, and nothing through a symbolic link below them, wherever it leads.
- Nothing that is excluded or secret, by its path in the workspace and by its real one.
- Ordinary files only, of at most `MOST_BYTES`, in UTF-8 and without a zero byte.

`.gitignore` is not asked: what is ignored may be generated code that is imported all the time. Whatever is read stays
in this process.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from neocaret_server.held_folder import HeldFolder, opened_folder
from neocaret_server.imports import absolute_paths, relative_paths
from neocaret_server.related_windows import CutText, cut_text

MOST_FILES = 20
MOST_BYTES = 200_000
"""Of a file: larger ones are data or generated, and say little."""
MOST_TRIED = 2_000
"""Paths that are looked at for one file."""

_KEPT_FILES = 64
_SOURCES = "src"

Allowed = Callable[[Path], bool]
"""Whether a path may be read."""


@dataclass(frozen=True, slots=True)
class _Kept:
    stamp: tuple[int, int, int]
    text: CutText | None
    """None where it is no text."""


class ImportedFiles:
    """The imported files, as they were read last. Callers in several threads do not hurt each other."""

    def __init__(self) -> None:
        self._kept: dict[Path, _Kept] = {}

    def read(self, document: Path, text: str, roots: Sequence[Path], allowed: Allowed) -> list[tuple[Path, CutText]]:
        """Return the files that the document imports, by their paths in the workspace; blocks while the disk is read.

        Args:
            document: where the importing file is, or would be.
            text: of that file.
            roots: the workspace's folders; where the document is in none of them, nothing is read.
            allowed: asked of each path before it is opened.
        """
        kept = self._kept
        found: dict[Path, CutText] = {}
        for root, path in islice(_meant(document, text, roots), MOST_TRIED):
            if len(found) == MOST_FILES:
                break
            named = root / path
            if named in found or named == document:
                continue
            if (cut := _read(root, path, allowed, kept)) is not None:
                found[named] = cut
        return list(found.items())

    def forget(self) -> None:
        """Keep nothing; whoever reads at this moment keeps nothing either."""
        self._kept = {}


def _meant(document: Path, text: str, roots: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the paths that imports may mean, each once, with the folder of the workspace that they are below."""
    own = next((root for root in roots if document.is_relative_to(root)), None)
    if own is None:
        return
    path = document.relative_to(own).as_posix()
    folders = [parent.as_posix() for parent in reversed(Path(path).parents) if parent.as_posix() != "."]
    meant = [(own, each) for each in relative_paths(path, text)]
    meant += [(own, each) for each in absolute_paths(text, ("", _SOURCES, *folders))]
    meant += [(root, each) for root in roots if root != own for each in absolute_paths(text, ("", _SOURCES))]
    yield from dict.fromkeys(meant)


def _read(root: Path, path: str, allowed: Allowed, kept: dict[Path, _Kept]) -> CutText | None:
    named = root / path
    try:
        # The user chose the root, by whatever links; below it none is followed.
        real = Path(os.path.realpath(root), path)
        if not stat.S_ISREG(real.lstat().st_mode) or not (allowed(named) and allowed(real)):
            return None
        with opened_folder(real.parent) as folder:
            before = _looked_at(folder, real, kept.pop(real, None))
    except (OSError, ValueError):
        # It is not there, may not be read, or has a name that no file can have.
        return None
    if before is None:
        return None
    kept[real] = before
    while len(kept) > _KEPT_FILES:
        kept.pop(next(iter(kept)), None)
    return before.text


def _looked_at(folder: HeldFolder, file: Path, before: _Kept | None) -> _Kept | None:
    """Return the file as it is now, read anew only where it has changed; None where it is not to be read."""
    status = folder.status(file.name)
    # Where folders cannot be held, links on the way are found by this alone.
    if status is None or status.st_size > MOST_BYTES or not stat.S_ISREG(status.st_mode) or _is_reached_by_link(file):
        return None
    stamp = status.st_ino, status.st_size, status.st_mtime_ns
    return before if before is not None and before.stamp == stamp else _Kept(stamp, _cut(folder.read(file.name)))


def _is_reached_by_link(file: Path) -> bool:
    return os.path.normcase(os.path.realpath(file)) != os.path.normcase(file)


def _cut(data: bytes) -> CutText | None:
    if b"\0" in data or len(data) > MOST_BYTES:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return cut_text(text.replace("\r\n", "\n").replace("\r", "\n"))
