"""Which files the imports of a Python file may mean, as paths with `/`, whether there are such files or not; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# No further than this for a bracket that closes: a text of brackets that none does takes no time.
# Possessive, because a text may be made of spaces: nothing of it is looked at twice.
_FROM = re.compile(
    r"^[ \t]*+from[ \t]++(\.*+)[ \t]*+((?:(?!import\b)[\w.]++)?)[ \t]*+import\b[ \t]*+(\([^)]{0,4000}\)|[^\n;#(]*)",
    re.MULTILINE,
)
_PLAIN = re.compile(r"^[ \t]*import[ \t]+([^\n;#]*)", re.MULTILINE)
_COMMENT = re.compile(r"#[^\n]*")
_NAME = re.compile(r"^[\s(]*([^\W\d][\w.]*)")


@dataclass(frozen=True, slots=True)
class _Import:
    dots: int
    """How many stand before the package: 0 is an absolute import."""
    package: tuple[str, ...]
    names: tuple[str, ...]
    """What is taken from it, which may be modules."""


def relative_paths(path: str, text: str) -> Iterator[str]:
    """Yield the paths that the relative imports of a file may mean; none of them leaves the root of `path`."""
    folder = path.split("/")[:-1]
    for each in _imports(text):
        if 1 <= each.dots <= len(folder) + 1:
            yield from _paths(folder[: len(folder) + 1 - each.dots], each)


def absolute_paths(text: str, bases: Iterable[str] = ("",)) -> Iterator[str]:
    """Yield the paths below the folders `bases` that the absolute imports of a file may mean."""
    folders = [base.split("/") if base else [] for base in bases]
    for each in _imports(text):
        if not each.dots:
            for folder in folders:
                yield from _paths(folder, each)


def _paths(folder: Sequence[str], imported: _Import) -> Iterator[str]:
    package = [*folder, *imported.package]
    for module in (*([*package, name] for name in imported.names), package):
        yield "/".join(module) + ".py"
        yield "/".join([*module, "__init__.py"])


def _imports(text: str) -> Iterator[_Import]:
    for dots, package, names in _FROM.findall(text):
        yield _Import(len(dots), _parts(package), tuple(_names(names)))
    for names in _PLAIN.findall(text):
        yield from (_Import(0, _parts(name), ()) for name in _names(names))


def _names(listed: str) -> Iterator[str]:
    """Yield the names of a list such as `a as b, c`, each without its other name."""
    for part in _COMMENT.sub("", listed).split(","):
        if name := _NAME.match(part):
            yield name[1]


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split(".") if part)
