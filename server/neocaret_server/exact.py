"""A converter that takes JSON values for what they are.

Without this, a text that is null becomes "None", a list the text of a list, and an object in a list's place the list of
its names: a document would no longer be the client's.

Two liberties stay, because there are clients that need them: JSON has one kind of number, so 3.0 is a whole one, and
Vim script's truth is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from lsprotocol import types

if TYPE_CHECKING:
    from cattrs import Converter

_Hook = Callable[[Any, Any], Any]


def make_exact(converter: Converter) -> None:
    """Have the converter refuse, with a ValueError, what it would otherwise bend into the type that is asked for."""
    hooks: tuple[tuple[Any, _Hook], ...] = (
        (str, _text),
        (int, _whole_number),
        (float, _number),
        (bool, _truth),
        (types.ProgressToken, _token),
        (types.ProgressToken | None, _token_or_none),
    )
    for kind, hook in hooks:
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_factory(_is_open_enumeration, _value_of)
    converter.register_structure_hook_factory(_is_sequence, lambda kind: _list_of(kind, converter))


# A kind is the type itself or an enumeration of such values, which refuses those that are none of its own.
def _text(value: Any, kind: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a text is expected")  # noqa: TRY004 - of the client's making, as all of these
    return kind(value)


def _whole_number(value: Any, kind: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError("a whole number is expected")
    return kind(int(value))


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is expected")  # noqa: TRY004
    return float(value)


def _truth(value: Any, _: Any) -> bool:
    if not isinstance(value, int) or value not in {0, 1}:
        raise ValueError("true or false is expected")
    return bool(value)


def _token(value: Any, _: Any) -> Any:
    return value if isinstance(value, str) else _whole_number(value, int)


def _token_or_none(value: Any, _: Any) -> Any:
    return None if value is None else _token(value, None)


def _is_open_enumeration(kind: Any) -> bool:
    """Say whether a type is an enumeration, or any value of the same kind, or nothing."""
    members = set(get_args(kind)) - {type(None)}
    enumerations = {each for each in members if isinstance(each, type) and issubclass(each, Enum)}
    return get_origin(kind) is Union and len(enumerations) == 1 and members - enumerations in ({str}, {int})


def _value_of(kind: Any) -> _Hook:
    inner = get_args(kind)
    optional, base = type(None) in inner, str if str in inner else int
    exact = _text if base is str else _whole_number
    return lambda value, _: None if value is None and optional else exact(value, base)


def _is_sequence(kind: Any) -> bool:
    return get_origin(kind) is Sequence


def _list_of(kind: Any, converter: Converter) -> _Hook:
    all_of: Any = GenericAlias(tuple, (get_args(kind)[0], ...))
    structure = converter.get_structure_hook(all_of)

    def structured(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError("a list is expected")  # noqa: TRY004
        return structure(value, all_of)

    return structured
