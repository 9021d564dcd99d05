"""torch, imported sooner: its largest library is loaded beside other work, and what nothing here needs is left.

A sixth of what `import torch` takes goes into linking one shared library, which needs no Python: a thread does it while
the server imports other things. A tenth goes into looking for garbage, of which there is none, and nearly as much into
reading the source lines of whoever registers an operator, which are not looked at. Another fifth goes into Python
modules that say how operators behave on tensors without numbers, into the exporter, and into what trains and draws:
they are loaded when somebody looks into them, or imports what builds on them, and nobody does where our own network
answers. With versions of torch in which that was not tried, it is not done.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import inspect
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any

from neocaret_model.threads import let_waiting_threads_sleep

_TRIED = ("2.13.",)
_LATER = frozenset(
    {
        "torch._meta_registrations",
        "torch.distributions",
        "torch.export",
        "torch.masked",
        "torch.nn.intrinsic",
        "torch.optim",
        "torch.quantization",
    }
)
_USERS = frozenset({"transformers", "torch._dynamo", "torch._inductor"})
"""What needs modules that are left, and does not look into them."""
_GENERATORS = "torch._prims.rng_prims"
"""Whoever leaves `_LATER` must import this: random generators cannot be made without."""

_LIBRARIES = ("libtorch_global_deps.so", "libtorch_cpu.so")
"""In the order in which torch loads them; the first for everyone. None of them knows Python."""


def preload_libraries() -> None:
    """Begin to load torch's libraries in a thread, on Linux; elsewhere, and where they do not load, do nothing."""
    if sys.platform == "linux" and "torch" not in sys.modules:
        let_waiting_threads_sleep()  # the libraries read it
        threading.Thread(target=_load_libraries, name="neocaret-preload", daemon=True).start()


def import_torch() -> None:
    """Import torch, unless it is there, and leave for later what can be left."""
    if "torch" in sys.modules:
        return
    with _without_collection(), contextlib.ExitStack() as until_imported:
        if _version().startswith(_TRIED):
            until_imported.enter_context(_without_source_lines())
            sys.meta_path.insert(0, _Finder())
            importlib.import_module(_GENERATORS)
        importlib.import_module("torch")


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Look for no garbage; what has been imported by the end is none, and is not looked at any more."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _without_source_lines() -> Iterator[None]:
    """Tell of frames where they are, and read no files for it; of modules, look through none for a frame's own."""
    whole, module = inspect.getframeinfo, inspect.getmodule

    def place(of: FrameType | TracebackType, context: int = 1) -> inspect.Traceback:
        if not inspect.isframe(of):
            return whole(of, context)
        return inspect.Traceback(of.f_code.co_filename, of.f_lineno, of.f_code.co_name, None, None)

    def own_module(of: object, _filename: str | None = None) -> ModuleType | None:
        # Code that was compiled and run may have no name of a module.
        return sys.modules.get(of.f_globals.get("__name__", "")) if inspect.isframe(of) else module(of, _filename)

    inspect.getframeinfo, inspect.getmodule = place, own_module  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getframeinfo, inspect.getmodule = whole, module


def _load_libraries() -> None:
    # torch's own import will tell what is wrong with them.
    with contextlib.suppress(OSError):
        for folder in _folders():
            for name, mode in zip(_LIBRARIES, (ctypes.RTLD_GLOBAL, ctypes.RTLD_LOCAL), strict=True):
                ctypes.CDLL(str(folder / "lib" / name), mode)  # lets go of the GIL meanwhile


def _folders() -> list[Path]:
    """Where torch is installed: one, or none."""
    spec = importlib.util.find_spec("torch")
    return [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]


def _version() -> str:
    """The version of torch, without importing it; nothing where it is told in a way that we do not know."""
    with contextlib.suppress(OSError):
        for folder in _folders():
            if told := re.search(r"^__version__ = '([^']+)'", (folder / "version.py").read_text(), re.MULTILINE):
                return told[1]
    return ""


class _Finder(MetaPathFinder):
    """Finds what is left for later, and sees who needs it."""

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name in _USERS:
            sys.meta_path.remove(self)
            for module in map(sys.modules.get, sorted(_LATER)):
                if isinstance(module, _LaterModule):
                    module.load()
        if name not in _LATER:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _LaterLoader(spec.loader)
        return spec


class _LaterLoader(Loader):
    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _LaterModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module empty."""


class _LaterModule(ModuleType):
    """Is filled when somebody asks for a name in it."""

    def load(self) -> None:
        """Fill it; from then on it is a module like any other."""
        spec = self.__spec__
        self.__class__ = ModuleType  # type: ignore[assignment]  # what it imports may ask it for a name
        if spec is not None and isinstance(spec.loader, _LaterLoader):
            self.__loader__ = spec.loader = spec.loader.loader
            spec.loader.exec_module(self)

    def __getattr__(self, name: str) -> Any:
        # `inspect` and others ask every module there is for names like `__wrapped__`.
        if name.startswith("__"):
            raise AttributeError(name)
        self.load()
        return getattr(self, name)
