"""A model that is unloaded is gone, also the one whose loading has imported torch."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from neocaret_server.backend import CancelToken, CompletionRequest, ModelChoice
from neocaret_server.model_backend import ModelBackend
backend = ModelBackend()
kept = lambda: sum(type(each).__name__ in {"Network", "NativeNetwork"} for each in gc.get_objects())
backend.load(ModelChoice(), lambda _: None, CancelToken())
backend.complete(CompletionRequest("x = ", max_new_tokens=2), CancelToken())
before = kept()
backend.unload()
print(before, kept())
"""


def test_network_is_gone_once_it_is_unloaded() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0"]
