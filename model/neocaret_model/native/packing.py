"""Matrices as the library reads them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neocaret_model.native.large_pages import memory
from neocaret_model.native.library import Library, MatrixC
from neocaret_model.quantisation import Matrix, Quantised

_FORMS = {torch.float32: 0, torch.bfloat16: 1, torch.int8: 2}
DTYPES = frozenset(_FORMS)
"""The formats of numbers that the library knows."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A matrix (O x I), and the memory that it points into."""

    pointers: MatrixC
    memory: tuple[Tensor, ...]


def packed(library: Library, level: int, matrix: Matrix, bias: Tensor | None) -> Packed:
    """Pack a matrix (O x I) and its bias (O) for a level; nothing of them is needed any more then."""
    values = (matrix.values if isinstance(matrix, Quantised) else matrix).contiguous()
    outputs, inputs = values.shape
    form = _FORMS[values.dtype]
    numbers = memory(library.packed_bytes(level, form, outputs, inputs))
    library.pack(level, form, outputs, inputs, values.data_ptr(), numbers.data_ptr())
    scales = matrix.scales.float().contiguous() if isinstance(matrix, Quantised) else None
    sums = values.sum(dim=1, dtype=torch.int32) if isinstance(matrix, Quantised) else None
    floats = None if bias is None else bias.float().contiguous()
    pointers = MatrixC(
        form=form,
        outputs=outputs,
        inputs=inputs,
        packed=numbers.data_ptr(),
        scales=_address(scales),
        sums=_address(sums),
        bias=_address(floats),
    )
    return Packed(pointers, tuple(each for each in (numbers, scales, sums, floats) if each is not None))


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
