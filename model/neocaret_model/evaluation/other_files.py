"""Which files count as at hand beside the one that is edited: those that it imports, then those of its folder.

So a user has them open, or the server may read them. At most `MOST_FILES`, as many as anybody keeps open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from neocaret_model.evaluation.source_files import SourceFile
from neocaret_model.related_windows import OtherFile, related_windows

MOST_FILES = 20

Related = Callable[[str, str], Sequence[str]]
"""From a file's path and its text before the caret to texts of other files."""

_IMPORT = re.compile(r"^\s*(?:from\s+(\.*)([\w.]*)\s+import\s+([\w, (]+)|import\s+([\w.]+))", re.MULTILINE)


def no_files(_path: str, _before: str) -> tuple[str, ...]:
    """Have nothing at hand."""
    return ()


def related_to(files: Sequence[SourceFile], windows: int) -> Related:
    """Return what takes at most so many windows of the files at hand, the most alike last, as nearest to the caret."""
    by_path = {file.path: file for file in files}

    @lru_cache(maxsize=1)
    def at_hand(path: str) -> tuple[OtherFile, ...]:
        return tuple(OtherFile(other, by_path[other].text) for other in files_at_hand(path, by_path))

    def related(path: str, before: str) -> tuple[str, ...]:
        return tuple(window.text for window in reversed(related_windows(before, at_hand(path), windows)))

    return related


def files_at_hand(path: str, files: dict[str, SourceFile]) -> list[str]:
    """List the paths of the files at hand beside one."""
    folder = path.rpartition("/")[0]
    beside = (other for other in files if other.rpartition("/")[0] == folder)
    found = dict.fromkeys((*imported_paths(path, files[path].text), *beside))
    return [other for other in found if other in files and other != path][:MOST_FILES]


def imported_paths(path: str, text: str) -> Iterator[str]:
    """Yield the paths that the imports of a file may mean, whether there are such files or not."""
    module = path.removesuffix(".py").split("/")
    for dots, package, names, plain in _IMPORT.findall(text):
        base = module[: len(module) - len(dots)] if dots else []
        parts = [*base, *(part for part in (package or plain).split(".") if part)]
        for tail in ([], *([name] for name in re.findall(r"\w+", names))):
            yield "/".join([*parts, *tail]) + ".py"
            yield "/".join([*parts, *tail, "__init__"]) + ".py"
