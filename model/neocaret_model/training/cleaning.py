"""Which files are worth learning from, and what of them."""

from __future__ import annotations

import re

from neocaret_model.training.parsing import parsed

MIN_BYTES = 200
MAX_BYTES = 150_000
MAX_LINE = 400
MIN_LETTERS = 0.3
"""Share of letters in a file: below it stand tables of data."""
MIN_PROSE_LETTERS = 0.6

_SKIPPED_PARTS = re.compile(
    r"(^|/)(_?vendor(ed)?[^/]*|externals?|_?extern|locale|lib2to3|subprojects|archive|node_modules)/"
)
_NO_PROSE = re.compile(
    r"licen[sc]e|copying|notice|author|contribut|credits|change|history|release|whats|news|require|sources|manifest"
    r"|migrat|thanks|roadmap|\.dist-info|\.egg-info",
    re.IGNORECASE,
)
_GENERATED = re.compile(r"\b(auto-?generated|generated (by|from|automatically)|do not edit)\b", re.IGNORECASE)
_COPYLEFT = re.compile(r"General Public Licen[sc]e|\b[AL]?GPL(v?\d|\b)", re.IGNORECASE)
_BANNER = re.compile(r"\A(#!.*\n)?(\s*#.*\n)+")
_BANNER_WORDS = re.compile(r"copyright|licen[sc]e|spdx|coding[:=]", re.IGNORECASE)


def is_skipped(path: str) -> bool:
    """Tell whether a file is another project's, or translations or leftovers."""
    return _SKIPPED_PARTS.search(path) is not None


def is_code_path(path: str) -> bool:
    """Tell whether a file is Python source of the package itself."""
    return path.endswith(".py") and not is_skipped(path)


def is_prose_path(path: str) -> bool:
    """Tell whether a file is documentation in sentences, neither a licence nor a list of changes."""
    return path.endswith((".rst", ".md", ".txt")) and not is_skipped(path) and not _NO_PROSE.search(path)


def clean_code(raw: bytes) -> str | None:
    """Return the text of a Python file worth learning from, without its licence banner, or None for all others."""
    text = _decoded(raw)
    if text is None:
        return None
    text = _without_banner(text).strip("\n") + "\n"
    return text if _has_substance(text, MIN_LETTERS) and not _is_generated(text) and parsed(text) is not None else None


def clean_prose(raw: bytes) -> str | None:
    """Return the text of a page of documentation worth learning from, or None for all others."""
    text = _decoded(raw)
    if text is None:
        return None
    text = text.strip("\n") + "\n"
    return text if _has_substance(text, MIN_PROSE_LETTERS) and not _is_generated(text) else None


def _decoded(raw: bytes) -> str | None:
    if not MIN_BYTES <= len(raw) <= MAX_BYTES:
        return None
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    return None if _COPYLEFT.search(text) else text


def _without_banner(text: str) -> str:
    banner = _BANNER.match(text)
    return text[banner.end() :] if banner and _BANNER_WORDS.search(banner.group()) else text


def _has_substance(text: str, min_letters: float) -> bool:
    return (
        len(text) >= MIN_BYTES
        and max(map(len, text.splitlines())) <= MAX_LINE
        and sum(map(str.isalpha, text)) >= min_letters * len(text)
    )


def _is_generated(text: str) -> bool:
    return _GENERATED.search("\n".join(text.splitlines()[:10])) is not None
