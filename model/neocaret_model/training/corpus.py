"""The corpus: the files of a recipe's packages that are worth learning from, capped, and free of near-duplicates."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neocaret_model.training import snippets
from neocaret_model.training.cleaning import clean_code, clean_prose, is_code_path, is_prose_path, is_skipped
from neocaret_model.training.functions import functions
from neocaret_model.training.recipe import Corpus, Package, Split
from neocaret_model.training.sources import STANDARD_LIBRARY, package_files, standard_library_files

MAX_SEEN_LINES = 0.6
"""Share of a file's longer lines that an earlier file holds too: above it the file is a near-duplicate."""

_LONG_LINE = 20
_FUNCTIONS = "functions/"
_EXAMPLES = re.compile(r"(^|/)(examples?|galler(y|ies)|tutorials?|docs_src|demos?)/")
_TESTS = re.compile(r"(^|/)((tests?|testing)/|(test_[^/]*|[^/]*_test|conftest)\.py$)")

File = tuple[str, bytes]
Cleaner = Callable[[bytes], str | None]


@dataclass(frozen=True, slots=True)
class Document:
    """One file."""

    source: str
    """The package, or `python` for the standard library."""
    path: str
    text: str
    split: Split
    is_code: bool = True

    @property
    def is_example(self) -> bool:
        """Whether it shows how a package is used: the code that is most like what users write."""
        return self.is_code and _EXAMPLES.search(self.path) is not None

    @property
    def is_function(self) -> bool:
        """Whether it is one documented function, taken out of its module."""
        return self.path.startswith(_FUNCTIONS)


def read(corpus: Corpus, folder: Path, seed: int) -> Iterator[Document]:
    """Yield the corpus's documents; the same for a seed.

    A package's examples and snippets come before its other code, and its tests last, so that no cap drops the former.

    Raises:
        FileNotFoundError: a package has not been fetched.
    """
    seen: set[str] = set()
    for package, files in _sources(corpus, folder):
        order = sorted(files, key=lambda file: file[0])
        random.Random(f"{seed} {package.name}").shuffle(order)  # noqa: S311 - a reproducible order, no secret
        training = package.split == "train"
        code = [file for file in order if is_code_path(file[0])]
        examples = [file for file in code if _EXAMPLES.search(file[0])]
        tests = [file for file in code if _TESTS.search(file[0]) and not _EXAMPLES.search(file[0])]
        others = [file for file in code if not _TESTS.search(file[0]) and not _EXAMPLES.search(file[0])]
        most = package.most_bytes or corpus.package_bytes
        parts: list[tuple[Iterable[File], Cleaner, int, bool]] = [
            (examples, clean_code, most, True),
            (_scripts(order) if training else (), clean_code, corpus.snippet_bytes, True),
            (others, clean_code, most, True),
            (tests, clean_code, corpus.test_bytes if training else most, True),
            ((file for file in order if training and is_prose_path(file[0])), clean_prose, corpus.prose_bytes, False),
        ]
        for part, clean, most_bytes, is_code in parts:
            for path, text in _chosen(part, clean, most_bytes, seen):
                yield Document(package.name, path, text, package.split, is_code)
        for path, text in _functions(code) if training else ():
            yield Document(package.name, path, text, package.split)


def _scripts(files: list[File]) -> Iterator[File]:
    for path, raw in files:
        script_path = snippets.script_path(path)
        if script_path is not None and not is_skipped(path):
            yield script_path, snippets.script(path, raw)


def _functions(files: list[File]) -> Iterator[tuple[str, str]]:
    # They stand in their modules too: here only what is the same to the letter is a duplicate.
    seen: set[str] = set()
    for _, raw in files:
        for name, source in functions(clean_code(raw) or ""):
            if source not in seen:
                seen.add(source)
                yield f"{_FUNCTIONS}{name}.py", source


def _chosen(files: Iterable[File], clean: Cleaner, most: int, seen: set[str]) -> Iterator[tuple[str, str]]:
    left = most
    for path, raw in files:
        text = clean(raw)
        if text is None or len(text) > left or is_near_duplicate(text, seen):
            continue
        left -= len(text)
        yield path, text


def is_near_duplicate(text: str, seen: set[str]) -> bool:
    """Tell whether most of the file's longer lines stand in an earlier one; adds them to `seen` where not."""
    lines = {stripped for line in text.splitlines() if len(stripped := line.strip()) > _LONG_LINE}
    if lines and len(lines & seen) > MAX_SEEN_LINES * len(lines):
        return True
    seen |= lines
    return False


def _sources(corpus: Corpus, folder: Path) -> Iterator[tuple[Package, list[File]]]:
    # Held-out packages come last, so that what training has seen is dropped from them and not the reverse.
    if corpus.standard_library:
        yield Package(STANDARD_LIBRARY, "", "PSF-2.0"), list(standard_library_files())
    for package in sorted(corpus.packages, key=lambda package: package.split != "train"):
        yield package, list(package_files(package, folder))
