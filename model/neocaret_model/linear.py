"""Products with a matrix of weights, by whichever kernel is the fastest here.

On a CPU `torch.nn.functional.linear` hands float32 to MKL, which takes far longer for two to eight rows than for one
(three rows through an output layer of 8192 x 256: 7.6 ms instead of 0.2), and that many are an editor's candidates.
oneDNN, with weights packed beforehand, takes for five rows what it takes for one, in float32 and, where the processor
multiplies that, in bfloat16; where it takes less for four rows than for one, rows of zeros are added. Matrices of int8
have a kernel of their own, `int8`. All these operators are private to torch or on their way out, so they are looked
for, tried against the plain product, and left alone where they are missing, wrong or slower.

oneDNN writes a program for each number of rows that it meets, and keeps it: for each shape of a matrix some 15 ms and
half a megabyte, which for all numbers up to 32 is more than the bundled model itself. So rows of zeros fill them up to
few numbers.

R rows, I inputs, O outputs.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from neocaret_model.quantisation import Matrix, Quantised, floats_of, quantise

Linear = Callable[[Tensor], Tensor]
"""From R x I to R x O."""
MakeLinear = Callable[[Matrix, Tensor | None], Linear]
"""From a matrix (O x I) and a bias (O) to their product."""

_TRIED_ROWS = (1, 3, 5)
_FULL = 4
"""Rows with which a packed product may be at its best."""
_WORTH_FILLING = 0.9
"""Of the time: small matrices pay for the zeros, and only the largest is tried."""
_ROW_STEPS = ((4, 1), (16, 4))
_LAST_STEP = 8
"""Up to so many rows, in which steps programs are made for them; and beyond."""
_TRIES = 3
_TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 2e-2}
"""Of the formats that are packed, how far a product may be off, as a share of the largest."""
_INT8_TOLERANCE = 3e-2
"""The same, where the rows are rounded to 255 steps."""
_STEPS = 127
_log = logging.getLogger(__name__)


def plain(weight: Matrix, bias: Tensor | None = None) -> Linear:
    """Return the product with `weight` (O x I), plus `bias` (O), as torch computes it."""
    floats = floats_of(weight)
    return lambda rows: functional.linear(rows, floats, bias)


def packed(weight: Matrix, bias: Tensor | None = None) -> Linear:
    """Return the same through oneDNN, on a CPU; keeps a packed copy and no reference to `weight`.

    Raises:
        RuntimeError, AttributeError: this build of torch has no such operators, or not for this machine.
    """
    pack: Any = torch.ops.mkldnn._reorder_linear_weight  # noqa: SLF001 - no public one packs weights for it
    multiply: Any = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001 - the same
    reordered = pack(floats_of(weight).contiguous(), max(_TRIED_ROWS))
    return _in_steps(lambda rows: multiply(rows, reordered, bias, "none", [], ""))


def filled_up(weight: Matrix, bias: Tensor | None = None) -> Linear:
    """Return the same as `packed` with at least four rows each time: it can read its weights faster then.

    Raises:
        RuntimeError, AttributeError: as `packed`.
    """
    return _filled_up(packed(weight, bias))


def rows_computed(count: int) -> int:
    """With how many rows a packed product of so many is computed."""
    step = next((step for most, step in _ROW_STEPS if count <= most), _LAST_STEP)
    return -(-count // step) * step


def _in_steps(linear: Linear) -> Linear:
    return lambda rows: _with_rows(linear, rows, rows_computed(rows.shape[0]))


def _filled_up(linear: Linear) -> Linear:
    return lambda rows: _with_rows(linear, rows, max(_FULL, rows.shape[0]))


def _with_rows(linear: Linear, rows: Tensor, count: int) -> Tensor:
    """Compute a product with so many rows, zeros below those that count."""
    more = count - rows.shape[0]
    return linear(functional.pad(rows, (0, 0, 0, more)))[: rows.shape[0]] if more else linear(rows)


def int8(weight: Matrix, bias: Tensor | None = None) -> Linear:
    """Return the product with an int8 matrix, of float32 rows that are rounded to int8 too; keeps a packed copy.

    Each row is divided by its own largest number, and rounded by a step that is the same for all: what becomes of it
    does not depend on the rows beside it. Sums are exact. Other matrices are made int8 first.

    Raises:
        RuntimeError, AttributeError: this build of torch has no such operators, or not for this machine.
    """
    multiply: Any = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
    weights = _packed_int8(weight if isinstance(weight, Quantised) else quantise(weight))

    def product(rows: Tensor) -> Tensor:
        # A row of zeros becomes 0 / 0, then some number, and zeros again.
        largest = rows.abs().amax(dim=-1, keepdim=True)  # R x 1
        outputs: Tensor = multiply(rows / largest, 1 / _STEPS, _STEPS + 1, weights)
        return outputs.mul_(largest) if bias is None else torch.addcmul(bias, outputs, largest)

    return product


def choose(weight: Matrix) -> MakeLinear:
    """Return whichever of the products above serves matrices like `weight` (O x I) best for a few rows.

    Takes a few milliseconds, and for large ones as long as reading them some dozen times. Where int8 matrices have no
    right kernel, they are computed with in float32.
    """
    if isinstance(weight, Quantised):
        if int8_is_right():
            return int8
        weight = weight.floats()
    tolerance = _TOLERANCES.get(weight.dtype)
    if weight.device.type != "cpu" or tolerance is None:
        return plain
    with torch.inference_mode():
        try:
            ours, theirs = packed(weight), plain(weight)
            # Drawn from a generator of its own: torch's global one belongs to the user.
            generator = torch.Generator().manual_seed(0)
            inputs = torch.randn(max(_TRIED_ROWS), weight.shape[1], generator=generator).to(weight.dtype)
            if not _close(ours(inputs), theirs(inputs), tolerance):
                return plain
            seconds = _seconds(ours, inputs)
            if seconds >= _seconds(theirs, inputs):
                return plain
            return filled_up if _seconds(_filled_up(ours), inputs) < _WORTH_FILLING * seconds else packed
        except (RuntimeError, AttributeError):
            return plain


def _packed_int8(weight: Quantised) -> Any:
    make: Any = torch._make_per_channel_quantized_tensor  # noqa: SLF001 - the public one takes no int8
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*quantized tensor creation functions", UserWarning)
        whole = torch.zeros(len(weight.scales), dtype=torch.long)  # no row's zero is moved
        quantised = make(weight.values.contiguous(), weight.scales.double(), whole, 0)
    return torch.ops.quantized.linear_prepack(quantised, None)


def int8_is_right() -> bool:
    """Try the kernel on ordinary numbers, on zeros, and on the largest: older processors add those in 16 bits."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(-_STEPS, _STEPS + 1, (96, 80), generator=generator).to(torch.int8)
    values[0], values[1] = _STEPS, -_STEPS
    weight = Quantised(values, torch.rand(96, generator=generator) + 0.5)
    inputs = torch.randn(4, 80, generator=generator)
    inputs[1], inputs[2], inputs[3] = 0.0, 1.0, -1.0
    with torch.inference_mode():
        try:
            return _close(int8(weight)(inputs), plain(weight)(inputs), _INT8_TOLERANCE)
        except (RuntimeError, AttributeError):
            return False


def _close(ours: Tensor, expected: Tensor, tolerance: float) -> bool:
    return torch.allclose(ours, expected, rtol=0, atol=tolerance * float(expected.abs().max()))


def _seconds(linear: Linear, inputs: Tensor) -> float:
    return sum(min(_timed(linear, inputs[:rows]) for _ in range(_TRIES)) for rows in _TRIED_ROWS)


def _timed(linear: Linear, rows: Tensor) -> float:
    began = time.perf_counter()
    linear(rows)
    return time.perf_counter() - began
