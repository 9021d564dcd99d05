"""Compiles the library of `neocaret_model/native` into the wheel, where a compiler is to be had.

The machine's own compiler serves, if it compiles these sources; else pip fetches one as a package of its own for the
time of the build. Where that does not compile either, the wheel holds no library, and the model runs on torch alone:
slower, and otherwise the same. `NEOCARET_LIBRARY=no` in the environment asks for that, where pip can fetch nothing.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCES = Path(__file__).parent / "neocaret_model" / "native"
_TARGET = _SOURCES / "libneocaret.so"
_FLAGS = (
    "-O3",
    "-std=gnu11",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Wno-psabi",
)
_X86_LEVELS = {
    "avx2_level": ("AVX2", ("-march=haswell",)),
    "avx512_level": ("AVX-512", ("-march=cascadelake", "-mprefer-vector-width=512")),
    "bfloat16_level": ("AVX-512 with bfloat16", ("-march=cooperlake", "-mprefer-vector-width=512")),
}
_PLAIN_LEVEL: dict[str, tuple[str, tuple[str, ...]]] = {"plain_level": ("plain vectors", ())}
_X86 = ("x86_64", "AMD64")
_COMPILER_PACKAGE = "ziglang>=0.13"


class NativeBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Run by hatchling for each wheel, an editable one too."""

    def dependencies(self) -> list[str]:
        """Return what the build needs beside hatchling: a compiler, if the machine has none."""
        return [] if _unwanted() or _compiler_here() else [_COMPILER_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the interface's
        """Compile, and name the platform that the wheel is for."""
        if _unwanted():
            _remove()
            return
        try:
            build(_compiler_here() or [sys.executable, "-m", "ziglang", "cc"], _TARGET)
        except (OSError, subprocess.CalledProcessError) as error:
            _remove()
            self.app.display_warning(f"Without its compiled library, Neocaret is slower: {_said(error)}")
            return
        build_data["artifacts"].append(f"/{_TARGET.relative_to(self.root).as_posix()}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def build(compiler: list[str], target: Path) -> None:
    """Compile the library with a compiler that takes GCC's options; one that is in use is replaced, not changed.

    Raises:
        OSError, subprocess.CalledProcessError: it does not compile.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        objects = []
        for table, (name, flags) in _levels().items():
            objects.append(f"{folder}/{table}.o")
            names = (f"-DLEVEL={table}", f'-DNAME="{name}"')
            _run([*compiler, *_FLAGS, *flags, *names, "-c", str(_SOURCES / "level.c"), "-o", objects[-1]])
        library = Path(folder, target.name)
        _run([*compiler, *_FLAGS, "-shared", str(_SOURCES / "neocaret.c"), *objects, "-lm", "-o", str(library)])
        library.replace(target)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - a compiler's


def _unwanted() -> bool:
    return os.environ.get("NEOCARET_LIBRARY", "").lower() == "no"


def _remove() -> None:
    """Leave no library of older sources; one that is in use on Windows stays, and is of another interface."""
    with suppress(OSError):
        _TARGET.unlink(missing_ok=True)


@cache
def _compiler_here() -> list[str] | None:
    """The compiler that CC names, or a usual one, if it compiles these sources."""
    if os.name == "nt":
        return None  # MinGW's GCC places vectors where its own instructions may not read them (its bug 54412)
    named = os.environ.get("CC", "").split()
    return next((each for each in [named, ["cc"], ["gcc"], ["clang"]] if each and _compiles(each)), None)


def _compiles(compiler: list[str]) -> bool:
    """Try the newest instructions: older compilers do not know them."""
    table, (name, flags) = list(_levels().items())[-1]
    names = (f"-DLEVEL={table}", f'-DNAME="{name}"')
    try:
        _run([*compiler, *_FLAGS, *flags, *names, "-fsyntax-only", str(_SOURCES / "level.c")])
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _levels() -> dict[str, tuple[str, tuple[str, ...]]]:
    return _X86_LEVELS if platform.machine() in _X86 else _PLAIN_LEVEL


def _said(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    return str(said).strip().splitlines()[-1] if str(said).strip() else type(error).__name__
