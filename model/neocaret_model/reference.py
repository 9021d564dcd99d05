"""The engine's runner over transformers' own modules: the ground truth for ours, and what all other models run on.

Keys and values are kept whole, also of layers that attend to a window only: what is cut off by the window could not be
had back after a cut, and every prompt that is typed on begins with one. The layers mask what they must not see.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from neocaret_model.engine import dynamic_cache
from neocaret_model.engine.runner import Asked, Fed, Rows, never


class KeptCache:
    """A `DynamicCache` of one row, as the engine keeps it."""

    def __init__(self, cache: DynamicCache) -> None:
        self.cache = cache

    @property
    def bytes(self) -> int:
        """The memory taken; what forks share counts for each of them."""
        return dynamic_cache.size(self.cache)


class TransformersRunner:
    """Runs a causal language model; rows get a copy of their prefix each."""

    def __init__(self, network: PreTrainedModel) -> None:
        self._network = network

    def empty(self) -> KeptCache:
        """Return keys and values of nothing."""
        return KeptCache(DynamicCache())

    def fork(self, kept: KeptCache, length: int) -> KeptCache:
        """Return the first `length` tokens of `kept`, which stays as it is; copies no tensor."""
        return KeptCache(dynamic_cache.fork(kept.cache, length))

    cut = fork

    def prefill(self, tokens: Sequence[int], kept: KeptCache, _given_up: Asked = never) -> Tensor:
        """Append `tokens` to `kept`; returns the logits (1 x V) after the last of them."""
        return feed(self._network, [tokens], kept.cache)

    def rows(self, kept: KeptCache, count: int) -> TransformersRows:
        """Return `count` rows after `kept`, which stays as it is."""
        return TransformersRows(self._network, dynamic_cache.expand(kept.cache, count))

    def step(self, fed: Sequence[tuple[Rows, Fed]]) -> list[Tensor]:
        """Let the rows of several prefixes go on, one prefix after the other; returns the logits (B x V) of each."""
        return [cast("TransformersRows", rows).step(tokens) for rows, tokens in fed]

    def score(self, tokens: Sequence[int], count: int) -> Tensor:
        """Return the logits (count x V) after each of the last `count` of `tokens`."""
        return last_logits(self._network, [tokens], count)[0]


class TransformersRows:
    """Continuations of one prefix."""

    takes_drafts = False

    def __init__(self, network: PreTrainedModel, cache: DynamicCache) -> None:
        self._network = network
        self._cache = cache

    def step(self, tokens: Fed) -> Tensor:
        """Append one token to each row; returns the logits (B x V) after it."""
        return feed(self._network, tokens, self._cache)

    def accept(self, counts: Sequence[int]) -> None:
        """Keep what was appended: one token is never a draft."""

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these."""
        dynamic_cache.keep_rows(self._cache, list(rows))


def feed(network: PreTrainedModel, tokens: Sequence[Sequence[int]], cache: DynamicCache) -> Tensor:
    """Put `tokens` (B x T) after what `cache` covers, which grows by them; the logits (B x V) of the last ones."""
    return last_logits(network, tokens, 1, cache)[:, -1]


def last_logits(
    network: PreTrainedModel, tokens: Sequence[Sequence[int]], count: int, cache: DynamicCache | None = None
) -> Tensor:
    """Return the logits (B x count x V) after the last ones of `tokens` (B x T), which follow what `cache` covers."""
    ids = torch.tensor(tokens, device=network.device)
    kept: dict[str, object] = {"use_cache": False} if cache is None else {"use_cache": True, "past_key_values": cache}
    if "logits_to_keep" in inspect.signature(network.forward).parameters:
        kept["logits_to_keep"] = count
    logits: Tensor = network(input_ids=ids, **kept).logits
    return logits[:, -count:]
