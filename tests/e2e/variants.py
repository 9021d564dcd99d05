"""Messages of every method after the rules of the lsprotocol project's generator of test data, over its Python types.

Its generator reads a description of the protocol that is in none of its packages, and makes 73,988 of it; here the
rules are told again, and make some thousands less. Each member of a structure has a list of values, right and wrong
ones; the first structure takes the first of each list, the second the second, and shorter lists begin again. In the
same way the envelopes go with the params.
"""

from __future__ import annotations

import enum
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal, get_args, get_origin

import attrs
from lsprotocol import types
from messages import hints, json_name

_LEFT_OUT: Final = object()
_MOST = 1000
_MOST_IN_PAIRS = 100
_DEEPEST = 2
"""So often a structure stands within itself."""
_WHOLE = (1, 2**31 - 1, -(2**31), 2**31, -(2**31) - 1)
_NOT_NEGATIVE = (1, 2**31 - 1, 0, 2**32 + 1, -1)
_OF_TYPE: Mapping[Any, Sequence[Any]] = {
    str: ("some string \U0001f40d\U0001f41c", ""),
    int: _WHOLE,
    float: (1.0,),
    bool: (True, False),
    type(None): (None,),
}
_IDS = (1, 2**31 - 1, -(2**31), "string-id-1", 2**31, -(2**31) - 1, 1.0, True, None)


def variants() -> Iterator[dict[str, Any]]:
    """Make each message once: requests, responses and notifications of all methods."""
    seen: set[str] = set()
    for method, (sent, answered, *_) in types.METHOD_TO_TYPES.items():
        params = _values(hints(sent).get("params", type(None)), ())
        made = _requests(method, params) if answered is not None else _notifications(method, params)
        if answered is not None:
            made = itertools.chain(made, _responses(_values(hints(answered)["result"], ())))
        for message in made:
            if (text := json.dumps(message)) not in seen:
                seen.add(text)
                yield message


def _requests(method: str, params: Sequence[Any]) -> Iterator[dict[str, Any]]:
    whole = {"jsonrpc": "2.0", "method": method}
    torn = [whole, {"jsonrpc": "2.0", "id": 1}, {"id": 1, "method": method}]
    for envelope, value in _side_by_side([[*({**whole, "id": each} for each in _IDS), *torn], params]):
        yield {**envelope, "params": value}


def _responses(results: Sequence[Any]) -> Iterator[dict[str, Any]]:
    envelopes = [*({"jsonrpc": "2.0", "id": each} for each in _IDS), {"jsonrpc": "2.0"}, {"id": 1}]
    data = [{}, *({"data": each} for each in _maps(_anything()))]
    for envelope, result, code, message, more in _side_by_side([envelopes, results, _WHOLE, _OF_TYPE[str], data]):
        yield {**envelope, "result": result, "error": {"code": code, "message": message, **more}}


def _notifications(method: str, params: Sequence[Any]) -> Iterator[dict[str, Any]]:
    whole = {"jsonrpc": "2.0", "method": method}
    for envelope, value in _side_by_side([[whole, {**whole, "id": 1}], params]):
        yield {**envelope, "params": value}


def _side_by_side(lists: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    length = min(_MOST, max(map(len, lists)))
    return zip(*(itertools.islice(itertools.cycle(each), length) for each in lists), strict=False)


def _values(kind: Any, within: tuple[Any, ...]) -> list[Any]:
    """Return the values of a type; `within` are the structures around it."""
    if kind in {Any, object, types.LSPAny, types.LSPObject}:
        return _anything()
    if kind in _OF_TYPE:
        return list(_OF_TYPE[kind])
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        first = next(iter(kind)).value
        return [first, "testCustomValue" if isinstance(first, str) else 12345]
    return _structures(kind, within) if attrs.has(kind) else _composed(kind, within)


def _composed(kind: Any, within: tuple[Any, ...]) -> list[Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return list(inner)
    if origin is tuple:
        return [list(each) for each in _side_by_side([_values(one, within) for one in inner])]
    if origin is Sequence:
        return _arrays(_values(inner[0], within))
    if origin is Mapping:
        return _maps(_values(inner[1], within))
    # What is left is a union; null comes first.
    ordered = sorted(inner, key=lambda each: each is not type(None))
    return [value for each in ordered for value in _values(each, within)]


@cache
def _anything(depth: int = 0) -> list[Any]:
    """Return the values of a type that leaves all open: maps and arrays of the like among them."""
    if depth > _DEEPEST:
        return []
    inner = _anything(depth + 1)
    others = [value for kind in (str, int) for value in _OF_TYPE[kind]]
    return [None, *_maps(inner), *_arrays(inner), *others, *_NOT_NEGATIVE, 1.0, True, False]


def _arrays(some: Sequence[Any]) -> list[Any]:
    pairs = itertools.product(some[:_MOST_IN_PAIRS], repeat=2)
    return [[], *([each] for each in some), *map(list, pairs)]


def _maps(some: Sequence[Any]) -> list[Any]:
    return [{key: each} for key in _OF_TYPE[str] for each in some]


def _structures(kind: Any, within: tuple[Any, ...]) -> list[Any]:
    if within.count(kind) >= _DEEPEST:
        return []
    members = attrs.fields(kind)
    if not members:
        return [{"lspExtension": "some value"}, {}]
    names = [json_name(member) for member in members]
    lists = [_of_member(member, hints(kind)[member.name], (*within, kind)) for member in members]
    if not all(lists):
        return []
    return [
        {name: value for name, value in zip(names, some, strict=True) if value is not _LEFT_OUT}
        for some in _side_by_side(lists)
    ]


def _of_member(member: attrs.Attribute[Any], kind: Any, within: tuple[Any, ...]) -> list[Any]:
    inner = get_args(kind)
    if member.default is None and type(None) in inner:
        present = [value for each in inner if each is not type(None) for value in _values(each, within)]
        return [_LEFT_OUT, *present]
    if kind is int and "uinteger" in str(member.validator):
        return list(_NOT_NEGATIVE)
    return _values(kind, within)
