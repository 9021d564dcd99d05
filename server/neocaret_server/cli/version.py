"""`neocaret --version`."""

from __future__ import annotations

import sys
from importlib import metadata


def version() -> int:
    """Print the version."""
    sys.stdout.write(f"neocaret {metadata.version('neocaret')}\n")
    return 0
