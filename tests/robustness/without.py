"""Takes each protection out of a copy of the tree, and says whether its test fails there: minutes.

    python tests/robustness/without.py [WORDS]

With words, only what has them in its name. `test_without.py` sees that the pieces still stand where they stood.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

from removals import REMOVALS, Removal

ROOT = Path(__file__).parents[2]
COPIED = ("server", "model", "tests", "editors/vscode/package.json", "pyproject.toml", ".ci", "README.md")
SECONDS = 300


def copied(folder: Path) -> Path:
    """Copy what the tests need, with an environment that finds the packages there and all else here."""
    tree = folder / "tree"
    for name in COPIED:
        source, target = ROOT / name, tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    venv.create(folder / "venv", symlinks=True)
    own = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    found = [tree / "server", tree / "model", sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    Path(own, "tree.pth").write_text("".join(f"{each}\n" for each in found))
    return tree


def fails_without(removal: Removal, tree: Path) -> bool:
    """Take a protection out, run its test, and put it back; says whether the test fails.

    Raises:
        RuntimeError: there is no such test.
    """
    file = tree / removal.file
    text = file.read_text()
    file.write_text(text.replace(removal.old, removal.new))
    python = tree.parent / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    command = [str(python), "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", removal.test]
    # What Python has compiled may have the same size and the same second.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_text(text)
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"{removal.test} could not be run:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return done.returncode == 1


def main(words: list[str]) -> int:
    """Go through the list, and return how many tests stay green."""
    chosen = [each for each in REMOVALS if all(word in f"{each.row} {each.what}" for word in words)]
    green = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(Path(folder))
        for each in chosen:
            fails = fails_without(each, tree)
            green += not fails
            print("fails" if fails else "PASSES", f"{each.row}: {each.what}", each.test, sep=" | ", flush=True)  # noqa: T201
    print(f"{len(chosen)} protections taken out, {len(chosen) - green} tests failed")  # noqa: T201
    return green


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
