"""What a runner and the self-test need of a GPT-Neo's forward, whoever computes it.

T tokens fed, M tokens fed to some rows, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from neocaret_model.engine.branches import Branches
from neocaret_model.engine.key_values import Prefix
from neocaret_model.engine.runner import Asked, never


class Forward(Protocol):
    """The weights and the two ways through them."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    def new_prefix(self) -> Prefix:
        """Return an empty prefix."""
        ...

    def prefill(self, tokens: Tensor, prefix: Prefix, given_up: Asked = never) -> Tensor:
        """Append `tokens` (T) to `prefix`; returns hidden states (T x D) for `logits`.

        Raises:
            GivenUpError: it was `given_up` before the last layer; `prefix` has the tokens that it had.
        """
        ...

    def decode(self, fed: Sequence[tuple[Branches, Sequence[Sequence[int]]]]) -> list[Tensor]:
        """Append some tokens to each row of several prefixes; returns for each the logits (M x V), row after row.

        They hold until the next call.
        """
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (T x V) of what `prefill` has returned (T x D), or of rows of it."""
        ...
