"""The compiled library, and the structures that it shares with Python: those of `pass.h` and `choice.h`, by member."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_void_p
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("libneocaret.so")
"""Built with the package, where a compiler is to be had."""
INTERFACE = 4
"""Of the library that fits these structures."""


class MatrixC(Structure):
    """A packed matrix."""

    _fields_ = (
        ("form", c_int32),
        ("outputs", c_int32),
        ("inputs", c_int32),
        ("unused", c_int32),
        ("packed", c_void_p),
        ("scales", c_void_p),
        ("sums", c_void_p),
        ("bias", c_void_p),
    )


class NormC(Structure):
    """A layer norm."""

    _fields_ = (("weight", c_void_p), ("bias", c_void_p))


class LayerC(Structure):
    """A layer."""

    _fields_ = (
        ("window", c_int32),
        ("unused", c_int32),
        ("before_attention", NormC),
        ("qkv", MatrixC),
        ("out", MatrixC),
        ("before_expansion", NormC),
        ("expand", MatrixC),
        ("contract", MatrixC),
    )


class NetworkC(Structure):
    """All layers."""

    _fields_ = (
        ("width", c_int32),
        ("heads", c_int32),
        ("layers", c_int32),
        ("bfloat16", c_int32),
        ("epsilon", c_float),
        ("unused", c_int32),
        ("layer", POINTER(LayerC)),
        ("tokens", c_void_p),
        ("positions", c_void_p),
        ("norm", NormC),
        ("head", MatrixC),
    )


class PartC(Structure):
    """Tokens that continue one prefix."""

    _fields_ = (
        ("keys", c_void_p),
        ("values", c_void_p),
        ("capacity", c_int64),
        ("prefix", c_int32),
        ("begin", c_int32),
        ("first_token", c_int32),
        ("tokens", c_int32),
        ("rows", POINTER(c_int32)),
        ("positions", POINTER(c_int32)),
    )


class PassC(Structure):
    """Some tokens, from one layer to another."""

    _fields_ = (
        ("tokens", c_int32),
        ("parts", c_int32),
        ("first_layer", c_int32),
        ("end_layer", c_int32),
        ("threads", c_int32),
        ("unused", c_int32),
        ("part", POINTER(PartC)),
        ("ids", POINTER(c_int32)),
        ("positions", POINTER(c_int32)),
        ("hidden", c_void_p),
        ("logits", c_void_p),
        ("scratch", c_void_p),
    )


class ChoiceC(Structure):
    """What a choice hangs on, and the token that it takes: that of `choice.h`."""

    _fields_ = (
        ("logits", c_void_p),
        ("all", c_int32),
        ("vocabulary", c_int32),
        ("temperature", c_float),
        ("penalty", c_float),
        ("top_p", c_double),
        ("weight", c_double),
        ("point", c_double),
        ("mixed_tokens", c_void_p),
        ("masses", c_void_p),
        ("present", c_void_p),
        ("scratch", c_void_p),
        ("mixed", c_int32),
        ("token", c_int32),
        ("normaliser", c_double),
    )


class Library:
    """The library's functions; those that take long let other Python threads run meanwhile."""

    def __init__(self, loaded: ctypes.CDLL, held: ctypes.PyDLL) -> None:
        """Take the library as loaded twice: letting go of the GIL, and holding it."""
        self.levels: int = _function(loaded, "levels", c_int)()
        """How many of the levels of instructions that it is compiled for this machine has."""
        self.level_name = _function(loaded, "level_name", c_char_p, c_int)
        self.multiplies_int8 = _function(loaded, "multiplies_int8", c_int, c_int)
        self.packed_bytes = _function(loaded, "packed_bytes", c_size_t, c_int, c_int, c_int, c_int)
        self.pack = _function(loaded, "pack", None, c_int, c_int, c_int, c_int, c_void_p, c_void_p)
        self.job_bytes: int = _function(loaded, "job_bytes", c_size_t)()
        self.most_layers: int = _function(loaded, "most_layers", c_int)()
        self.scratch_bytes = _function(loaded, "scratch_bytes", c_size_t, c_int, POINTER(NetworkC), POINTER(PassC))
        self.run = _function(loaded, "run", None, c_void_p, c_int, POINTER(NetworkC), POINTER(PassC))
        self.help = _function(loaded, "help", None, c_void_p, c_int)
        self.choice_bytes = _function(held, "choice_bytes", c_size_t, c_int, c_int)
        self.choose = _function(held, "choose", None, c_int, POINTER(ChoiceC))


@cache
def library() -> Library | None:
    """Return the library, or None where it was not built, is another version's, or not for this machine."""
    try:
        loaded = ctypes.CDLL(str(FILE))
        if _function(loaded, "interface", c_int)() != INTERFACE:
            return None
    except (OSError, AttributeError):
        return None
    found = Library(loaded, ctypes.PyDLL(str(FILE)))
    return found if found.levels else None


def _function(loaded: ctypes.CDLL, name: str, returned: type | None, *arguments: type) -> ctypes._NamedFuncPointer:
    function = loaded[f"neocaret_{name}"]
    function.restype = returned
    function.argtypes = arguments
    return function
