"""Products with a matrix of weights, by whichever kernel is the fastest here.

On a CPU `torch.nn.functional.linear` hands float32 to MKL, which takes far longer for two to eight rows than for one
(three rows through an output layer of 8192 x 256: 7.6 ms instead of 0.2), and that many are an editor's candidates.
oneDNN, with weights packed beforehand, takes for five rows what it takes for one, in float32 and, where the processor
multiplies that, in bfloat16. Its operators are private to torch, so they are looked for, tried against the plain
product, and left alone where they are missing, wrong or slower.

R rows, I inputs, O outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Linear = Callable[[Tensor], Tensor]
"""From R x I to R x O."""

_TRIED_ROWS = (1, 3, 5)
_TRIES = 5
_TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 2e-2}
"""Of the formats that are packed, how far a product may be off, as a share of the largest."""


def plain(weight: Tensor, bias: Tensor | None = None) -> Linear:
    """Return the product with `weight` (O x I), plus `bias` (O), as torch computes it."""
    return lambda rows: functional.linear(rows, weight, bias)


def packed(weight: Tensor, bias: Tensor | None = None) -> Linear:
    """Return the same through oneDNN, on a CPU; keeps a packed copy and no reference to `weight`.

    Raises:
        RuntimeError, AttributeError: this build of torch has no such operators, or not for this machine.
    """
    pack: Any = torch.ops.mkldnn._reorder_linear_weight  # noqa: SLF001 - no public one packs weights for it
    multiply: Any = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001 - the same
    reordered = pack(weight.contiguous(), max(_TRIED_ROWS))
    return lambda rows: multiply(rows, reordered, bias, "none", [], "")


def choose(weight: Tensor) -> Callable[[Tensor, Tensor | None], Linear]:
    """Return `packed` or `plain`, whichever serves matrices like `weight` (O x I) better for a few rows.

    Takes a few milliseconds.
    """
    tolerance = _TOLERANCES.get(weight.dtype)
    if weight.device.type != "cpu" or tolerance is None:
        return plain
    with torch.inference_mode():
        try:
            ours, theirs = packed(weight), plain(weight)
            # Drawn from a generator of its own: torch's global one belongs to the user.
            generator = torch.Generator().manual_seed(0)
            inputs = torch.randn(max(_TRIED_ROWS), weight.shape[1], generator=generator).to(weight.dtype)
            expected = theirs(inputs)
            if not torch.allclose(ours(inputs), expected, rtol=0, atol=tolerance * float(expected.abs().max())):
                return plain
            return packed if _seconds(ours, inputs) < _seconds(theirs, inputs) else plain
        except (RuntimeError, AttributeError):
            return plain


def _seconds(linear: Linear, inputs: Tensor) -> float:
    return sum(min(_timed(linear, inputs[:rows]) for _ in range(_TRIES)) for rows in _TRIED_ROWS)


def _timed(linear: Linear, rows: Tensor) -> float:
    began = time.perf_counter()
    linear(rows)
    return time.perf_counter() - began
