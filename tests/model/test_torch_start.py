"""torch as the server imports it is torch: what was left is there as soon as it is asked for, and by whoever asks."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from types import FunctionType

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


def test_what_nothing_here_needs_is_loaded_when_it_is_asked_for() -> None:
    left = "print('torch._refs' in sys.modules, gc.isenabled(), gc.get_freeze_count() > 0)"
    asked = "print(torch.export.Dim('n').__name__, torch.export.__spec__.loader.__class__.__name__)"
    assert run(f"{IMPORT} {left}; {asked}") == "False True True\nn SourceFileLoader"


@pytest.mark.parametrize(
    "use",
    [
        "torch.distributions.Normal(0.0, 1.0).sample()",
        "torch.masked.masked_tensor",
        "torch.nn.intrinsic.ConvReLU1d(torch.nn.Conv1d(1, 1, 1), torch.nn.ReLU())",
        "torch.optim.AdamW([torch.zeros(1, requires_grad=True)]).step()",
        "from torch.optim.lr_scheduler import LambdaLR; torch.optim.SGD",
        "torch.quantization.FakeQuantize()",
        f"torch._meta_registrations.aten; {META}",
    ],
)
def test_whatever_is_left_can_be_the_first_to_be_asked_for(use: str) -> None:
    left = "left = [name for name in start._LATER if type(sys.modules[name]) is start._LaterModule]"
    assert run(f"{IMPORT} import neocaret_model.torch_start as start; {left}; {use}; print(len(left))") == "7"


def test_frames_tell_their_source_lines_again() -> None:
    ask = "import inspect; print(inspect.getframeinfo.__module__, inspect.getmodule.__module__)"
    assert run(f"{IMPORT} {ask}") == "inspect inspect"


def test_a_traceback_tells_its_lines_meanwhile() -> None:
    with torch_start._without_source_lines():
        try:
            int("x")
        except ValueError as error:
            told = inspect.getframeinfo(error.__traceback__)  # type: ignore[arg-type]  # it is there
        here = inspect.getframeinfo(inspect.currentframe())  # type: ignore[arg-type]
        assert inspect.getmodule(inspect.currentframe()) is sys.modules[__name__]
        assert inspect.getmodule(torch_start.import_torch) is torch_start
    assert told.code_context == ['            int("x")\n']
    assert (here.filename, here.function, here.code_context) == (
        __file__,
        "test_a_traceback_tells_its_lines_meanwhile",
        None,
    )


def test_a_frame_outside_of_all_modules_has_none() -> None:
    nameless = FunctionType((lambda: inspect.getmodule(inspect.currentframe())).__code__, {"inspect": inspect})
    with torch_start._without_source_lines():
        assert nameless() is None


@pytest.mark.parametrize("user", ["transformers", "torch._dynamo"])
def test_what_was_left_is_loaded_for_those_who_do_not_ask(user: str) -> None:
    assert run(f"{IMPORT} import {user}; print('torch._refs' in sys.modules, {META})") == "True torch.Size([6])"


def test_a_version_that_was_not_tried_is_imported_whole() -> None:
    ask = "start._version = lambda: told + '.dev'; start._TRIED = (told + ' ',)"
    lines = "start._without_source_lines = None"
    code = f"import neocaret_model.torch_start as start; told = start._version(); {ask}; {lines}; start.import_torch()"
    seen = "import torch; print(told == torch.__version__, 'torch._refs' in sys.modules)"
    assert run(f"import sys; {code}; {seen}") == "True True"


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
