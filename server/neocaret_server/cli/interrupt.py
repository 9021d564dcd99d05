"""Ctrl-C during work that may swallow it."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

from neocaret_server.backend import BackendError, CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextlib.contextmanager
def interruptible() -> Iterator[CancelToken]:
    """Yield a token that Ctrl-C sets, and end with `KeyboardInterrupt` if it did.

    Compiled modules lose an exception that is raised while they are imported, as torch does for seconds;
    the token remembers.
    """
    cancel = CancelToken()

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        cancel.cancel()
        raise KeyboardInterrupt

    with _handled(interrupt), _told_as_interrupt(cancel):
        yield cancel
    if cancel.cancelled:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    # Only the main thread may; a test runs a command in another.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _told_as_interrupt(cancel: CancelToken) -> Iterator[None]:
    try:
        yield
    except BackendError as error:
        if cancel.cancelled:
            raise KeyboardInterrupt from error
        raise
