"""torch as the server imports it is torch: what was left is there as soon as it is asked for, and by whoever asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neocaret_model import torch_start

SECONDS = 120
IMPORT = "import gc, sys; from neocaret_model.torch_start import import_torch; import_torch(); import torch;"
META = "torch.pdist(torch.empty(4, 3, device='meta')).shape"
"""An operator that only a module that is left knows on such tensors."""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_only_compilers_need_is_loaded_when_it_is_asked_for() -> None:
    left = "print('torch._refs' in sys.modules, gc.isenabled(), gc.get_freeze_count() > 0)"
    asked = "print(torch.export.Dim('n').__name__, torch.export.__spec__.loader.__class__.__name__)"
    assert run(f"{IMPORT} {left}; {asked}") == "False True True\nn SourceFileLoader"


@pytest.mark.parametrize("user", ["transformers", "torch._dynamo"])
def test_what_was_left_is_loaded_for_those_who_do_not_ask(user: str) -> None:
    assert run(f"{IMPORT} import {user}; print('torch._refs' in sys.modules, {META})") == "True torch.Size([6])"


def test_a_version_that_was_not_tried_is_imported_whole() -> None:
    ask = "start._version = lambda: told + '.dev'; start._TRIED = (told + ' ',); start.import_torch()"
    code = f"import neocaret_model.torch_start as start; told = start._version(); {ask}; import torch"
    assert run(f"import sys; {code}; print(told == torch.__version__, 'torch._refs' in sys.modules)") == "True True"


def test_a_torch_whose_libraries_are_elsewhere_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_start, "_folders", lambda: [Path("/nowhere")])
    torch_start._load_libraries()
    assert torch_start._version() == ""


def test_engines_write_the_same_whichever_way_torch_is_loaded() -> None:
    wait = "[each.join() for each in threading.enumerate() if each.name == 'neocaret-preload']"
    mapped = "assert sys.platform != 'linux' or 'libtorch_cpu' in open('/proc/self/maps').read()"
    early = f"import sys, threading; from neocaret_model.torch_start import *; preload_libraries(); {wait}; {mapped};"
    ask = (
        "from neocaret_model.loading import load_engine; from neocaret_model.engine.port import *;"
        "rows = (Sampling(), Sampling(0.8, top_p=0.9, seed=1));"
        "print(load_engine('bundled', 'cpu').generate(GenerationRequest('import os', rows, 24)).continuations)"
    )
    assert run(f"{early} {IMPORT} {ask}") == run(ask)
