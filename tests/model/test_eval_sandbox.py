"""Every limit, by a program that runs into it. Where a program asserts that it was refused, passing is the proof."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from neocaret_model.evaluation import sandbox
from neocaret_model.evaluation.errors import EvaluationError
from neocaret_model.evaluation.sandbox import Limits, require_sandbox, run_program

# Generous, for a machine that is busy: most programs need a twentieth of a second.
LIMITS = Limits(seconds=30)
SHORT = Limits(seconds=1)

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="limits that Windows does not have")


def verdict(program: str, limits: Limits = LIMITS) -> str:
    return run_program(program, limits).verdict


def refused(statement: str) -> str:
    """A program that comes to its end only where the statement is refused."""
    return f"try:\n    {statement}\nexcept PermissionError:\n    pass\nelse:\n    raise AssertionError\n"


# The verdict


@pytest.mark.parametrize("program", ["", "x = 1\nassert x == 1", "import collections, heapq, math, re, typing"])
def test_program_that_comes_to_its_end_passes(program: str) -> None:
    assert verdict(program) == "passed"


@pytest.mark.parametrize(
    "program",
    [
        "assert False",
        "x = (",
        "raise KeyboardInterrupt",
        "raise SystemExit",
        "raise SystemExit(0)",
        "import sys; sys.exit()",
        "import os; os._exit(0)",
        "import os; os.abort()",
        "def f(): return f()\nf()",
    ],
)
def test_program_that_ends_early_fails_however_it_ends(program: str) -> None:
    assert verdict(program) == "failed"


def test_recursion_without_an_end_does_not_pass() -> None:
    assert verdict("import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()", Limits(3)) != "passed"


def test_end_of_the_process_in_the_middle_of_a_check_is_no_pass() -> None:
    function = "import os\ndef f(x):\n    os._exit(0)\n"
    assert verdict(function + "def check(f):\n    assert f(1) == 2\ncheck(f)\n") == "failed"


@pytest.mark.parametrize(
    "program",
    [
        "import builtins\nbuiltins.AssertionError = None\nassert False",
        "import builtins\nbuiltins.exec = builtins.compile = print\nassert False",
        "import os\nos._exit = os.write = print\nassert False",
        "import sys\nsys.exit = sys.excepthook = print\nassert False",
    ],
)
def test_what_a_program_replaces_makes_it_not_pass(program: str) -> None:
    assert verdict(program) == "failed"


@pytest.mark.parametrize(
    "program",
    [
        "import builtins\nbuiltins.exec = builtins.len = builtins.print = None",
        "import os\nos.write = os._exit = None",
        "import sys\nsys.stdout = sys.stderr = sys.stdin = None\nsys.modules.clear()",
    ],
)
def test_what_a_program_replaces_costs_it_nothing(program: str) -> None:
    assert verdict(program) == "passed"


def test_anything_else_on_the_way_of_the_proof_is_no_proof() -> None:
    write = "    try:\n        os.write(number, b'x' * 100)\n    except OSError:\n        pass\n"
    assert verdict("import os\nfor number in range(3, 20):\n" + write) == "failed"


def test_code_is_not_compiled_with_our_own_future() -> None:
    assert verdict("def f(x: 1 + 1): pass\nassert f.__annotations__ == {'x': 2}") == "passed"


def test_program_sees_no_input_no_environment_and_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEOCARET_SECRET", "x")
    looks = "import os, sys\nassert sys.stdin.read() == ''\nassert 'NEOCARET_SECRET' not in os.environ\n"
    assert verdict(looks + "assert os.listdir() == []") == "passed"


# Time


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "import time; time.sleep(600)",
        "while True: print('x' * 100000)",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import signal\nfor number in (2, 14, 15): signal.signal(number, lambda *_: None)\nwhile True: pass",
    ],
)
def test_program_without_an_end_is_ended(program: str) -> None:
    began = time.perf_counter()
    assert verdict(program, SHORT) == "timeout"
    assert time.perf_counter() - began < 20


@unix_only
@pytest.mark.parametrize("program", ["while True: pass", "import time; time.sleep(600)"])
def test_time_is_limited_whoever_watches(program: str, tmp_path: Path) -> None:
    task = {"program": program, "nonce": "n", "seconds": 1, "memory_bytes": 10**9}
    done = subprocess.run(
        [sys.executable, "-I", str(sandbox._RUNNER)],
        input=json.dumps(task).encode(),
        capture_output=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode in {-signal.SIGXCPU, -signal.SIGALRM}
    assert done.stdout in {b"0", b"1"}


@unix_only
@pytest.mark.parametrize("program", ["while True: pass", "import time; time.sleep(600)"])
def test_program_that_the_system_ended_for_its_time_has_timed_out(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Never(threading.Timer):
        def run(self) -> None:
            self.finished.wait()

    monkeypatch.setattr(threading, "Timer", Never)
    assert verdict(program, SHORT) == "timeout"


# Memory


@unix_only
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not hold programs to their address space")
def test_ten_gigabytes_are_not_to_be_had() -> None:
    assert verdict("bytearray(10**10)") == "failed"
    assert (
        verdict("try:\n    bytearray(10**10)\nexcept MemoryError:\n    pass\nelse:\n    raise AssertionError")
        == "passed"
    )
    assert verdict("x = []\nwhile True: x.append(bytearray(10**7))") == "failed"


# Processes


@unix_only
@pytest.mark.parametrize(
    "statement",
    [
        "import os; os.fork()",
        "import os; os.forkpty()",
        "import pty; pty.spawn('/bin/true')",
        "import os; os.system('true')",
        "import os; os.popen('true')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "import os; os.kill(os.getppid(), 9)",
        "import os; os.killpg(0, 9)",
    ],
)
def test_no_process_is_started_and_none_is_sent_a_signal(statement: str) -> None:
    if "popen" in statement:
        assert verdict(statement) == "failed"  # popen needs a module that is withheld
    else:
        assert verdict(refused(statement)) == "passed"


@pytest.mark.parametrize("module", ["subprocess", "ctypes", "multiprocessing.shared_memory", "_posixsubprocess"])
def test_modules_that_could_start_processes_or_call_anything_are_withheld(module: str) -> None:
    missing = f"try:\n    import {module}\nexcept ImportError:\n    pass\nelse:\n    raise AssertionError\n"
    assert verdict(missing) == "passed"


# Files


@pytest.mark.parametrize(
    "statement",
    [
        "open('made', 'w')",
        "open('made', 'x')",
        "open('made', 'ab')",
        "open('made', 'r+')",
        "import os; os.open('made', os.O_CREAT | os.O_WRONLY)",
        "import os; os.mkdir('made')",
        "import os; os.remove(TARGET)",
        "import os; os.rename(TARGET, 'made')",
        "import os; os.truncate(TARGET, 0)",
        "import os; os.symlink('x', 'made')",
        "import os; os.chmod(TARGET, 0)",
        "import os; os.chdir('/')",
        "import shutil; shutil.rmtree('.')",
        "import pathlib; pathlib.Path(TARGET).write_text('x')",
        "import pathlib; pathlib.Path(TARGET).unlink()",
        "import tempfile; tempfile.mkdtemp(dir='.')",
    ],
)
def test_no_file_is_changed(statement: str, tmp_path: Path) -> None:
    target = tmp_path / "kept"
    target.write_text("kept")
    assert verdict(f"TARGET = {str(target)!r}\n" + refused(statement)) == "passed"
    assert target.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [target]


def test_databases_are_files_too() -> None:
    pytest.importorskip("sqlite3")
    assert verdict(refused("import sqlite3; sqlite3.connect('made')")) == "passed"


@unix_only
def test_pipes_with_names_cannot_be_made() -> None:
    assert verdict("import os\nassert not hasattr(os, 'mkfifo')\nassert not hasattr(os, 'mknod')") == "passed"


def test_files_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("b")
    assert verdict(f"assert open({str(tmp_path / 'a')!r}).read() == 'b'") == "passed"


def test_folder_is_deleted_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for program in ("", "assert False", "while True: pass"):
        run_program(program, SHORT)
    assert list(tmp_path.iterdir()) == []


# The network


@pytest.mark.parametrize(
    "statement",
    [
        "import socket; socket.socket()",
        "import socket; socket.create_connection(('127.0.0.1', PORT))",
        "import socket; socket.getaddrinfo('localhost', PORT)",
        "import http.client; http.client.HTTPConnection('127.0.0.1', PORT).connect()",
    ],
)
def test_nothing_is_reached(statement: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        assert verdict(f"PORT = {server.getsockname()[1]}\n" + refused(statement)) == "passed"
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_network_of_a_program_that_runs_alone_has_no_way_out() -> None:
    # Each namespace lists its own devices.
    run = run_program(
        "names = [line.split(':')[0].strip() for line in open('/proc/net/dev')][2:]\nassert set(names) <= {'lo'}",
        LIMITS,
    )
    if not run.alone:
        pytest.skip("this machine gives no network namespace")
    assert run.verdict == "passed"


# The runner itself


def test_sandbox_that_runs_nothing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise SystemExit\n")
    monkeypatch.setattr(sandbox, "_RUNNER", tmp_path / "broken.py")
    with pytest.raises(EvaluationError, match="cannot be run here"):
        require_sandbox(LIMITS)


def test_sandbox_that_runs_programs_says_whether_they_are_alone() -> None:
    assert require_sandbox(LIMITS) is run_program("", LIMITS).alone


@unix_only
def test_no_file_stays_open_and_no_process_stays() -> None:
    run_program("", LIMITS)
    before = len(list(Path("/dev/fd").iterdir()))
    run_program("while True: pass", SHORT)
    assert len(list(Path("/dev/fd").iterdir())) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
