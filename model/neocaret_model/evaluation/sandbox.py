"""Runs programs that nobody has read, each in a fresh process with limits, and tells which came to their end.

That a process ended well proves nothing, since the program may have ended it: it must hand back, after its last line,
a number that it is not shown. What a program is kept from is listed in `sandboxed.py`. On macOS its memory is not
limited; on Windows nothing is but its time on the clock, and what audit events refuse.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Literal

from neocaret_model.evaluation.errors import EvaluationError

Verdict = Literal["passed", "failed", "timeout"]

_RUNNER = Path(__file__).with_name("sandboxed.py")
_OUT_OF_TIME = frozenset() if sys.platform == "win32" else frozenset({-signal.SIGXCPU, -signal.SIGALRM})
"""How a process ends that has reached a limit of the system's on its time before ours."""
_TO_START_PYTHON = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may take."""

    seconds: int = 5
    """Of processor time and on the clock, the start of Python included."""
    memory_bytes: int = 1024**3
    """Of address space."""


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a program."""

    verdict: Verdict
    alone: bool
    """Whether it ran in a network namespace of its own."""


def require_sandbox(limits: Limits) -> bool:
    """Make sure that a program can pass here; return whether programs get a network namespace of their own.

    Raises:
        EvaluationError: not even an empty program comes to its end.
    """
    run = run_program("", limits)
    if run.verdict != "passed":
        raise EvaluationError(
            f"Programs cannot be run here within {limits.seconds} s and {limits.memory_bytes // 1024**2} MiB: "
            "this machine does not let them start."
        )
    return run.alone


def run_program(program: str, limits: Limits) -> Run:
    """Run a program in a folder of its own, which is deleted; it has passed where it came to its end."""
    nonce = secrets.token_hex(16)
    task = {"program": program, "nonce": nonce, "seconds": limits.seconds, "memory_bytes": limits.memory_bytes}
    late = threading.Event()
    with _started(task) as (child, output):

        def stop() -> None:
            late.set()
            _kill(child)

        timer = threading.Timer(limits.seconds, stop)
        timer.start()
        try:
            # One byte too many is enough to know that this is no proof.
            proof = output.read(len(nonce) + 2).decode("latin-1")
        finally:
            timer.cancel()
            _kill(child)
    timed_out = late.is_set() or child.returncode in _OUT_OF_TIME
    verdict: Verdict = "passed" if proof[1:] == nonce else "timeout" if timed_out else "failed"
    return Run(verdict, alone=proof[:1] == "1")


@contextlib.contextmanager
def _started(task: dict[str, object]) -> Iterator[tuple[subprocess.Popen[bytes], BinaryIO]]:
    """Start a process with a task, and yield it with its output; whoever takes it ends it."""
    with (
        tempfile.TemporaryDirectory(prefix="neocaret-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as given,
    ):
        given.write(json.dumps(task).encode())
        given.seek(0)
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as output:
            try:
                child = _popen(folder, given, writing)
            finally:
                os.close(writing)
            with child:
                yield child, output


def _popen(folder: str, given: IO[bytes], writing: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - this very Python and a file of ours
        [sys.executable, "-I", "-B", str(_RUNNER)],
        stdin=given,
        stdout=writing,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={name: os.environ[name] for name in _TO_START_PYTHON if name in os.environ},
        start_new_session=True,
    )


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kill the process and all that it started; it has not been waited for, so its number is still its own."""
    if sys.platform == "win32":
        child.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
