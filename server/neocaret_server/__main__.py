"""`python -m neocaret_server`: the same as the console script."""

from __future__ import annotations

import sys

from neocaret_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
