"""The real command line, which gets nothing heavy to import before a file exists: `held_back.py FILE`."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

HEAVY = frozenset({"asyncio", "dataclasses", "importlib.metadata", "logging", "lsprotocol", "pygls", "typer"})


class Gate:
    """An import hook that finds nothing, and takes its time."""

    def __init__(self, opens: str) -> None:
        self._opens = opens

    def find_spec(self, name: str, *_args: Any) -> None:
        """Wait until the import may go on."""
        while name in HEAVY and not os.path.exists(self._opens):  # noqa: PTH110 - pathlib is heavy too
            time.sleep(0.005)


def run() -> int:
    """Run the command line behind the gate."""
    assert HEAVY.isdisjoint(sys.modules)
    sys.meta_path.insert(0, Gate(sys.argv.pop(1)))
    from neocaret_server.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
