"""An embedding that `torch.compile` leaves alone.

Compiled, its gradient is added up number by number, which on a CPU takes as long as a layer of the network.

Shapes: `B` batch, `T` tokens, `D` width, `V` vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@torch.library.custom_op("neocaret::embedded", mutates_args=())
def embedded(weight: Tensor, tokens: Tensor) -> Tensor:
    """Return the rows [B, T, D] of `weight` [V, D] that `tokens` [B, T] name."""
    return functional.embedding(tokens, weight)


@torch.library.custom_op("neocaret::embedding_gradient", mutates_args=())
def _gradient(upstream: Tensor, tokens: Tensor, vocabulary: int) -> Tensor:
    gradient: Tensor = torch.ops.aten.embedding_dense_backward(upstream, tokens, vocabulary, -1, False)
    return gradient


@embedded.register_fake
def _(weight: Tensor, tokens: Tensor) -> Tensor:
    return weight.new_empty(*tokens.shape, weight.shape[1])


@_gradient.register_fake
def _(upstream: Tensor, _tokens: Tensor, vocabulary: int) -> Tensor:
    return upstream.new_empty(vocabulary, upstream.shape[-1])


def _remember(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG001 - names are torch's
    weight, tokens = inputs
    ctx.save_for_backward(tokens)
    ctx.vocabulary = weight.shape[0]


def _backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
    (tokens,) = ctx.saved_tensors
    return _gradient(upstream, tokens, ctx.vocabulary), None


embedded.register_autograd(_backward, setup_context=_remember)
