"""What a setting or an argument may be: a type and a range, and the words for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "whole number", "number", "flag", "texts", "flags by name"]


@dataclass(frozen=True, slots=True)
class Rule:
    """The values that are accepted."""

    kind: Kind
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    """Decides over a text in place of the choices, which then only show what fits."""
    nullable: bool = False
    word: str | None = None
    """May stand in place of a number."""

    @property
    def must_be(self) -> str:
        """Return what it must be, to stand after "must be"."""
        if self.choices:
            words = " or ".join([", ".join(f'"{choice}"' for choice in self.choices[:-1]), f'"{self.choices[-1]}"'])
        else:
            words = _WORDS[self.kind]
        if self.low is not None:
            words += f" from {self.low:g} to {self.high:.10g}"
        if self.word is not None:
            words = f'"{self.word}" or {words}'
        return f"{words}, or null" if self.nullable else words

    def read(self, value: object) -> Any:
        """Return the value as the server uses it.

        Raises:
            ValueError: it is not what it must be.
        """
        if value is None and self.nullable:
            return None
        if self.word is not None and value == self.word:
            return value
        read = _READERS[self.kind](value)
        if self.pattern is not None:
            if not re.fullmatch(self.pattern, read):
                raise ValueError
        elif self.choices and read not in self.choices:
            raise ValueError
        if self.low is not None and self.high is not None and not self.low <= read <= self.high:
            raise ValueError
        return read


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - a reader has one way to refuse
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError  # noqa: TRY004
    return value


def _whole(value: object) -> int:
    # Some clients know one kind of number only, and send 64.0.
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
        raise ValueError
    return int(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004
    return value


def _texts(value: object) -> tuple[str, ...]:
    # Lua writes an empty list and an empty object alike.
    if value == {}:
        return ()
    if not isinstance(value, list):
        raise ValueError  # noqa: TRY004
    return tuple(map(_text, value))


def _flags(value: object) -> dict[str, bool]:
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004
    return {_text(name): _flag(flag) for name, flag in value.items()}


_READERS: dict[Kind, Callable[[object], Any]] = {
    "text": _text,
    "whole number": _whole,
    "number": _number,
    "flag": _flag,
    "texts": _texts,
    "flags by name": _flags,
}
_WORDS: dict[Kind, str] = {
    "text": "a text",
    "whole number": "a whole number",
    "number": "a number",
    "flag": "true or false",
    "texts": "a list of texts",
    "flags by name": "an object of true and false",
}
