"""Whether the editor that started the server is still there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

_LOOK_EVERY_SECONDS = 0.5


async def watch(process_id: int, on_gone: Callable[[], None]) -> None:
    """Call back once the process has ended.

    A process that is not visible in the first place is not watched: an editor outside the container has a number
    that means nothing inside.
    """
    if not is_alive(process_id):
        return
    if (handle := _handle_of(process_id)) is None:
        while is_alive(process_id):  # noqa: ASYNC110 - no event tells of the end of another's process here
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
    else:
        await _until_ended(handle)
    on_gone()


def _handle_of(process_id: int) -> int | None:
    """Return what can be waited for where the system has such a thing, which is Linux; to be closed."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return os.pidfd_open(process_id)
    return None


async def _until_ended(handle: int) -> None:
    """Wait for the end of a process, be it one that nobody has waited for, and that still has its number."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


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
