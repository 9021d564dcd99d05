"""Matrices as 8-bit whole numbers, with a scale for each row: what they are, and how they stand in a checkpoint.

In a safetensors file such a matrix is `NAME` in int8 and `NAME_scale`, a vector of as many float32 as it has rows;
their product is the matrix. Embeddings may be stored so too. All other tensors stay floating-point numbers.

O rows (outputs), I columns (inputs).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neocaret_model.weights import OUTPUT_HEAD, SCALE

EMBEDDING = "transformer.wte.weight"
_POSITIONS = "transformer.wpe.weight"
_LARGEST = 127

Place = Callable[[str, Tensor, Tensor | None], dict[str, Tensor]]
"""Takes a stored tensor's name, the tensor, and its rows' scales if it is int8; returns the network's, by name."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A matrix (O x I): `values` times the `scales` of their rows."""

    values: Tensor
    """O x I, int8, from -127 to 127."""
    scales: Tensor
    """O, float32."""

    def floats(self) -> Tensor:
        """Return the matrix in float32."""
        return self.values.float() * self.scales[:, None]


Matrix = Tensor | Quantised


def quantise(weight: Tensor) -> Quantised:
    """Round `weight` (O x I) to 255 steps a row; the largest number of a row is kept exactly."""
    floats = weight.float()
    scales = floats.abs().amax(dim=1) / _LARGEST
    steps = floats / torch.where(scales > 0, scales, 1.0)[:, None]  # rows of zeros stay so
    return Quantised(steps.round().clamp(-_LARGEST, _LARGEST).to(torch.int8), scales)


def floats_of(matrix: Matrix) -> Tensor:
    """Return the matrix itself if it is of floating-point numbers, and else in float32."""
    return matrix.floats() if isinstance(matrix, Quantised) else matrix


def stacked(matrices: Sequence[Matrix]) -> Matrix:
    """Return matrices of one width and one kind as one, one below the other."""
    quantised = [matrix for matrix in matrices if isinstance(matrix, Quantised)]
    if quantised:
        return Quantised(
            torch.cat([matrix.values for matrix in quantised]), torch.cat([matrix.scales for matrix in quantised])
        )
    return torch.cat([floats_of(matrix) for matrix in matrices])


def pop_matrix(tensors: dict[str, Tensor], name: str) -> Matrix:
    """Take a matrix, and the scales that it may have, out of `tensors`."""
    matrix = get_matrix(tensors, name)
    del tensors[name]
    tensors.pop(name + SCALE, None)
    return matrix


def get_matrix(tensors: dict[str, Tensor], name: str) -> Matrix:
    """Return a matrix, together with the scales that it may have."""
    scales = tensors.get(name + SCALE)
    return tensors[name] if scales is None else Quantised(tensors[name], scales)


def as_floats(device: torch.device, dtype: torch.dtype) -> Place:
    """Return what places every tensor on `device` in `dtype`."""

    # A copy even where nothing changes: the file stays mapped otherwise, and cutting it would kill the process.
    def place(name: str, stored: Tensor, scales: Tensor | None) -> dict[str, Tensor]:
        floats = stored if scales is None else Quantised(stored, scales.float()).floats()
        return {name: floats.to(device=device, dtype=dtype, copy=True)}

    return place


def is_quantised(name: str, shape: tuple[int, ...], *, tied: bool) -> bool:
    """Tell whether a tensor becomes int8: what rows are multiplied with, and an embedding that is an output head."""
    return len(shape) == 2 and name != _POSITIONS and (tied or name != EMBEDDING)  # noqa: PLR2004, a matrix


def as_int8(*, tied: bool) -> Place:
    """Return what places matrices as int8 and everything else in float32, on the CPU.

    What is stored as int8 is taken as it is. A `tied` output head is a matrix of its own then, beside an embedding of
    the same numbers.
    """
    in_float32 = as_floats(torch.device("cpu"), torch.float32)

    def place(name: str, stored: Tensor, scales: Tensor | None) -> dict[str, Tensor]:
        if not is_quantised(name, tuple(stored.shape), tied=tied):
            return in_float32(name, stored, scales)
        matrix = quantise(stored) if scales is None else Quantised(stored.clone(), scales.float().clone())
        embedded = {EMBEDDING: matrix.floats()} if name == EMBEDDING else {}
        name = OUTPUT_HEAD if name == EMBEDDING else name
        return embedded | {name: matrix.values, name + SCALE: matrix.scales}

    return place
