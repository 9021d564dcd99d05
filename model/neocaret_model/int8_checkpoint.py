"""A checkpoint written anew with its matrices in int8, so that nothing is quantised when it is loaded.

What is int8 in it is what `quantisation.as_int8` makes so, by the same rounding: the two give the same logits. The
folder is there as a whole or not at all, and a tensor at a time is in memory.

In the file of weights the tensors stand by the size of their numbers, largest first, so that each begins at a multiple
of that size: https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from neocaret_model.config import CONFIG_FILE, ModelConfig, read_config, read_json_object
from neocaret_model.errors import OutputError
from neocaret_model.hub import LoadProgress, resolve
from neocaret_model.weights import SCALE, WEIGHTS_FILE, read_weights, stored_formats

if TYPE_CHECKING:
    import torch

_COPIED = (
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "neocaret.json",
    "LICENSE",
)
"""What stands beside the weights and stays as it is, where it is there."""
_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I8": 1}
"""Bytes of a number, by safetensors' name of its format."""


@dataclass(frozen=True, slots=True)
class Written:
    """A new checkpoint."""

    source: Path
    bytes_before: int
    """Of the source's weights that a network needs."""
    bytes: int
    """Of its own."""


def write_int8(
    model: str, folder: Path, *, overwrite: bool, progress: LoadProgress, cancelled: Callable[[], bool]
) -> Written:
    """Write the GPT-Neo called `model` into a new `folder`, its matrices in int8.

    Args:
        model: `bundled`, a folder, or a name on the hub.
        folder: what is to be there afterwards.
        overwrite: whether a checkpoint that is there already may be replaced.
        progress: told what is going on, with the bytes done and the bytes in all.
        cancelled: asked again and again whether to give up.

    Raises:
        OutputError: `folder` is there and may not be replaced, or cannot be written.
        ModelError: the model cannot be read.
    """
    target = folder.parent.resolve() / folder.name  # a link is seen as one
    _refuse_existing(target, overwrite=overwrite)
    source = resolve(model, progress, cancelled)
    config = read_config(source)
    with _whole_folder(target) as unfinished:
        for name in _COPIED:
            if (source / name).is_file():
                shutil.copyfile(source / name, unfinished / name)
        # No library takes it for numbers without scales: int8 is no format to compute all of a network in.
        described = {**read_json_object(source / CONFIG_FILE), "dtype": "int8"}
        described.pop("torch_dtype", None)
        (unfinished / CONFIG_FILE).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        with (unfinished / WEIGHTS_FILE).open("xb") as file:
            return _write_weights(source, config, file, lambda *done: progress(f"Quantising {model}", *done), cancelled)


def _write_weights(
    source: Path,
    config: ModelConfig,
    file: BinaryIO,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Written:
    from neocaret_model.network import tensor_shapes
    from neocaret_model.quantisation import is_quantised, quantise

    shapes = tensor_shapes(config)
    stored = stored_formats(source, shapes)
    layout = _Layout(_formats(stored, shapes, lambda name: is_quantised(name, shapes[name], tied=config.tied)), shapes)
    file.write(layout.header)

    def place(name: str, tensor: torch.Tensor, scales: torch.Tensor | None) -> dict[str, torch.Tensor]:
        if layout.formats[name] == "I8":
            values = tensor
            if scales is None:
                matrix = quantise(tensor)
                values, scales = matrix.values, matrix.scales
            _put(file, layout.places[name + SCALE], scales.float())
            _put(file, layout.places[name], values)
        else:
            _put(file, layout.places[name], tensor)
        return {}

    read_weights(source, shapes, place, progress, cancelled)
    file.flush()
    os.fsync(file.fileno())
    before = sum(_SIZES[stored[name]] * math.prod(shape) for name, shape in shapes.items())
    return Written(source, before, layout.end)


def _formats(
    stored: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]], is_int8: Callable[[str], bool]
) -> dict[str, str]:
    """By the name of each tensor that is written, scales among them, its format."""
    formats: dict[str, str] = {}
    for name in shapes:
        if is_int8(name) or stored[name] == "I8":
            formats |= {name: "I8", name + SCALE: "F32"}
        else:
            formats[name] = stored[name]
    return formats


class _Layout:
    """Where each tensor stands in the file."""

    def __init__(self, formats: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.formats = formats
        entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
        begin = 0
        ends: dict[str, int] = {}
        for name in sorted(formats, key=lambda name: (-_SIZES[formats[name]], name)):
            shape = shapes[name] if name in shapes else shapes[name.removesuffix(SCALE)][:1]
            end = begin + _SIZES[formats[name]] * math.prod(shape)
            entries[name] = {"dtype": formats[name], "shape": shape, "data_offsets": (begin, end)}
            ends[name] = begin
            begin = end
        text = json.dumps(entries, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        self.header = len(text).to_bytes(8, "little") + text
        self.places = {name: len(self.header) + offset for name, offset in ends.items()}
        """By name, where its first byte is."""
        self.end = len(self.header) + begin
        """The size of the file."""


def _put(file: BinaryIO, place: int, tensor: torch.Tensor) -> None:
    import torch

    file.seek(place)
    file.write(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)


def _refuse_existing(target: Path, *, overwrite: bool) -> None:
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise OutputError(f"{target} exists already: choose another folder, or overwrite it (`--overwrite`).")
    ours = {*_COPIED, CONFIG_FILE, WEIGHTS_FILE}
    if target.is_symlink() or not target.is_dir() or not {path.name for path in target.iterdir()} <= ours:
        raise OutputError(f"{target} holds other things than a checkpoint, and is not overwritten: choose another.")


@contextmanager
def _whole_folder(target: Path) -> Iterator[Path]:
    """Yield a folder beside `target` that takes its place in the end; whatever interrupts, `target` stays whole."""
    unfinished = target.with_name(f".{target.name}-{secrets.token_hex(4)}.unfinished")
    try:
        unfinished.mkdir()
        yield unfinished
        _put_in_place(unfinished, target)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written ({error.strerror or type(error).__name__}): choose another folder, or make "
            "room for it."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _put_in_place(unfinished: Path, target: Path) -> None:
    if not target.exists():
        unfinished.rename(target)
        return
    before = unfinished.with_suffix(".before")
    target.rename(before)
    try:
        unfinished.rename(target)
    except OSError:
        before.rename(target)
        raise
    shutil.rmtree(before, ignore_errors=True)
