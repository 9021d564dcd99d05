"""Messages of every method of the protocol, right and wrong ones, made from lsprotocol's types; a seed gives the same.

Three things vary: the envelope (`id`, `method`, `jsonrpc`), the params, and what is put wrong in them. What is called
wrong is wrong beyond doubt: where a type leaves a choice, nothing is said of a value that has been spoilt.
"""

from __future__ import annotations

import enum
import random
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, get_args, get_origin

import attrs
from lsprotocol import types

_DEEPEST = 5
_URIS = ("file:///other.py", "untitled:1", "", "file://[", "http://x/y", "x" * 5000)
_TEXTS = ("", "x", "some text\n", "\r\n\f\u2028", "😀", "\ud800", "\0", "y" * 20_000)
_WHOLE = (0, 1, 2**31 - 1)
_ANYTHING: tuple[Any, ...] = (None, True, 0, -1, 2**31, 2**63, 10**30, 1.5, "", "x", [], {}, [None], {"a": [{}]})
_IDS: tuple[Any, ...] = (0, -1, 2**31 - 1, -(2**31), 2**31, 2**53, 10**30, "", "x", "7", "\ud800", "😀" * 100)
_NO_IDS: tuple[Any, ...] = (None, True, False, 1.0, 1.5, 1e300, [], [1], {}, {"id": 1})

Kind = Literal["request", "notification", "response"]
Fault = Literal["none", "params", "doubtful", "envelope"]


class Message(NamedTuple):
    """One message, and what is known of it."""

    body: dict[str, Any]
    kind: Kind
    method: str
    fault: Fault


def messages(seed: int, count: int, often: Sequence[str] = ()) -> Iterator[Message]:
    """Make messages of all methods and kinds in turn; each third of one of these methods."""
    random_ = random.Random(seed)  # noqa: S311 - made to be repeated
    methods = sorted(types.METHOD_TO_TYPES)
    for number in range(count):
        method = random_.choice(often) if often and number % 3 == 0 else methods[number % len(methods)]
        kinds: list[Kind] = ["notification"] if is_notification(method) else ["request", "request", "response"]
        yield _message(random_, method, random_.choice(kinds), number)


def is_notification(method: str) -> bool:
    return types.METHOD_TO_TYPES[method][1] is None


def _message(random_: random.Random, method: str, kind: Kind, number: int) -> Message:
    if kind == "response":
        result = made(random_, hints(types.METHOD_TO_TYPES[method][1])["result"])
        part = random_.choice([{"result": result}, {"error": spoilt(random_, types.ResponseError)[0]}, {}])
        return Message({"jsonrpc": "2.0", "id": _usable_id(random_, number), **part}, kind, method, "none")
    params, fault = _params(random_, hints(types.METHOD_TO_TYPES[method][0]).get("params"))
    body = {"jsonrpc": "2.0", "method": method, "params": params}
    if kind == "request":
        body["id"] = _usable_id(random_, number)
    if random_.random() < 0.15:
        return Message(_torn(random_, body), kind, method, "envelope")
    return Message(body, kind, method, fault)


def _usable_id(random_: random.Random, number: int) -> Any:
    """Return an id that no other message has."""
    some = random_.choice(_IDS)
    return f"{number}:{some}" if isinstance(some, str) else some + (-1 if some < 0 else 1) * number * 2**70


def _params(random_: random.Random, kind: Any) -> tuple[Any, Fault]:
    if random_.random() < 0.4:
        return made(random_, kind), "none"
    if not attrs.has(kind):
        return random_.choice(_ANYTHING), "doubtful"
    params, wrong = spoilt(random_, kind)
    return params, "params" if wrong else "doubtful"


def _torn(random_: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    """Put something wrong beside the params, or something more."""
    return random_.choice(
        [
            {name: value for name, value in body.items() if name != "jsonrpc"},
            {**body, "jsonrpc": random_.choice(["1.0", 2.0, None])},
            {**body, "method": random_.choice([None, 5, [], {}])},
            {**body, "method": random_.choice(["", "no/such", "$/no/such", "\ud800", body["method"] + " "])},
            {**body, "id": random_.choice(_NO_IDS)},
            {name: value for name, value in body.items() if name != "id"},
        ]
    )


@cache
def hints(kind: Any) -> Mapping[str, Any]:
    """Return the types of a class's members."""
    return typing.get_type_hints(kind, vars(types))


def made(random_: random.Random, kind: Any, depth: int = 0) -> Any:
    """Return a JSON value of a type; deep down, one without what may be left out."""
    if kind in {Any, object, types.LSPAny, types.LSPObject}:
        return random_.choice(_ANYTHING)
    if isinstance(kind, type):
        return _made_of_class(random_, kind, depth)
    return _made_of_parts(random_, kind, depth)


def _made_of_parts(random_: random.Random, kind: Any, depth: int) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    some: Any = None
    if origin is Literal:
        some = inner[0]
    elif origin is tuple:
        some = [made(random_, each, depth) for each in inner]
    elif origin is Sequence:
        some = [made(random_, inner[0], depth + 1) for _ in range(0 if depth > _DEEPEST else random_.randint(0, 3))]
    elif origin is Mapping:
        some = {"x": made(random_, inner[1], depth + 1)} if depth <= _DEEPEST else {}
    elif depth <= _DEEPEST or type(None) not in inner:
        # What is left is a union.
        some = made(random_, random_.choice(inner), depth)
    return some


def _made_of_class(random_: random.Random, kind: type, depth: int) -> Any:
    if issubclass(kind, enum.Enum):
        return random_.choice(list(kind)).value
    if attrs.has(kind):
        left_out = 1.0 if depth > _DEEPEST else 0.5
        return {
            json_name(member): made(random_, hints(kind)[member.name], depth + 1)
            for member in attrs.fields(kind)
            if is_required(member) or random_.random() > left_out
        }
    values: dict[type, Sequence[Any]] = {
        type(None): (None,),
        str: (*_TEXTS, *_URIS),
        bool: (True, False),
        int: _WHOLE,
        float: (0, 0.5, 1),
    }
    return random_.choice(values[kind])


def spoilt(random_: random.Random, kind: Any) -> tuple[dict[str, Any], bool]:
    """Return a value of a class with one thing put wrong, and whether it is wrong beyond doubt."""
    value = made(random_, kind)
    member = random_.choice(attrs.fields(kind)) if attrs.fields(kind) else None
    if member is None:
        return {**value, "more": random_.choice(_ANYTHING)}, False
    inner, name = hints(kind)[member.name], json_name(member)
    if attrs.has(inner) and random_.random() < 0.5:
        value[name], wrong = spoilt(random_, inner)
        return value, wrong
    if is_required(member) and random_.random() < 0.3:
        value.pop(name)
        return value, inner not in {types.LSPAny, Any}
    value[name] = random_.choice(_ANYTHING)
    return value, _is_wrong(value[name], inner)


def _is_wrong(value: Any, kind: Any) -> bool:
    """Say whether a value is none of a type for certain; of few types anything is certain."""
    if kind is str:
        return not isinstance(value, str)
    if kind is int:
        return not isinstance(value, int) or isinstance(value, bool) or not -(2**31) <= value < 2**31
    return attrs.has(kind) and not isinstance(value, dict)


def json_name(member: attrs.Attribute[Any]) -> str:
    first, *rest = member.name.rstrip("_").split("_")
    return first + "".join(each.capitalize() for each in rest)


def is_required(member: attrs.Attribute[Any]) -> bool:
    return bool(member.default is attrs.NOTHING)
