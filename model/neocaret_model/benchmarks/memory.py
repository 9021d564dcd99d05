"""The limit that memory sets: each pass through the network reads its weights once, for one row or for several."""

from __future__ import annotations

import math
import time

import torch

from neocaret_model.config import ModelConfig
from neocaret_model.network import tensor_shapes

READ_BYTES = 512 * 1024**2
"""Far more than any cache of a processor holds."""

_TRIES = 15
_TOKENS = "transformer.wte.weight"
_POSITIONS = "transformer.wpe.weight"


def measure_bandwidth(device: torch.device, size: int = READ_BYTES) -> float:
    """Return how many bytes a second torch reads of a sum over `size` bytes of float32, at best."""
    numbers = torch.ones(size // torch.float32.itemsize, device=device)
    numbers.sum().item()  # the first touch of the memory, and the start of the threads
    return numbers.nbytes / min(_sum_seconds(numbers) for _ in range(_TRIES))


def _sum_seconds(numbers: torch.Tensor) -> float:
    began = time.perf_counter()
    numbers.sum().item()  # waits for a GPU
    return time.perf_counter() - began


def bytes_a_pass(config: ModelConfig, dtype: str) -> int:
    """Return how many bytes of weights a pass for one token reads, in torch's format of this name.

    Of the embeddings it reads a row, unless they are the output head too.
    """
    whole = tensor_shapes(config)
    looked_up = {_POSITIONS} if config.tied else {_POSITIONS, _TOKENS}
    itemsize: int = getattr(torch, dtype).itemsize
    return itemsize * sum(math.prod(size) for name, size in whole.items() if name not in looked_up)
