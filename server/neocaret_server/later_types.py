"""The protocol's types, each made when it is first used: there are some 550, and a session uses one in ten.

`attrs` writes and compiles the methods of each class that it defines, which is nine tenths of the library's import.
While the library is imported here, that is put off: whoever asks for a class's fields, or makes an instance, completes
it. A class completed so has no slots, because one with slots would be another class than annotations already name. In
all else it is what `attrs` would have made of it.
"""

from __future__ import annotations

import importlib
import sys
import threading
from typing import Any

import attrs

_MODULE = "lsprotocol.types"
_define = attrs.define
_completing = threading.RLock()
"""Of each thread, because the fields of a class may be those of one that it derives from."""


def import_types() -> None:
    """Import `lsprotocol.types`, unless it is there."""
    if _MODULE in sys.modules:
        return
    attrs.define = _defined_later  # type: ignore[assignment]  # the library decorates with nothing else
    try:
        importlib.import_module(_MODULE)
    finally:
        attrs.define = _define
    from lsprotocol import _hooks

    # It would ask every class for its fields, to give them their types: here that is done as a class is completed.
    _hooks._resolved_forward_references = True  # noqa: SLF001


class _Fields:
    """Stands for the fields of a class that is not complete."""

    def __get__(self, _instance: object, cls: type) -> Any:
        # None where another thread has just completed it.
        if (
            incomplete := next((each for each in cls.__mro__ if vars(each).get("__attrs_attrs__") is self), None)
        ) is not None:
            _complete(incomplete)
        return attrs.fields(cls)


_FIELDS = _Fields()


def _defined_later(cls: type | None = None, **options: Any) -> Any:
    """Leave a class of the protocol as it is, but for what completes it; define any other, as ever."""
    if cls is None or options or cls.__module__ != _MODULE or "__init__" in vars(cls):
        return _define(cls, **options)
    cls.__init__ = _init  # type: ignore[misc]
    cls.__attrs_attrs__ = _FIELDS  # type: ignore[attr-defined]
    return cls


def _init(self: object, *args: Any, **fields: Any) -> None:
    """Stands for the constructor of a class that is not complete."""
    cls = next((each for each in type(self).__mro__ if vars(each).get("__init__") is _init), None)
    if cls is not None:  # another thread may just have completed it
        _complete(cls)
    (cls or type(self)).__init__(self, *args, **fields)  # type: ignore[misc]


def _complete(cls: type) -> None:
    from lsprotocol.types import ALL_TYPES_MAP

    with _completing:
        if vars(cls)["__attrs_attrs__"] is _FIELDS:
            # Asked for, since it is there: for whoever makes an instance in another thread it must stay so until then.
            _define(cls, slots=False, init=True)
            attrs.resolve_types(cls, ALL_TYPES_MAP, {})
