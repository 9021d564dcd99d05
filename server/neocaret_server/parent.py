"""Whether the editor that started the server is still there."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

_LOOK_EVERY_SECONDS = 1.0


async def watch(process_id: int, on_gone: Callable[[], None]) -> None:
    """Call back once the process has ended.

    A process that is not visible in the first place is not watched: an editor outside the container has a number
    that means nothing inside.
    """
    if not is_alive(process_id):
        return
    while is_alive(process_id):  # noqa: ASYNC110 - no event tells of the end of another's process
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    on_gone()


def is_alive(process_id: int) -> bool:
    """Say whether a process runs; without touching it."""
    return _is_alive_on_windows(process_id) if sys.platform == "win32" else _is_alive_on_posix(process_id)


def _is_alive_on_posix(process_id: int) -> bool:
    if process_id <= 0:
        return False
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _is_alive_on_windows(process_id: int) -> bool:
    # os.kill ends the process there, whatever the signal.
    import ctypes

    synchronize, timed_out = 0x00100000, 0x102
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - the name exists on Windows only
    handle = kernel.OpenProcess(synchronize, False, process_id)
    if not handle:
        return False
    try:
        return bool(kernel.WaitForSingleObject(handle, 0) == timed_out)
    finally:
        kernel.CloseHandle(handle)
