"""How property tests run here: a busy machine is no failure."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "support"))

settings.register_profile("server", deadline=None)
settings.load_profile("server")
