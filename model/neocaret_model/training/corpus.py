"""Real Python source: fetch the packages of a recipe, and keep the files worth learning from.

A wheel is opened as the archive that it is: nothing of a package is installed or run.
"""

from __future__ import annotations

import ast
import random
import re
import subprocess
import sys
import sysconfig
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neocaret_model.training.recipe import Corpus, Package, Split

MIN_BYTES = 200
MAX_BYTES = 150_000
MAX_LINE = 400
MIN_LETTERS = 0.3
"""Share of letters in a file: below it stand tables of data."""
MAX_SEEN_LINES = 0.6
"""Share of a file's longer lines that an earlier file holds too: above it the file is a near-duplicate."""

_SKIPPED_PARTS = frozenset({"_vendor", "vendored", "vendor", "_vendored", "externals", "extern", "locale", "lib2to3"})
_STANDARD_LIBRARY_SKIPPED = frozenset({"site-packages", "test", "tests", "idlelib", "turtledemo", "ensurepip"})
_GENERATED = re.compile(r"\b(auto-?generated|generated (by|from|automatically)|do not edit)\b", re.IGNORECASE)
_BANNER = re.compile(r"\A(#!.*\n)?(\s*#.*\n)+")
_BANNER_WORDS = re.compile(r"copyright|licen[sc]e|spdx|coding[:=]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """One source file."""

    source: str
    """The package, or `python` for the standard library."""
    path: str
    text: str
    split: Split


def fetch(packages: Iterable[Package], folder: Path) -> None:
    """Download the packages' wheels into `folder` with pip; those already there are kept.

    Raises:
        RuntimeError: pip failed; the message names the package and holds pip's last line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        if _wheel(package, folder) is not None:
            continue
        requirement = f"{package.name}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run(
            [*command, "--dest", str(folder), requirement], capture_output=True, text=True, check=False
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise RuntimeError(f"pip could not download {requirement}: {lines[-1]}")


def read(corpus: Corpus, folder: Path, seed: int) -> Iterator[Document]:
    """Yield the corpus's documents, filtered, capped by package and free of near-duplicates; the same for a seed.

    Raises:
        FileNotFoundError: a package has not been fetched.
    """
    seen: set[int] = set()
    for source, split, files in _sources(corpus, folder):
        order = sorted(files)
        random.Random(f"{seed} {source}").shuffle(order)  # noqa: S311 - a reproducible order, no secret
        left = corpus.package_bytes
        for path, raw in order:
            text = clean(raw)
            if text is None or len(text) > left or _is_near_duplicate(text, seen):
                continue
            left -= len(text)
            yield Document(source, path, text, split)


def clean(raw: bytes) -> str | None:
    """Return the text of a file worth learning from, without its licence banner, or None for all others."""
    if not MIN_BYTES <= len(raw) <= MAX_BYTES:
        return None
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    text = _without_banner(text).strip("\n") + "\n"
    return text if _is_worth_reading(text) else None


def _without_banner(text: str) -> str:
    banner = _BANNER.match(text)
    return text[banner.end() :] if banner and _BANNER_WORDS.search(banner.group()) else text


def _is_worth_reading(text: str) -> bool:
    lines = text.splitlines()
    if len(text) < MIN_BYTES or max(map(len, lines)) > MAX_LINE:
        return False
    if sum(map(str.isalpha, text)) < MIN_LETTERS * len(text) or _GENERATED.search("\n".join(lines[:10])):
        return False
    return _parses(text)


def _parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _is_near_duplicate(text: str, seen: set[int]) -> bool:
    """Tell whether most of the file's longer lines stand in an earlier one; adds them to `seen` where not."""
    lines = {hash(line.strip()) for line in text.splitlines() if len(line.strip()) > 20}  # noqa: PLR2004 - shorter lines recur by nature
    if lines and len(lines & seen) > MAX_SEEN_LINES * len(lines):
        return True
    seen |= lines
    return False


def _sources(corpus: Corpus, folder: Path) -> Iterator[tuple[str, Split, list[tuple[str, bytes]]]]:
    # Held-out packages come last, so that what training has seen is dropped from them and not the reverse.
    for package in sorted(corpus.packages, key=lambda package: package.split):
        yield package.name, package.split, list(_package_files(package, folder))
        if package is corpus.packages[0] and corpus.standard_library:
            yield "python", "train", list(_standard_library_files())


def _package_files(package: Package, folder: Path) -> Iterator[tuple[str, bytes]]:
    wheel = _wheel(package, folder)
    if wheel is None:
        raise FileNotFoundError(f"{package.name} {package.version} is not in {folder}; fetch the corpus first")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py") and not _SKIPPED_PARTS.intersection(name.split("/")):
                yield name, archive.read(name)


def _standard_library_files() -> Iterator[tuple[str, bytes]]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).parts
        if not (_SKIPPED_PARTS | _STANDARD_LIBRARY_SKIPPED).intersection(parts):
            yield "/".join(parts), path.read_bytes()


def _wheel(package: Package, folder: Path) -> Path | None:
    prefix = f"{re.sub(r'[-_.]+', '_', package.name).lower()}-{package.version}-"
    return next((path for path in sorted(folder.glob("*.whl")) if path.name.lower().startswith(prefix)), None)
