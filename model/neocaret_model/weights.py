"""The tensors of a checkpoint, from its safetensors files, against the shapes that the configuration asks for.

Pickled weights (`.bin`, `.pt`) are never opened. Nothing is made up for a tensor that is missing: it is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from safetensors import SafetensorError, safe_open

from neocaret_model.config import read_json_object
from neocaret_model.errors import BrokenWeightsError, LoadCancelledError, UnsupportedModelError

if TYPE_CHECKING:
    import torch

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"

OUTPUT_HEAD = "lm_head.weight"
SCALE = "_scale"
"""Ends the name of the scales (one for each row) of a matrix that is stored as int8."""
_PREFIX = "transformer."
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
# What the network itself computes; older checkpoints carry them along.
_COMPUTED = (".attn.attention.bias", ".attn.attention.masked_bias", ".attn.bias", ".attn.masked_bias")

ByteProgress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint: one, or the shards that its index names.

    Raises:
        UnsupportedModelError: there are none.
        BrokenWeightsError: the index is damaged, or a shard is missing.
    """
    if (folder / WEIGHTS_FILE).is_file():
        return [folder / WEIGHTS_FILE]
    if (folder / INDEX_FILE).is_file():
        return _shards(folder, shard_names(folder / INDEX_FILE))
    if any(path for pattern in _PICKLED for path in folder.glob(pattern)):
        raise UnsupportedModelError(
            f"{folder} has only pickled weights, which can run code and are not opened: convert them to {WEIGHTS_FILE}."
        )
    raise UnsupportedModelError(f"{folder} has no {WEIGHTS_FILE}: give the folder of a checkpoint in safetensors.")


def _shards(folder: Path, names: list[str]) -> list[Path]:
    for name in names:
        if not (folder / name).is_file():
            raise BrokenWeightsError(f"{folder} lacks {name}, a part of its weights: fetch the checkpoint again.")
    return [folder / name for name in names]


def shard_names(index: Path) -> list[str]:
    """The file names that an index of shards gives, each once.

    Raises:
        BrokenWeightsError: the index is damaged, or names something else than files beside it.
    """
    weight_map: Any = read_json_object(index).get("weight_map")
    names = list(weight_map.values()) if isinstance(weight_map, dict) else []
    if not names or not all(isinstance(name, str) and _is_plain_file_name(name) for name in names):
        raise BrokenWeightsError(f"{index} names no weight files beside it: fetch or export the checkpoint again.")
    return sorted(set(names))


def read_weights(
    folder: Path,
    shapes: Mapping[str, tuple[int, ...]],
    place: Callable[[str, torch.Tensor, torch.Tensor | None], dict[str, torch.Tensor]],
    progress: ByteProgress,
    cancelled: Callable[[], bool],
) -> dict[str, torch.Tensor]:
    """Read the tensors named in `shapes`, each handed to `place` as soon as it is read.

    Args:
        folder: the checkpoint.
        shapes: what the network needs, by name; `transformer.` may be absent in the files.
        place: copies a tensor (its name, itself, and its rows' scales if it is int8) to its device and format, and
            returns by name what became of it.
        progress: told the bytes read, of all that will be.
        cancelled: asked before each tensor.

    Raises:
        UnsupportedModelError: there are no safetensors files, or they hold other than floating-point numbers and int8.
        BrokenWeightsError: a file is truncated or damaged, a tensor or its scales are missing, or have another shape.
        LoadCancelledError: `cancelled` said so.
    """
    files = weight_files(folder)
    sources = _checked_sources(files, shapes)
    total, done = sum(path.stat().st_size for path in files), 0
    tensors: dict[str, torch.Tensor] = {}
    for path in files:
        with _opened(path, "pt") as file:
            for name, (source, stored_name) in sources.items():
                if source != path:
                    continue
                if cancelled():
                    raise LoadCancelledError("Loading was cancelled.")
                stored = file.get_tensor(stored_name)
                tensors |= place(name, *_numbers(stored, stored_name, file, path))
                done += stored.nbytes
                progress(done, total)
    progress(total, total)
    return tensors


def _checked_sources(files: list[Path], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[Path, str]]:
    """Where each needed tensor lies and what it is called there, once all shapes are known to be right."""
    stored = dict(_stored_shapes(files))
    sources = {}
    for name, shape in shapes.items():
        stored_name = next((spelling for spelling in _spellings(name) if spelling in stored), None)
        if stored_name is None:
            raise BrokenWeightsError(f"{_named(files)} has no tensor {name}: fetch or export the checkpoint again.")
        path, found = stored[stored_name]
        if found != shape:
            raise BrokenWeightsError(
                f"{path} has the tensor {stored_name} in shape {list(found)}, where the configuration asks for "
                f"{list(shape)}: the two do not belong together."
            )
        sources[name] = (path, stored_name)
    return sources


def stored_formats(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """The number format of each tensor named in `shapes`, by safetensors' name for it: `F16`, `I8`.

    Raises:
        UnsupportedModelError, BrokenWeightsError: as `read_weights` does.
    """
    files = weight_files(folder)
    formats: dict[str, str] = {}
    for name, (path, stored_name) in _checked_sources(files, shapes).items():
        with _opened(path, "numpy") as file:
            formats[name] = file.get_slice(stored_name).get_dtype()
    return formats


def _stored_shapes(files: list[Path]) -> Iterator[tuple[str, tuple[Path, tuple[int, ...]]]]:
    for path in files:
        with _opened(path, "numpy") as file:  # numpy: shapes are to be had without importing torch
            for name in file.keys():  # noqa: SIM118, the handle is no dict
                yield name, (path, tuple(file.get_slice(name).get_shape()))


def float_shapes(files: list[Path]) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors of floating-point numbers in the checkpoint files, by name.

    Raises:
        BrokenWeightsError: a file is truncated or damaged.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        with _opened(path, "numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118, the handle is no dict
            shapes |= {
                name: tuple(stored.get_shape())
                for name, stored in slices.items()
                if stored.get_dtype().startswith(("F", "BF"))
            }
    return shapes


def stored_parameters(files: list[Path], *, tied: bool) -> int:
    """How many parameters the checkpoint files hold: what the network computes itself is none, a tied head no second.

    Raises:
        BrokenWeightsError: a file is truncated or damaged.
    """
    ignored = (*_COMPUTED, OUTPUT_HEAD) if tied else _COMPUTED
    return sum(math.prod(shape) for name, (_, shape) in _stored_shapes(files) if not name.endswith((*ignored, SCALE)))


def _spellings(name: str) -> tuple[str, ...]:
    # Saved from GPTNeoModel instead of GPTNeoForCausalLM, the names lack the prefix.
    return (name, name.removeprefix(_PREFIX))


@contextmanager
def _opened(path: Path, framework: Literal["pt", "numpy"]) -> Iterator[Any]:
    try:
        with safe_open(path, framework=framework) as file:
            yield file  # safetensors' own annotations stop at its class
    except (SafetensorError, OSError) as error:
        raise BrokenWeightsError(
            f"{path} is truncated or damaged ({error}): delete it and fetch or export the checkpoint again."
        ) from error


def _numbers(tensor: torch.Tensor, name: str, file: Any, path: Path) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The tensor, and the scales that stand beside it if it is int8."""
    if tensor.is_floating_point():
        return tensor, None
    if str(tensor.dtype) != "torch.int8" or tensor.dim() != 2:  # noqa: PLR2004, a matrix
        raise UnsupportedModelError(
            f"{path} has the tensor {name} in {tensor.dtype}, and only floating-point weights and matrices of int8 can "
            "be loaded."
        )
    scales: torch.Tensor | None = file.get_tensor(name + SCALE) if name + SCALE in file.keys() else None  # noqa: SIM118
    if scales is None or not scales.is_floating_point() or scales.shape != tensor.shape[:1]:
        raise BrokenWeightsError(
            f"{path} has the tensor {name} in int8, and no {name + SCALE} with a number for each of its rows: "
            "fetch or export the checkpoint again."
        )
    return tensor, scales


def _named(files: list[Path]) -> str:
    return str(files[0] if len(files) == 1 else files[0].parent)


def _is_plain_file_name(name: str) -> bool:
    return name.endswith(".safetensors") and not set(name) & set('/\\:\0"')
