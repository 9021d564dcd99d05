"""Keys and values of transformers' `DynamicCache`, handled so that a kept cache is never changed by its users.

`DynamicCache.update` joins tensors into new ones and `crop` slices, so layers copied shallowly share their tensors
until one of them grows. (`StaticCache` writes in place, and is silently wrong for GPT-Neo in transformers 5.23.)
"""

from __future__ import annotations

import copy

import torch
from transformers import DynamicCache


def fork(cache: DynamicCache, length: int) -> DynamicCache:
    """A cache of the first `length` tokens of `cache`, which stays as it is; copies no tensor."""
    excess = cache.get_seq_length() - length
    forked = copy.copy(cache)
    forked.layers = [copy.copy(layer) for layer in cache.layers]
    if excess:
        forked.crop(-excess)  # the number to remove, negative: transformers 5 raises for any other
    return forked


def expand(cache: DynamicCache, rows: int) -> DynamicCache:
    """A cache of `rows` equal rows from a cache of one, which stays as it is."""
    expanded = fork(cache, cache.get_seq_length())
    if rows > 1:
        expanded.batch_repeat_interleave(rows)
    return expanded


def keep_rows(cache: DynamicCache, rows: list[int]) -> None:
    """Drop all rows of `cache` but these, in place."""
    cache.batch_select_indices(torch.tensor(rows))


def size(cache: DynamicCache) -> int:
    """The memory of all keys and values, in bytes."""
    tensors = [getattr(layer, name, None) for layer in cache.layers for name in ("keys", "values")]
    return sum(tensor.nbytes for tensor in tensors if isinstance(tensor, torch.Tensor))
