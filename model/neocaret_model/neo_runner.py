"""The engine's runner over our own GPT-Neo forward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from neocaret_model.engine.branches import Branches
from neocaret_model.engine.key_values import Prefix
from neocaret_model.engine.runner import Asked, Fed, Rows, never
from neocaret_model.forward import Forward


class NeoRunner:
    """Runs a GPT-Neo: rows share their prefix, and nothing of it is copied for them."""

    def __init__(self, network: Forward) -> None:
        self._network = network

    def empty(self) -> Prefix:
        """Return keys and values of nothing."""
        return self._network.new_prefix()

    def fork(self, kept: Prefix, length: int) -> Prefix:
        """Return a copy of the first `length` tokens of `kept`."""
        return kept.fork(length)

    def cut(self, kept: Prefix, length: int) -> Prefix:
        """Return `kept` itself, with its first `length` tokens only."""
        kept.length = length
        return kept

    def prefill(self, tokens: Sequence[int], kept: Prefix, given_up: Asked = never) -> Tensor:
        """Append `tokens` to `kept`; returns the logits (1 x V) after the last of them."""
        return self._network.logits(self._network.prefill(self._tensor(tokens), kept, given_up)[-1:])

    def rows(self, kept: Prefix, count: int) -> NeoRows:
        """Return `count` rows after `kept`."""
        return NeoRows(Branches(kept, count))

    def step(self, fed: Sequence[tuple[Rows, Fed]]) -> list[Tensor]:
        """Let the rows of several prefixes go on together; returns the logits (M x V) of each until the next call."""
        return self._network.decode([(cast("NeoRows", rows).branches, tokens) for rows, tokens in fed])

    def score(self, tokens: Sequence[int], count: int) -> Tensor:
        """Return the logits (count x V) after each of the last `count` of `tokens`."""
        hidden = self._network.prefill(self._tensor(tokens), self._network.new_prefix())
        return self._network.logits(hidden[-count:])

    def _tensor(self, tokens: Sequence[int]) -> Tensor:
        return torch.tensor(tokens, device=self._network.device)


class NeoRows:
    """Continuations of one prefix."""

    takes_drafts = True

    def __init__(self, branches: Branches) -> None:
        self.branches = branches

    def accept(self, counts: Sequence[int]) -> None:
        """Keep the first so many tokens of each row's last ones."""
        self.branches.accept(counts)

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these."""
        self.branches.keep_rows(rows)
