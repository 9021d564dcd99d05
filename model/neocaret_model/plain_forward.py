"""GPT-Neo's forward on a checkpoint's own tensors in its plainest form: float32, nothing packed, nothing kept.

What the network as built is tested against. Weights in other formats are made float32 a piece at a time, so that large
ones need no memory for it.

S sequences, T tokens, D width, H heads, E head size (D = H E), I inputs, O outputs, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from neocaret_model.activation import activation
from neocaret_model.config import LayerKind, ModelConfig
from neocaret_model.quantisation import EMBEDDING, Matrix, Quantised, get_matrix
from neocaret_model.weights import OUTPUT_HEAD

_PIECE = 8192
"""Rows of a matrix."""


def plain_hidden(config: ModelConfig, tensors: dict[str, Tensor], tokens: Tensor) -> Tensor:
    """Return the normed hidden states (S x T x D) of `tokens` (S x T); `tensors` stay as they are."""
    positions = tensors["transformer.wpe.weight"][: tokens.shape[1]]
    hidden = tensors[EMBEDDING][tokens].float() + positions.float()
    for number, kind in enumerate(config.layers):
        name = f"transformer.h.{number}"
        normed = _normed(tensors, f"{name}.ln_1", hidden, config)
        hidden = hidden + _attended(tensors, f"{name}.attn.attention", normed, kind, config)
        normed = _normed(tensors, f"{name}.ln_2", hidden, config)
        expanded = activation(config.activation)(_product(tensors, f"{name}.mlp.c_fc", normed))
        hidden = hidden + _product(tensors, f"{name}.mlp.c_proj", expanded)
    return _normed(tensors, "transformer.ln_f", hidden, config)


def plain_logits(tensors: dict[str, Tensor], hidden: Tensor) -> Tensor:
    """Return the logits (... x V) of normed hidden states (... x D)."""
    return _product(tensors, (OUTPUT_HEAD if OUTPUT_HEAD in tensors else EMBEDDING).removesuffix(".weight"), hidden)


def _attended(tensors: dict[str, Tensor], name: str, hidden: Tensor, kind: LayerKind, config: ModelConfig) -> Tensor:
    shape = (*hidden.shape[:2], config.heads, -1)
    query, key, value = (
        _product(tensors, f"{name}.{part}_proj", hidden).view(shape).transpose(1, 2) for part in "qkv"
    )  # S x H x T x E each
    scores = query @ key.transpose(2, 3)  # S x H x T x T, and not scaled
    seen = torch.ones_like(scores[0, 0], dtype=torch.bool).tril()  # T x T
    if kind == "local":
        seen = seen.triu(1 - config.window)
    attended = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1) @ value
    return _product(tensors, f"{name}.out_proj", attended.transpose(1, 2).flatten(2))


def _normed(tensors: dict[str, Tensor], name: str, hidden: Tensor, config: ModelConfig) -> Tensor:
    weight, bias = tensors[f"{name}.weight"].float(), tensors[f"{name}.bias"].float()
    return functional.layer_norm(hidden, weight.shape, weight, bias, config.layer_norm_epsilon)


def _product(tensors: dict[str, Tensor], name: str, inputs: Tensor) -> Tensor:
    """Multiply `inputs` (... x I) with a matrix (O x I), and add its bias if it has one."""
    matrix, bias = get_matrix(tensors, f"{name}.weight"), tensors.get(f"{name}.bias")
    outputs = torch.cat([inputs @ piece.T for piece in _float_pieces(matrix)], dim=-1)
    return outputs if bias is None else outputs + bias.float()


def _float_pieces(matrix: Matrix) -> Iterator[Tensor]:
    if isinstance(matrix, Quantised):
        for begin in range(0, len(matrix.scales), _PIECE):
            part = slice(begin, begin + _PIECE)
            yield Quantised(matrix.values[part], matrix.scales[part]).floats()
    else:
        for begin in range(0, len(matrix), _PIECE):
            yield matrix[begin : begin + _PIECE].float()
