"""Code units: what a client counts characters in, as agreed on in `initialize`; pure."""

from __future__ import annotations

from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_UTF_8_CONTINUATION = range(0x80, 0xC0)
_HIGH_SURROGATE = range(0xD8, 0xDC)
_LOW_SURROGATE = range(0xDC, 0xE0)


def units(text: str, encoding: Encoding) -> int:
    """Count code units; a lone surrogate is one unit of utf-16 and three of utf-8."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


def index_of(text: str, unit: int, encoding: Encoding) -> int:
    """Return the index of the character that holds or begins at a unit; the length where it is past the end."""
    if encoding == "utf-32" or text.isascii():
        return min(unit, len(text))
    # Cutting bytes takes a thousandth of the time of a loop over characters.
    if encoding == "utf-16":
        data = text.encode("utf-16-le", "surrogatepass")
        end = min(2 * unit, len(data))
        if _holds(data, end - 2, _HIGH_SURROGATE) and _holds(data, end, _LOW_SURROGATE):
            end -= 2
        return len(data[:end].decode("utf-16-le", "surrogatepass"))
    data = text.encode("utf-8", "surrogatepass")
    end = min(unit, len(data))
    while end < len(data) and data[end] in _UTF_8_CONTINUATION:
        end -= 1
    return len(data[:end].decode("utf-8", "surrogatepass"))


def joined(text: str) -> str:
    """Make one character of each two surrogates that are a pair; a lone one stays."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def _holds(data: bytes, at: int, surrogate: range) -> bool:
    return 0 <= at < len(data) and data[at + 1] in surrogate
