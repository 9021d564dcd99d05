"""Which files count as at hand beside the one that is edited: those that it imports, then those of its folder.

So a user has them open, or the server may read them. At most `MOST_FILES`, as many as anybody keeps open. What an
import means, and which parts of a file are taken, is the asker's way, as with suggestions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from neocaret_model.evaluation.source_files import SourceFile

MOST_FILES = 20

Related = Callable[[str, str], Sequence[str]]
"""From a file's path and its text before the caret to texts of other files."""
Imported = Callable[[str, str], Iterable[str]]
"""From a file's path and its text to the paths that its imports may mean, whether there are such files or not."""
Choose = Callable[[str, Sequence[str]], Sequence[str]]
"""From the text before a caret and the texts of the files at hand to the parts of these that count."""


@dataclass(frozen=True, slots=True)
class OtherFiles:
    """How other files are used."""

    imported: Imported
    choose: Choose


def no_files(_path: str, _before: str) -> tuple[str, ...]:
    """Have nothing at hand."""
    return ()


def related_to(files: Sequence[SourceFile], others: OtherFiles) -> Related:
    """Return what chooses among the files at hand."""
    by_path = {file.path: file for file in files}

    @lru_cache(maxsize=1)
    def at_hand(path: str) -> tuple[str, ...]:
        return tuple(by_path[other].text for other in files_at_hand(path, by_path, others.imported))

    def related(path: str, before: str) -> tuple[str, ...]:
        return tuple(others.choose(before, at_hand(path)))

    return related


def files_at_hand(path: str, files: dict[str, SourceFile], imported: Imported) -> list[str]:
    """List the paths of the files at hand beside one."""
    folder = path.rpartition("/")[0]
    beside = (other for other in files if other.rpartition("/")[0] == folder)
    found = dict.fromkeys((*imported(path, files[path].text), *beside))
    return [other for other in found if other in files and other != path][:MOST_FILES]
