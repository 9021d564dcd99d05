"""Where the model runs, and in which number format: the words of the settings turned into what torch has here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from neocaret_model.errors import DeviceError

if TYPE_CHECKING:
    import torch

DtypeName = Literal["float32", "float16", "bfloat16", "int8"]

_KINDS = ("cuda", "mps", "cpu")


def choose_device(name: str) -> torch.device:
    """The device called `name`: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; `auto` takes the fastest there is.

    Raises:
        DeviceError: the name is unknown, or the device is not to be had here.
    """
    import torch

    if name == "auto":
        return torch.device(next(kind for kind in _KINDS if _available(kind)))
    kind, _, index = name.partition(":")
    if kind not in _KINDS or (":" in name and not (kind == "cuda" and index.isascii() and index.isdecimal())):
        raise DeviceError(f"{name!r} is no device: use auto, cuda, cuda:N, mps or cpu.")
    if not _available(kind):
        raise DeviceError(f"There is no {kind} device that PyTorch {torch.__version__} can use here: use auto or cpu.")
    if index and int(index) >= torch.cuda.device_count():
        raise DeviceError(f"There is no {name} here, only cuda:0 to cuda:{torch.cuda.device_count() - 1}.")
    return torch.device(name)


def choose_dtype(name: str, device: torch.device, *, compiled: bool = False) -> torch.dtype:
    """The number format called `name`; `auto` takes the fastest that keeps the quality on this device.

    Where the library `compiled` with the package computes, that is bfloat16 on any processor: half of float32's bytes
    to read, and numbers that are widened while they are read.

    `int8` is the format of the matrices only; the rest is float32 then.

    Raises:
        DeviceError: the name is unknown, or the device has no such format.
    """
    import torch

    if name == "auto":
        name = _best_format(device, compiled=compiled)
    if name not in get_args(DtypeName):
        raise DeviceError(f"{name!r} is no number format: use auto, {', '.join(get_args(DtypeName))}.")
    if name == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise DeviceError(f"{torch.cuda.get_device_name(device)} has no bfloat16: use float16, float32 or auto.")
    if name == "int8" and device.type != "cpu":
        raise DeviceError(f"int8 is computed on a CPU only, not on {device}: use auto, or the device cpu.")
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def _available(kind: str) -> bool:
    import torch

    if kind == "cuda":
        return torch.cuda.is_available()
    return kind == "cpu" or torch.backends.mps.is_available()


def _best_format(device: torch.device, *, compiled: bool) -> DtypeName:
    import torch

    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device.type == "mps":
        return "float16"
    return "bfloat16" if compiled or _processor_multiplies_bfloat16() else "float32"


def _processor_multiplies_bfloat16() -> bool:
    """Tell whether this processor has instructions for it: without them bfloat16 is slower than float32."""
    import torch

    # No public function tells.
    knows = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, lambda: False)()) for name in knows)
