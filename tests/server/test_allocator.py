"""Large blocks that are freed are the system's again, also after larger ones were."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from neocaret_server import allocator

_PROGRAM = """
import ctypes, sys
from neocaret_server.allocator import give_large_blocks_back

class Info(ctypes.Structure):
    _fields_ = [(str(number), ctypes.c_size_t) for number in range(10)]

library = ctypes.CDLL(None)
library.mallinfo2.restype = Info
if sys.argv[1] == "asked":
    assert give_large_blocks_back()
larger = bytearray(16 * 1024**2)
del larger
before = getattr(library.mallinfo2(), "3")
block = bytearray(2 * 1024**2)
print(getattr(library.mallinfo2(), "3") - before)  # blocks that have pages of their own
"""


def _blocks(how: str) -> int:
    environment = {"PATH": ""}
    command = [sys.executable, "-P", "-c", _PROGRAM, how]
    return int(subprocess.run(command, check=True, capture_output=True, env=environment, timeout=60).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has to be told")
def test_a_large_block_has_pages_of_its_own_after_a_larger_one_was_freed() -> None:
    assert _blocks("by itself") == 0
    assert _blocks("asked") == 1


@pytest.mark.parametrize("name", ["GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"])
def test_what_the_user_has_chosen_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    assert not allocator.give_large_blocks_back()


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocator.give_large_blocks_back()
