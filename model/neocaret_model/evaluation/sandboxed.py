"""Runs one program that nobody has read, in a process that `sandbox` started for it; knows nothing of the package.

Standard input holds the task, and standard output takes the proof that the program ran to its end. Both are out of the
program's reach before it starts: it sees the null device in their place.

What it is kept from, in the order in which it is set up:

- the network: a network namespace of its own with nothing in it, where the system gives one (Linux), and no sockets;
- memory, processor time, processes, core dumps, and files with anything in them: limits of the system (Unix);
- processes, sockets, foreign functions, signals to others, and all changes to files: Python's audit events.

Audit events stop a program that does what programs do, not one written to break out of its interpreter.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

_NEW_USER = 0x10000000
_NEW_NETWORK = 0x40000000

_REFUSED = (
    "os.",
    "shutil.",
    "tempfile.",
    "socket.",
    "subprocess.",
    "ctypes.",
    "pty.",
    "signal.",
    "resource.",
    "fcntl.",
)
_REFUSED_ELSEWHERE = ("sqlite3.", "syslog.", "webbrowser.", "winreg.", "_winapi.", "msvcrt.")
_HARMLESS = frozenset(
    {"os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.getxattr", "os.listxattr", "os.putenv", "os.unsetenv"}
)
_WITHHELD = ("_ctypes", "_multiprocessing", "_posixshmem", "_posixsubprocess")
"""Modules that start processes, call foreign functions or make files without an audit event."""
_GRACE_SECONDS = 5
_WITHOUT_EVENT = ("chroot", "mkfifo", "mknod", "setpgid", "setpriority", "setsid")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main() -> None:
    """Run the task; the proof follows only a program that came to its end."""
    task = json.load(sys.stdin)
    proof = _take_streams()
    # A program may replace what it finds in `os`.
    write, leave = os.write, os._exit
    alone = _leave_network()
    _limit(task["memory_bytes"], task["seconds"])
    module = ModuleType("candidate")
    sys.modules[module.__name__] = module
    code = compile(task["program"], "candidate.py", "exec", dont_inherit=True)
    _withhold()
    sys.addaudithook(_refuse)
    write(proof, b"1" if alone else b"0")
    exec(code, module.__dict__)  # noqa: S102 - what this process is for
    write(proof, task["nonce"].encode())
    leave(0)


def _take_streams() -> int:
    """Put the null device in place of the standard streams; return where standard output went before."""
    proof = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
    return proof


def _leave_network() -> bool:
    """Enter a network namespace of our own; False where the system has none, or does not let us."""
    if sys.platform != "linux":
        return False
    import ctypes

    unshare: Callable[[int], int] = ctypes.CDLL(None).unshare
    return unshare(_NEW_USER | _NEW_NETWORK) == 0 or unshare(_NEW_NETWORK) == 0


def _limit(memory_bytes: int, seconds: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    limits = {"FSIZE": 0, "CORE": 0, "NPROC": 0}
    if sys.platform != "darwin":  # which may refuse to limit the address space, and never holds a program to it
        limits["AS"] = memory_bytes
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    # The first ends the program by a signal that tells why, the second one that ignores it.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + _GRACE_SECONDS))
    # Should whoever started us be gone, a program that sleeps would never reach the limit of its time.
    signal.alarm(2 * seconds)


def _withhold() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "ctypes"]:
        del sys.modules[name]
    withheld: dict[str, Any] = sys.modules
    withheld.update(dict.fromkeys(_WITHHELD))
    for module in (os, sys.modules[os.name if os.name == "nt" else "posix"]):
        for name in _WITHOUT_EVENT:
            if hasattr(module, name):
                delattr(module, name)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        _refuse_writing(*arguments)
    elif event.startswith((*_REFUSED, *_REFUSED_ELSEWHERE)) and event not in _HARMLESS:
        raise PermissionError(f"{event} is refused")


def _refuse_writing(path: object, mode: str | None, flags: int) -> None:
    # A number is a file that is open already, and none of those leads anywhere.
    if not isinstance(path, int) and (flags & _WRITING or (mode and set(mode) & set("wax+"))):
        raise PermissionError("writing is refused")


if __name__ == "__main__":
    main()
