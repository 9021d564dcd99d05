"""`neocaret --version`."""

from __future__ import annotations

import sys

from neocaret_server import __version__


def version() -> int:
    """Print the version."""
    sys.stdout.write(f"neocaret {__version__}\n")
    return 0
