"""A token taken by the compiled library: what `neocaret_model.engine.sampling` takes, in one call.

Sums are rounded otherwise, so that of 100,000 draws one or so, at the rim between two tokens, falls on the other.

V vocabulary.
"""

from __future__ import annotations

import ctypes
import math
from array import array

import torch

from neocaret_model.engine.sampling import COLDEST, Ask, Sampled, chosen, taken
from neocaret_model.native.library import ChoiceC, Library


class CompiledChoice:
    """Takes tokens as `sampling.chosen` does, for one thread at a time.

    What top-k or healing limits, and what is drawn from all tokens, is left to that.
    """

    def __init__(self, library: Library, level: int | None = None) -> None:
        """`level` is that of the processor's instructions; the highest that it has, where it is not given."""
        self._library = library
        self._level = library.levels - 1 if level is None else level
        self._asked = ChoiceC()
        self._asked_at = ctypes.byref(self._asked)
        self._scratch = torch.empty(0, dtype=torch.uint8)
        self._room = -1
        """For how many tokens the scratch memory suffices."""

    def __call__(self, logits: torch.Tensor, vocabulary: int, ask: Ask) -> Sampled:
        """As `sampling.chosen`."""
        vocabulary = min(vocabulary, len(logits))
        if not _is_compiled(ask, vocabulary):
            return chosen(logits, vocabulary, ask)
        logits = logits.contiguous()
        tokens, masses = array("i", ask.masses), array("d", ask.masses.values())
        asked, sampling = self._asked, ask.sampling
        asked.logits = logits.data_ptr()
        asked.all, asked.vocabulary = len(logits), vocabulary
        asked.temperature = 0.0 if sampling.temperature == 0.0 else max(sampling.temperature, COLDEST)
        asked.penalty = sampling.repetition_penalty
        asked.present = None if ask.present is None else ask.present.data_ptr()
        asked.top_p, asked.point = sampling.top_p, ask.point
        asked.weight, asked.mixed = sampling.document_weight, len(tokens)
        asked.mixed_tokens, asked.masses = tokens.buffer_info()[0], masses.buffer_info()[0]
        asked.scratch = self._memory(vocabulary)
        self._library.choose(self._level, self._asked_at)
        if not math.isfinite(asked.normaliser):
            raise FloatingPointError("The logits are not finite.")
        token: int = asked.token
        return taken(token, float(logits[token]) - asked.normaliser, ask)

    def _memory(self, vocabulary: int) -> int:
        if vocabulary > self._room:
            self._scratch = torch.empty(self._library.choice_bytes(self._level, vocabulary), dtype=torch.uint8)
            self._room = vocabulary
        return self._scratch.data_ptr()


def _is_compiled(ask: Ask, vocabulary: int) -> bool:
    sampling = ask.sampling
    drawn = sampling.top_p < 1.0 and not 0 < sampling.top_k < vocabulary
    return ask.allowed is None and (sampling.temperature == 0.0 or drawn) and _fits(ask, vocabulary)


def _fits(ask: Ask, vocabulary: int) -> bool:
    """Tell whether all is within the vocabulary: the library does not look."""
    return max(ask.masses, default=0) < vocabulary and (ask.present is None or len(ask.present) >= vocabulary)
