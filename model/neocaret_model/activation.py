"""The activations that a GPT-Neo configuration may name, as transformers computes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

Activation = Callable[[Tensor], Tensor]


def _quick_gelu(value: Tensor) -> Tensor:
    return value * torch.sigmoid(1.702 * value)


_tanh_gelu = partial(functional.gelu, approximate="tanh")

_ACTIVATIONS: dict[str, Activation] = {
    "gelu": functional.gelu,
    "gelu_fast": _tanh_gelu,
    "gelu_new": _tanh_gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
    "quick_gelu": _quick_gelu,
    "relu": functional.relu,
    "silu": functional.silu,
    "swish": functional.silu,
    "tanh": torch.tanh,
}


def activation(name: str) -> Activation:
    """Return the function; `read_config` has refused unknown names."""
    return _ACTIVATIONS[name]
