"""The threads that share a pass: they sleep between passes, and one that comes late is not waited for."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from neocaret_model.native.library import Library, NetworkC, PassC


@dataclass(slots=True)
class _Worker:
    asleep: threading.Lock = field(default_factory=threading.Lock)
    """Held while there is nothing to do."""
    stopped: bool = False

    def __post_init__(self) -> None:
        self.asleep.acquire()

    def wake(self) -> None:
        if self.asleep.locked():
            self.asleep.release()


class Team:
    """Runs one pass at a time, with as many threads as it asks for and memory that is kept from one to the next."""

    def __init__(self, library: Library, level: int) -> None:
        self._library = library
        self._level = level
        self._job = ctypes.create_string_buffer(library.job_bytes)
        self._scratch = torch.empty(0, dtype=torch.uint8)
        self._workers: list[_Worker] = []
        self._busy = threading.Lock()
        weakref.finalize(self, _stop, self._workers)

    def run(self, network: NetworkC, asked: PassC) -> None:
        """Run a pass to its end; its memory comes from here. What it points to must last until then."""
        with self._busy:
            asked.scratch = self._at_least(self._library.scratch_bytes(self._level, network, asked))
            while len(self._workers) < asked.threads - 1:
                self._start()
            for worker in self._workers[: asked.threads - 1]:
                worker.wake()
            self._library.run(self._job, self._level, network, asked)

    def _at_least(self, size: int) -> int:
        """The address of so many bytes."""
        if self._scratch.nbytes < size:
            self._scratch = torch.empty(size, dtype=torch.uint8)
        return self._scratch.data_ptr()

    def _start(self) -> None:
        worker = _Worker()
        arguments = (worker, self._library.help, self._job, len(self._workers) + 1)
        threading.Thread(target=_help, args=arguments, name="neocaret-worker", daemon=True).start()
        self._workers.append(worker)


def _help(worker: _Worker, help_with: Callable[[object, int], None], job: object, thread: int) -> None:
    while True:
        worker.asleep.acquire()
        if worker.stopped:
            return
        help_with(job, thread)


def _stop(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.stopped = True
        worker.wake()
