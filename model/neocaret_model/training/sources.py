"""Source distributions: fetched by name and version, read as the archives that they are; nothing in them is run.

pip itself builds a source distribution's metadata before it hands the archive over, which needs every build tool that
the package asks for; `unearth` finds, downloads and verifies it alone.
"""

from __future__ import annotations

import re
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from neocaret_model.training.recipe import Package

STANDARD_LIBRARY = "python"

_STANDARD_LIBRARY_SKIPPED = frozenset({"site-packages", "test", "tests", "idlelib", "turtledemo", "ensurepip"})


def fetch(packages: Iterable[Package], folder: Path) -> None:
    """Download the packages' source distributions into `folder`; those already there whole are kept.

    Raises:
        RuntimeError: a package cannot be had; the message names it.
        ImportError: `unearth` is not installed; the message says how to install it.
    """
    missing = [package for package in packages if _archive(package, folder) is None]
    if not missing:
        return
    try:
        from unearth import PackageFinder, UnpackError
    except ImportError:
        raise ImportError("the corpus is fetched with unearth: pip install 'neocaret[training]'") from None
    finder = PackageFinder(no_binary=[":all:"])
    for package in missing:
        requirement = f"{package.name}=={package.version}"
        found = finder.find_best_match(requirement, allow_prereleases=True).best
        if found is None:
            raise RuntimeError(f"the package index has no source distribution of {requirement}")
        print(f"fetching {requirement}", flush=True)
        try:
            unfinished = finder.download(found.link, folder / "unfinished")
        except UnpackError as error:
            raise RuntimeError(f"{requirement} could not be downloaded: {error}") from None
        unfinished.replace(folder / unfinished.name)


def package_files(package: Package, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path, below the distribution's own folder, and content of each file.

    Raises:
        FileNotFoundError: the package has not been fetched.
    """
    path = _archive(package, folder)
    if path is None:
        raise FileNotFoundError(f"{package.name} {package.version} is not in {folder}; fetch the corpus first")
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name.partition("/")[2], file.read()


def standard_library_files() -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each Python file of the running interpreter's library, without its own tests."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).parts
        if not _STANDARD_LIBRARY_SKIPPED.intersection(parts):
            yield "/".join(parts), path.read_bytes()


def _archive(package: Package, folder: Path) -> Path | None:
    wanted = _normal(f"{package.name}-{package.version}.tar.gz")
    return next((path for path in sorted(folder.glob("*.tar.gz")) if _normal(path.name) == wanted), None)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
