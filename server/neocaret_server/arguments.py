"""The one object that each command takes, checked against the rules that the command states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neocaret_server.errors import InvalidArgumentsError
from neocaret_server.rules import Rule


def read_arguments(command: str, given: Sequence[Any] | None, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """Return the members of the object that are there and not null.

    Raises:
        InvalidArgumentsError: the sentence names the command and the member.
    """
    values = _one_object(command, given)
    read = {}
    for name, value in values.items():
        if name not in rules:
            known = f"it takes {_listed(rules)}" if rules else "it takes none"
            raise InvalidArgumentsError(f'{command} takes no "{name}"; {known}.')
        try:
            read[name] = rules[name].read(value)
        except ValueError:
            raise InvalidArgumentsError(f'{command}: "{name}" must be {rules[name].must_be}.') from None
    return read


def exactly_one(command: str, read: Mapping[str, Any], *names: str) -> str:
    """Return the name of the one member that is there.

    Raises:
        InvalidArgumentsError: there is none, or several.
    """
    present = [name for name in names if name in read]
    if len(present) != 1:
        raise InvalidArgumentsError(
            f"{command} needs either {' or '.join(f'{chr(34)}{name}{chr(34)}' for name in names)}."
        )
    return present[0]


def _one_object(command: str, given: Sequence[Any] | None) -> dict[str, Any]:
    values = given[0] if given else {}
    # Lua writes an empty object as an empty list.
    if values is None or values == []:
        return {}
    if len(given or ()) > 1 or not isinstance(values, dict):
        raise InvalidArgumentsError(f"{command} takes one object as its argument.")
    return {name: value for name, value in values.items() if value is not None}


def _listed(rules: Mapping[str, Rule]) -> str:
    return ", ".join(f'"{name}"' for name in rules)
