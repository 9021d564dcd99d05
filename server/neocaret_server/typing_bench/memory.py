"""What a process has in memory."""

from __future__ import annotations

import re
from pathlib import Path

_KIB = 1024


def resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process; None where the system does not tell it in `/proc`."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"^VmRSS:\s*(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * _KIB if found else None
