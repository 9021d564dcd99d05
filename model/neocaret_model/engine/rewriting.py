"""The first tokens of a continuation, which must write again what was taken back from its prompt.

V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neocaret_model.engine.healing import TokenTexts


class Rewriting:
    """What one row still has to write of a healed prompt's text."""

    def __init__(self, texts: TokenTexts, text: str) -> None:
        self._texts = texts
        self._rest = text.encode()

    def limit(self, logits: Tensor) -> Tensor:
        """Return `logits` (V) with minus infinity for the tokens that would write something else."""
        if not self._rest:
            return logits
        allowed = torch.tensor([token for token in self._texts.allowed(self._rest) if token < len(logits)])
        limited = torch.full_like(logits, -torch.inf)
        limited[allowed] = logits[allowed]
        return limited

    def take(self, token: int) -> None:
        """Count a token that was chosen among the allowed ones."""
        if self._rest:
            self._rest = self._texts.rest(self._rest, token)
