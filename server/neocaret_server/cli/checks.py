"""What `neocaret doctor` looks at, one function each; slow ones last."""

from __future__ import annotations

import logging
import platform
import shutil
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from neocaret_server.backend import BackendError, CompletionRequest, ModelChoice
from neocaret_server.cli.interrupt import interruptible
from neocaret_server.cli.output import clean_output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neocaret_server.cli.services import Services
    from neocaret_server.model_backend import Machine

_OLDEST_PYTHON = (3, 11)
_PACKAGES = ("neocaret", "torch", "transformers", "tokenizers", "safetensors", "huggingface-hub", "pygls", "lsprotocol")
_REINSTALL = "install Neocaret again with `pip install --force-reinstall neocaret`"
_GIGABYTE = 1000**3

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    """What to do, where something is wrong."""


def all_checks(services: Services, model: str = "") -> Iterator[Check]:
    """Look at everything, also at a `model` if one is named, and yield each finding as soon as it is there."""
    yield _python()
    yield from map(_package, _PACKAGES)
    yield from _machine(services)
    yield _model(services, "bundled model", ModelChoice(), _REINSTALL)
    if model:
        yield _model(services, "named model", ModelChoice(model), "name another model, or mend this one")


def _python() -> Check:
    detail = f"{platform.python_version()} on {platform.platform()}"
    if sys.version_info >= _OLDEST_PYTHON:
        return Check("python", True, detail)
    return Check("python", False, detail, "install Python 3.11 or later")


def _package(name: str) -> Check:
    try:
        return Check(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, False, "not installed", _REINSTALL)


def _machine(services: Services) -> Iterator[Check]:
    try:
        machine = services.inspect_machine()
    # A broken installation of torch raises whatever its shared libraries make it raise.
    except Exception as error:
        logger.exception("torch cannot be used")
        yield Check("torch works", False, f"{type(error).__name__}: {error}".splitlines()[0], _REINSTALL)
        return
    yield Check("cpu", True, f"{machine.threads} thread{'' if machine.threads == 1 else 's'}")
    without = "none that fits this processor and version: PyTorch computes, more slowly"
    yield Check("own library", True, machine.compiled or without)
    yield Check("cuda", True, machine.cuda or "not found")
    yield Check("mps", True, "found" if machine.mps else "not found")
    yield Check("device auto", True, machine.automatic)
    yield _disk(machine)


def _disk(machine: Machine) -> Check:
    folder = Path(machine.cache_folder)
    existing = next((one for one in (folder, *folder.parents) if one.is_dir()), Path.cwd())
    free = shutil.disk_usage(existing).free
    detail = f"{folder}, {free / _GIGABYTE:.1f} GB free"
    if free >= _GIGABYTE:
        return Check("model cache", True, detail)
    return Check("model cache", False, detail, "make room, or set HF_HOME to a folder on a larger disk")


def _model(services: Services, name: str, choice: ModelChoice, advice: str) -> Check:
    backend = services.new_backend()
    request = CompletionRequest("import ", candidates=1, max_new_tokens=8)
    start = time.perf_counter()
    try:
        with clean_output(), interruptible() as cancel:
            info = backend.load(choice, lambda _: None, cancel)
            loaded = time.perf_counter()
            completion = backend.complete(request, cancel)
    except BackendError as error:
        return Check(name, False, str(error), advice)
    answered = time.perf_counter()
    tokens = completion.candidates[0].tokens
    note = f". {info.note}" if info.note else ""
    return Check(
        name,
        True,
        f"{info.parameters / 1000**2:.3g} M parameters on {info.device} in {info.dtype}:"
        f" loaded in {loaded - start:.1f} s, {tokens} tokens in {(answered - loaded) * 1000:.0f} ms{note}",
    )
