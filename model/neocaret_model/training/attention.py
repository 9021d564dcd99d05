"""Causal attention for training: torch's own on a GPU, in blocks of queries on a CPU.

Torch's fused kernel for processors computes little faster than a loop. A block of queries has one product with all keys
up to its end, which leaves out most of what the mask would, and `torch.compile` makes one pass of everything between
the two products: half the time, forward and backward (the log in `model/README.md`).

Shapes: `B` batch, `H` heads, `T` tokens, `E` head size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 256
"""Queries of a block: with fewer the products become small, with more the mask wastes more of them."""


def causal_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return softmax(query key^T / sqrt(E)) value for [B, H, T, E], of each token over itself and those before it."""
    if query.device.type != "cpu":
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    tokens = query.shape[2]
    blocks = [
        _block(query[:, :, begin : begin + BLOCK], key[:, :, : begin + BLOCK], value[:, :, : begin + BLOCK])
        for begin in range(0, tokens, BLOCK)
    ]
    return torch.cat(blocks, dim=2)


def _block(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attend from the last tokens of `key` and `value`, which are those of `query`."""
    scores = (query @ key.transpose(-1, -2)).float() / math.sqrt(query.shape[-1])  # [B, H, block, columns]
    places = torch.arange(key.shape[2], device=key.device)
    hidden = places > places[-query.shape[2] :, None]
    weights = scores.masked_fill(hidden, -torch.inf).softmax(dim=-1)
    return weights.to(value.dtype) @ value
