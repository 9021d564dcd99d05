"""What a process takes of the machine, as `/proc` tells it; None on systems without."""

from __future__ import annotations

import os
import re
from pathlib import Path

_KIB = 1024


def resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process."""
    found = re.search(r"^VmRSS:\s*(\d+) kB", _read(pid, "status"), re.MULTILINE)
    return int(found[1]) * _KIB if found else None


def processor_seconds(pid: int) -> float | None:
    """Return how long processors have worked for a process, all of its threads together."""
    # The name of the program, in brackets, may hold anything; the times are the 12th and 13th field behind it.
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") if fields else None


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
