"""Counts on their way to the disk: kept in memory at each key, and written now and then by a thread of its own."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import Counter
from collections.abc import Mapping

from neocaret_server.statistics import Of, language_label, model_label, total
from neocaret_server.statistics_file import StatisticsFile

WRITE_EVERY_SECONDS = 30.0
"""What a server that is killed loses at most."""
MOST_ROWS = 256
"""That wait to be written; what is beyond counts as other languages'."""
_CLOSE_SECONDS = 0.3
_log = logging.getLogger(__name__)


class Recorder:
    """Takes counts; without a file it keeps them for as long as it lives."""

    def __init__(self, write_every_seconds: float = WRITE_EVERY_SECONDS) -> None:
        self.on = True
        self._seconds = write_every_seconds
        self._file: StatisticsFile | None = None
        self._lock = threading.Lock()
        self._waiting: dict[Of, Counter[str]] = {}
        self._some = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed = False
        self._known: tuple[object, Counter[str]] = None, Counter()
        """What the file had of a day, and which version of it."""

    def keep_in(self, file: StatisticsFile) -> None:
        """Write what is counted there from now on."""
        self._file = file

    def count(self, model: str, language_id: str, counts: Mapping[str, int]) -> None:
        """Add to the counts of today; never waits for the disk."""
        if not self.on:
            return
        of = Of(_today(), model_label(model), language_label(language_id))
        with self._lock:
            if of not in self._waiting and len(self._waiting) >= MOST_ROWS:
                of = of._replace(language="other", model="other")
            self._waiting.setdefault(of, Counter()).update(counts)
        if self._file is not None:
            self._some.set()
            if self._thread is None:
                # A daemon, because the end of the process waits for it only so long.
                self._thread = threading.Thread(target=self._run, name="neocaret-statistics", daemon=True)
                self._thread.start()

    def today(self) -> Counter[str]:
        """Return all counts of today, those of other servers included as far as they are written.

        Reads the disk, the whole month where its file has changed.
        """
        day = _today()
        with self._lock:
            waiting = [counts for of, counts in self._waiting.items() if of.day == day]
            summed = total(waiting)
        return summed if self._file is None else total([summed, self._written(self._file, day)])

    def write(self) -> None:
        """Write what waits, so that whoever reads the files finds all of it; what cannot be written waits on."""
        if (file := self._file) is None:
            return
        with self._lock:
            rows, self._waiting = self._waiting, {}
        if not rows:
            return
        try:
            file.add(rows)
        except OSError as error:
            self._note(error)
            with self._lock:
                for of, counts in rows.items():
                    self._waiting[of] = total([counts, self._waiting.get(of, {})])

    def close(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Write what is left, if that takes no longer than this."""
        self._closing.set()
        self._some.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _written(self, file: StatisticsFile, day: str) -> Counter[str]:
        # Looked at before it is read: what is written meanwhile is read the next time.
        version = day, file.version(day[:7])
        known, counts = self._known
        if version != known:
            try:
                counts = total(counts for of, counts in file.read(day[:7]).items() if of.day == day)
            except OSError as error:
                self._note(error)
                return Counter()
            self._known = version, counts
        return counts

    def _run(self) -> None:
        while not self._closing.is_set():
            self._some.wait()
            self._closing.wait(self._seconds)
            self._some.clear()
            self.write()
        self.write()

    def _note(self, error: OSError) -> None:
        if not self._failed:
            _log.warning("the statistics cannot be kept for now: %s", error.strerror or type(error).__name__)
        self._failed = True


def _today() -> str:
    return dt.datetime.now().astimezone().date().isoformat()
