"""The statistics on the disk: a file for each month, a line of JSON for each time that counts were written.

- Who writes holds a lock, adds one line, and lets go: several servers lose nothing. A line that a kill or a full disk
  cut off is passed over, since the next one begins on a line of its own.
- A month that grows long is rewritten with one line for each day, model and language, and the file replaced at once.
- The newest months are kept, so the whole has a bound.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from neocaret_server.statistics import Of, is_count, total

MOST_BYTES = 1024**2
"""Of a month, before its lines are added up."""
MOST_ROWS = 1000
"""Of a month that has been added up; what is beyond counts as other models' and languages'."""
MOST_MONTHS = 24
FOLDER_VARIABLE = "NEOCARET_STATE_FOLDER"

_LOCK_SECONDS = 1.0
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Rows = Mapping[Of, Mapping[str, int]]


def state_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return where a program keeps what it has counted, as each system has it.

    Raises:
        RuntimeError: the user has no home.
    """
    if chosen := environment.get(FOLDER_VARIABLE):
        return Path(chosen)
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "neocaret"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "neocaret"
    state = environment.get("XDG_STATE_HOME", "")
    # The specification has relative paths ignored.
    return (Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state") / "neocaret"


@dataclass(frozen=True, slots=True)
class StatisticsFile:
    """The files in a folder, which need not exist."""

    folder: Path

    def add(self, rows: Rows) -> None:
        """Write counts beside what is there; waits a moment for others who write.

        Raises:
            OSError: they could not be written, and none of them count.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            for month in {of.day[:7] for of in rows}:
                path = self.folder / f"statistics-{month}.jsonl"
                _append(path, {of: counts for of, counts in rows.items() if of.day.startswith(month)})
                if path.stat().st_size > MOST_BYTES:
                    _compact(path)
            for old in self.files()[:-MOST_MONTHS]:
                old.unlink()

    def read(self, month: str = "") -> dict[Of, Counter[str]]:
        """Return all counts, or those of a month such as `2026-11`; nothing where there are none.

        Raises:
            OSError: there are some that cannot be read.
        """
        return _summed(row for path in self.files() if month in path.name for row in _rows(path))

    def version(self, month: str) -> tuple[int, int, int] | None:
        """Return what changes whenever a month's file does; None where there is none."""
        try:
            found = (self.folder / f"statistics-{month}.jsonl").stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def files(self) -> list[Path]:
        """Return the files, the oldest month first."""
        return sorted(self.folder.glob("statistics-[0-9][0-9][0-9][0-9]-[0-9][0-9].jsonl"))

    def erase(self) -> list[Path]:
        """Remove the files; return those that there were.

        Raises:
            OSError: one of them could not be removed.
        """
        if not (files := self.files()):
            return []
        with self._locked():
            for path in files:
                path.unlink(missing_ok=True)
        return files

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock

        with FileLock(self.folder / "statistics.lock", timeout=_LOCK_SECONDS):
            yield


def _append(path: Path, rows: Rows) -> None:
    data = "".join(f"\n{_line(of, counts)}" for of, counts in rows.items()).encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, data) < len(data):
            os.ftruncate(descriptor, before)
            raise OSError("the disk is full")
    finally:
        os.close(descriptor)


def _compact(path: Path) -> None:
    rows = _summed(_rows(path))
    largest = sorted(rows, key=lambda of: sum(rows[of].values()), reverse=True)
    sizes = accumulate(len(_line(of, rows[of])) for of in largest)
    # Half of the bytes at most: the next lines shall not have it all added up again.
    kept = min(MOST_ROWS, sum(size <= MOST_BYTES // 2 for size in sizes))
    rest = ((Of(of.day, "other", "other"), rows[of]) for of in largest[kept:])
    rows = _summed([*((of, rows[of]) for of in largest[:kept]), *rest])
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    _append(new, rows)
    new.replace(path)


def _summed(rows: Iterable[tuple[Of, Mapping[str, int]]]) -> dict[Of, Counter[str]]:
    summed: dict[Of, Counter[str]] = {}
    for of, counts in rows:
        summed[of] = total([summed.get(of, {}), counts])
    return summed


def _line(of: Of, counts: Mapping[str, int]) -> str:
    return json.dumps({**of._asdict(), "counts": counts})


def _rows(path: Path) -> Iterator[tuple[Of, dict[str, int]]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            # One that was cut off, or that somebody else wrote.
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
                yield _row(json.loads(line))


def _row(row: Any) -> tuple[Of, dict[str, int]]:
    of = Of(row["day"], row["model"], row["language"])
    counts = {
        name: number for name, number in row["counts"].items() if is_count(name) and type(number) is int and number > 0
    }
    if not all(isinstance(each, str) for each in of) or not _DAY.fullmatch(of.day):
        raise ValueError
    return of, counts
