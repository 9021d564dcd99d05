"""The compiled library under GCC's sanitizers: no memory but its own, and nothing that C leaves open."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ("test_native.py", "test_network.py", "test_choice.py", "conftest.py")


def sanitizers() -> list[str]:
    """Their libraries, which must be loaded before Python's own."""
    gcc = shutil.which("gcc")
    if gcc is None:
        return []
    names = ("libasan.so", "libubsan.so")
    found = [
        subprocess.run([gcc, f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in names
    ]
    return found if all(Path(path).is_absolute() for path in found) else []


@pytest.mark.slow
def test_passes_touch_no_memory_but_their_own(tmp_path: Path) -> None:
    loaded = sanitizers()
    if not loaded:
        pytest.skip("GCC's sanitizers are not here")
    shutil.copytree(ROOT / "model" / "neocaret_model", tmp_path / "neocaret_model")
    for name in TESTS:
        shutil.copy(ROOT / "tests" / "model" / name, tmp_path / name)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "model" / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    hatch_build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hatch_build)
    flags = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-Wall", "-Wextra", "-Werror"]
    hatch_build.build(["gcc", *flags], tmp_path / "neocaret_model" / "native" / "libneocaret.so")
    environment = {
        **os.environ,
        "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
        "LD_PRELOAD": " ".join(loaded),
        "PYTHONPATH": str(tmp_path),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tmp_path}",
        *TESTS[:3],
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
