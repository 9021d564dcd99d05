"""The engine's runner over modules of transformers' that continue from nothing they keep: all is computed anew.

So run networks with a recurrent state (Mamba, RWKV), which cannot be cut to a prefix and does not take a prompt in
chunks, and the first GPT, which knows no cache. It is right for every network, and takes a whole forward per token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from torch import Tensor
from transformers import PreTrainedModel

from neocaret_model.engine.runner import Asked, Fed, Rows, never
from neocaret_model.reference import last_logits

_TOKEN_BYTES = 8


@dataclass(slots=True)
class KeptTokens:
    """A prompt's beginning, of which nothing is computed."""

    tokens: list[int] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """The memory taken."""
        return _TOKEN_BYTES * len(self.tokens)


class RecomputingRunner:
    """Runs a causal language model on all tokens for each new one."""

    def __init__(self, network: PreTrainedModel) -> None:
        self._network = network

    def empty(self) -> KeptTokens:
        """Return no tokens."""
        return KeptTokens()

    def fork(self, kept: KeptTokens, length: int) -> KeptTokens:
        """Return the first `length` tokens of `kept`, which stays as it is."""
        return KeptTokens(kept.tokens[:length])

    cut = fork

    def prefill(self, tokens: Sequence[int], kept: KeptTokens, _given_up: Asked = never) -> Tensor:
        """Append `tokens` to `kept`; returns the logits (1 x V) after the last of them."""
        kept.tokens += tokens
        return last_logits(self._network, [kept.tokens], 1)[:, -1]

    def rows(self, kept: KeptTokens, count: int) -> RecomputedRows:
        """Return `count` rows after `kept`."""
        return RecomputedRows(self._network, [list(kept.tokens) for _ in range(count)])

    def step(self, fed: Sequence[tuple[Rows, Fed]]) -> list[Tensor]:
        """Let the rows of several prefixes go on, one prefix after the other; returns the logits (B x V) of each."""
        return [cast("RecomputedRows", rows).step(tokens) for rows, tokens in fed]

    def score(self, tokens: Sequence[int], count: int) -> Tensor:
        """Return the logits (count x V) after each of the last `count` of `tokens`."""
        return last_logits(self._network, [tokens], count)[0]


class RecomputedRows:
    """Continuations of one prefix, all of one length."""

    takes_drafts = False

    def __init__(self, network: PreTrainedModel, rows: list[list[int]]) -> None:
        self._network = network
        self._rows = rows

    def step(self, tokens: Fed) -> Tensor:
        """Append one token to each row; returns the logits (B x V) after it."""
        for row, (token,) in zip(self._rows, tokens, strict=True):
            row.append(token)
        return last_logits(self._network, self._rows, 1)[:, -1]

    def accept(self, counts: Sequence[int]) -> None:
        """Keep what was appended: one token is never a draft."""

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these."""
        self._rows = [self._rows[row] for row in rows]
