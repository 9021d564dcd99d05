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
from collections.abc import Callable
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

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __get__(self, _instance: object, cls: type) -> Any:
        _complete(self.cls)
        return attrs.fields(cls)


def _defined_later(cls: type | None = None, **options: Any) -> Any:
    """Leave a class of the protocol as it is, but for what completes it; define any other, as ever."""
    if cls is None or options or cls.__module__ != _MODULE or "__init__" in vars(cls):
        return _define(cls, **options)
    cls.__init__ = _constructor(cls)  # type: ignore[misc]
    cls.__attrs_attrs__ = _Fields(cls)  # type: ignore[attr-defined]
    return cls


def _constructor(cls: type) -> Callable[..., None]:
    """Return what stands for the constructor of a class until it is complete, and for who took it before that."""

    def init(self: object, *args: Any, **fields: Any) -> None:
        _complete(cls)
        cls.__init__(self, *args, **fields)  # type: ignore[misc]

    return init


def _complete(cls: type) -> None:
    from lsprotocol.types import ALL_TYPES_MAP

    with _completing:
        if isinstance(vars(cls)["__attrs_attrs__"], _Fields):
            # Asked for, since it is there: for whoever makes an instance in another thread it must stay so until then.
            _define(cls, slots=False, init=True)
            attrs.resolve_types(cls, ALL_TYPES_MAP, {})
