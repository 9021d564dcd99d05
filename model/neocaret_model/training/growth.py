"""A trained network made wider, computing what it computed before (Net2Net, arXiv 1511.05641; bert2BERT, 2110.07143).

Every number of the residual stream, every head and every inner unit comes several times. Layer norms then see the same
mean and variance, and what a matrix reads several times, its columns share in random parts, by which the copies learn
different things from the first step on. The tied output layer would add up the copies, so the last norm is divided.

Shapes: `D` width, `n` how many times as wide.
"""

from __future__ import annotations

import torch
from torch import Tensor

_REPEATED = ("wte.weight", "wpe.weight")
_LAST_NORM = "ln_f."


def widened(state: dict[str, Tensor], times: int) -> dict[str, Tensor]:
    """Return the weights of a network `times` as wide, with as many times its heads, under the same names.

    They are those of `Network`, with the attention scale outside the query weights. The random parts are always the
    same.
    """
    chance = torch.Generator().manual_seed(0)
    return {name: _wider(name, tensor, times, chance) for name, tensor in state.items()}


def _wider(name: str, tensor: Tensor, times: int, chance: torch.Generator) -> Tensor:
    if name in _REPEATED:
        return tensor.repeat(1, times)
    if name.startswith(_LAST_NORM):
        return tensor.repeat(times) / times
    if tensor.dim() == 1:
        return tensor.repeat(times)
    return torch.cat([_shared_out(tensor, times, chance) for _ in range(times)])


def _shared_out(matrix: Tensor, times: int, chance: torch.Generator) -> Tensor:
    """Return [out, n in], whose n column blocks add up to `matrix` [out, in]."""
    parts = torch.rand(times, *matrix.shape, generator=chance)
    parts /= parts.sum(dim=0)
    return torch.cat([matrix * part for part in parts], dim=1)
