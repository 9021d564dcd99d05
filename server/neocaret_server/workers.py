"""Threads for what waits for the disk; the end of the process does not wait for them for long."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

END_SECONDS = 0.3
"""For a file that is being written: what is under way then is given up."""
_THREADS = 8


class Workers(ThreadPoolExecutor):
    """An event loop's default executor: a disk or a share that does not answer holds up no exit."""

    def __init__(self) -> None:
        super().__init__(_THREADS, thread_name_prefix="neocaret-worker")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give up what has not begun, and wait a moment for the rest where `wait` asks for it."""
        super().shutdown(wait=False, cancel_futures=wait or cancel_futures)
        end = time.monotonic() + END_SECONDS
        for thread in tuple(self._threads) if wait else ():
            thread.join(max(0.0, end - time.monotonic()))
