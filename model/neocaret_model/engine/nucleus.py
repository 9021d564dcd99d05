"""A token drawn from the nucleus, the likeliest tokens that together reach a probability, without sorting them all.

Where few tokens are near the likeliest, Python sorts those: sooner than a call of torch or numpy takes. Else tokens are
counted into buckets by their logits. Cumulated from the likeliest bucket on, the buckets' masses tell in which one the
nucleus ends and in which one the draw falls, and only these are sorted. It is a bucket sort of which hardly anything is
carried out, and takes what a full sort would take.

V vocabulary, C candidates.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

_NEAR = 9.0
"""In nats below the likeliest token. It takes 8,000 tokens so far down to weigh as much as it."""
_FEW = 256
"""Candidates that Python sorts sooner than numpy counts all tokens."""
_BUCKETS = 1024
_A_NAT = 64
"""Buckets of a nat; the last one holds all that is less likely."""

_Floats: TypeAlias = npt.NDArray[np.float64]


def drawn(scaled: torch.Tensor, top_p: float, point: float) -> int:
    """Return the token of the nucleus before which lies the share `point` of its probabilities, the likeliest first.

    Of equally likely tokens the first comes first.

    Args:
        scaled: V logits, float32, the largest of which is 0.
        top_p: the probability that the nucleus reaches, below 1; it has at least one token.
        point: from 0 up to 1.
    """
    few = few_candidates(scaled, top_p)
    return drawn_from_buckets(scaled, top_p, point) if few is None else few[0][place_of(few[1], point)]


def place_of(cumulated: Sequence[float], point: float) -> int:
    """Look up a share of all in cumulated weights (C), the last of which may be nothing."""
    return min(bisect_right(cumulated, point * cumulated[-1]), bisect_left(cumulated, cumulated[-1]))


def few_candidates(scaled: torch.Tensor, top_p: float) -> tuple[list[int], list[float]] | None:
    """Return the nucleus, or None where it is not known to be few.

    Args:
        scaled: V logits, the largest of which is 0.
        top_p: below 1.

    Returns:
        The tokens (C), the likeliest first, and the cumulated weights (C).
    """
    values = scaled.numpy()  # whose search takes a quarter of the time of torch's
    near = np.flatnonzero(values > -_NEAR)
    if len(near) > _FEW:
        return None
    logits: list[float] = values[near].tolist()
    order = sorted(range(len(logits)), key=logits.__getitem__, reverse=True)
    cumulated = list(accumulate(math.exp(logits[place]) for place in order))
    mass = top_p * float(scaled.exp().sum(dtype=torch.float64))
    if cumulated[-1] < mass:
        return None
    tokens: list[int] = near.tolist()
    kept = bisect_left(cumulated, mass) + 1
    return [tokens[place] for place in order[:kept]], cumulated[:kept]


def drawn_from_buckets(scaled: torch.Tensor, top_p: float, point: float) -> int:
    """Return what `drawn` returns, however many tokens matter."""
    values = scaled.numpy().astype(np.float64)
    weights = np.exp(values)
    buckets = np.minimum(values * -_A_NAT, _BUCKETS - 1).astype(np.intp)  # V
    masses = np.bincount(buckets, weights, _BUCKETS).cumsum()

    def members(bucket: int) -> tuple[npt.NDArray[np.intp], _Floats]:
        """The bucket's tokens, the likeliest first, and the weights cumulated from the likeliest of all."""
        tokens = np.flatnonzero(buckets == bucket)
        tokens = tokens[np.argsort(-values[tokens], kind="stable")]
        before = masses[bucket - 1] if bucket else 0.0
        return tokens, before + weights[tokens].cumsum()

    mass = top_p * masses[-1]
    last = int(np.searchsorted(masses, mass))
    ends, cumulated = members(last)
    end = min(int(np.searchsorted(cumulated, mass)), len(ends) - 1)
    target = point * cumulated[end]
    bucket = min(int(np.searchsorted(masses, target, side="right")), last)
    if bucket == last:
        return int(ends[min(int(np.searchsorted(cumulated, target, side="right")), end)])
    tokens, cumulated = members(bucket)
    # The bucket's own sum is rounded otherwise than its share of all.
    return int(tokens[min(int(np.searchsorted(cumulated, target, side="right")), len(tokens) - 1)])
