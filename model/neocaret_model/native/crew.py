"""Threads that help with passes: they sleep between them, and one that comes late is not waited for."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from neocaret_model.native.library import Library, NetworkC, PassC


@dataclass(slots=True)
class _Helper:
    bell: threading.Lock = field(default_factory=threading.Lock)
    """Held while there is nothing to do."""
    dismissed: bool = False

    def __post_init__(self) -> None:
        self.bell.acquire()

    def ring(self) -> None:
        if self.bell.locked():
            self.bell.release()


class Crew:
    """Runs one pass at a time, with as many threads as it asks for and memory that is kept from one to the next."""

    def __init__(self, library: Library, level: int) -> None:
        self._library = library
        self._level = level
        self._job = ctypes.create_string_buffer(library.job_bytes)
        self._scratch = torch.empty(0, dtype=torch.uint8)
        self._helpers: list[_Helper] = []
        self._busy = threading.Lock()
        weakref.finalize(self, _dismiss, self._helpers)

    def run(self, network: NetworkC, asked: PassC) -> None:
        """Run a pass to its end; its memory comes from here. What it points to must last until then."""
        with self._busy:
            asked.scratch = self._at_least(self._library.scratch_bytes(self._level, network, asked))
            while len(self._helpers) < asked.threads - 1:
                self._hire()
            for helper in self._helpers[: asked.threads - 1]:
                helper.ring()
            self._library.run(self._job, self._level, network, asked)

    def _at_least(self, size: int) -> int:
        """The address of so many bytes."""
        if self._scratch.nbytes < size:
            self._scratch = torch.empty(size, dtype=torch.uint8)
        return self._scratch.data_ptr()

    def _hire(self) -> None:
        helper = _Helper()
        arguments = (helper, self._library.help, self._job, len(self._helpers) + 1)
        threading.Thread(target=_help, args=arguments, name="neocaret-helper", daemon=True).start()
        self._helpers.append(helper)


def _help(helper: _Helper, help_with: Callable[[object, int], None], job: object, thread: int) -> None:
    while True:
        helper.bell.acquire()
        if helper.dismissed:
            return
        help_with(job, thread)


def _dismiss(helpers: list[_Helper]) -> None:
    for helper in helpers:
        helper.dismissed = True
        helper.ring()
