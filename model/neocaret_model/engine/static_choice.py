"""The sampler of `sampling.py` as one function of buffers that stay where they are, for all slots of a step at once.

It does the same things in the same order with the same numbers, and so takes the same tokens, wherever it computes. Two
things differ: all tokens are sorted, since how many matter is not known beforehand; and what concerns some of them (the
document's n-grams, tokens already present, tokens that may not be taken) is spread over the vocabulary on the device.

S slots, W tokens that the network knows, V of them that may be taken, the first ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from neocaret_model.captured import Recorder, Work, upload
from neocaret_model.engine.port import Sampling
from neocaret_model.engine.sampling import COLDEST, Ask

_NOBODY = Ask(Sampling(), point=0.0, masses={}, present=None, allowed=None)
"""What is asked for a slot that is not asked about."""


class StaticChoice:
    """Chooses for all slots whose logits stand in a buffer."""

    def __init__(self, logits: Tensor, vocabulary: int, recorder: Recorder) -> None:
        """By `logits` (S x W), wherever they are; tokens from `vocabulary` on are never taken."""
        self._logits = logits
        self._recorder = recorder
        shape, device = (len(logits), vocabulary), logits.device
        self._numbers = torch.zeros(len(logits), len(_numbers(_NOBODY)), dtype=torch.float64, device=device)
        self._masses = torch.full(shape, -torch.inf, device=device)  # S x V, their logarithms
        self._present = torch.zeros(shape, dtype=torch.bool, device=device)  # S x V
        self._barred = torch.zeros(shape, dtype=torch.bool, device=device)  # S x V
        self._spread: list[Tensor] = []
        """Which of these three were written in the last run."""
        self._results = torch.zeros(3, len(logits), dtype=torch.float64, device=device)
        self._replays: dict[bool, Work] = {}
        """With and without draws."""

    def run(self, asks: Mapping[int, Ask]) -> list[list[float]]:
        """Choose for the slots asked about, and wait for the results: the only transfer from the device.

        Returns three lists of S numbers: tokens, their log-probabilities, and the log-sum-exp of the logits, which is
        no finite number where these are not.
        """
        numbers = [_numbers(asks.get(slot, _NOBODY)) for slot in range(len(self._logits))]
        upload(torch.tensor(numbers, dtype=torch.float64), self._numbers)
        self._spread_out(asks)
        draws = any(ask.sampling.temperature > 0.0 for ask in asks.values())
        if draws not in self._replays:
            self._replays[draws] = self._recorder.record(self._draw if draws else self._take_the_likeliest)
        self._replays[draws]()
        results: list[list[float]] = self._results.tolist()
        return results

    def _spread_out(self, asks: Mapping[int, Ask]) -> None:
        for written in self._spread:
            written.fill_(-torch.inf if written is self._masses else False)
        masses = {slot: ask.masses for slot, ask in asks.items() if ask.masses}
        present = {slot: ask.present for slot, ask in asks.items() if ask.present is not None}
        allowed = {slot: ask.allowed for slot, ask in asks.items() if ask.allowed is not None}
        vocabulary = self._masses.shape[1]
        if masses:
            places = [slot * vocabulary + token for slot, own in masses.items() for token in own]
            values = torch.tensor([mass for own in masses.values() for mass in own.values()]).log()
            self._put(self._masses, places, values)
        for slot, tokens in present.items():
            upload(tokens, self._present[slot])
        for slot, own in allowed.items():
            self._barred[slot] = True
            known = [slot * vocabulary + token for token in own if token < vocabulary]
            self._put(self._barred, known, torch.zeros(len(known), dtype=torch.bool))
        pairs = ((self._masses, masses), (self._present, present), (self._barred, allowed))
        self._spread = [whole for whole, some in pairs if some]

    def _put(self, whole: Tensor, places: list[int], values: Tensor) -> None:
        """Write values into a buffer (S x V) at places counted through all of it."""
        index = torch.empty(len(places), dtype=torch.long, device=whole.device)
        there = torch.empty(len(places), dtype=values.dtype, device=whole.device)
        upload(torch.tensor(places, dtype=torch.long), index)
        upload(values, there)
        whole.view(-1)[index] = there

    def _take_the_likeliest(self) -> None:
        raw, normaliser, scores = self._scored()
        self._leave(scores.argmax(dim=1), raw, normaliser)

    def _draw(self) -> None:
        raw, normaliser, scores = self._scored()
        temperature, top_p, top_k, _, _, point = self._numbers[:, :, None].unbind(dim=1)  # S x 1 each
        scaled = (scores - scores.amax(dim=1, keepdim=True)) / temperature.clamp(min=COLDEST).float()
        drawn = drawn_tokens(scaled, top_p, top_k, point)
        self._leave(torch.where(temperature[:, 0] == 0.0, scores.argmax(dim=1), drawn), raw, normaliser)

    def _scored(self) -> tuple[Tensor, Tensor, Tensor]:
        """The logits (S x W), their log-sum-exp (S x 1), and what they come to by n-grams, penalty and bars (S x V)."""
        _, _, _, penalty, weight, _ = self._numbers.float()[:, :, None].unbind(dim=1)  # S x 1 each
        raw = self._logits.float()
        normaliser = raw.logsumexp(dim=1, keepdim=True)
        scores = raw[:, : self._masses.shape[1]].logaddexp(self._masses + (normaliser + weight))
        held_back = torch.where(scores > 0, scores / penalty, scores * penalty)
        return raw, normaliser, torch.where(self._present, held_back, scores).masked_fill(self._barred, -torch.inf)

    def _leave(self, tokens: Tensor, raw: Tensor, normaliser: Tensor) -> None:
        logprobs = raw.gather(1, tokens[:, None]) - normaliser
        self._results.copy_(torch.stack([tokens.double(), logprobs[:, 0].double(), normaliser[:, 0].double()]))


def drawn_tokens(scaled: Tensor, top_p: Tensor, top_k: Tensor, point: Tensor) -> Tensor:
    """Draw a token for each slot.

    Args:
        scaled: S x V, the logits, of which the largest of each slot is 0.
        top_p: S x 1, float64; 1 cuts nothing.
        top_k: S x 1, float64; 0 cuts nothing.
        point: S x 1, float64: the share of the probabilities that lies before the token.

    Returns:
        S token numbers.
    """
    size = scaled.shape[1]
    by_rank = (top_k > 0) & (top_k < size)
    by_mass = top_p < 1.0
    ordered, order = scaled.sort(dim=1, descending=True, stable=True)  # S x V each
    # What is not cut keeps the order of the vocabulary.
    cut = by_rank | by_mass
    own = torch.arange(size, device=scaled.device)
    order = torch.where(cut, order, own)
    weights = torch.where(cut, ordered, scaled).double().exp()  # S x V
    ranked = ~by_rank | (own < top_k)
    # In float32 first where all tokens count, as the host's sampler has it.
    mass = torch.where(by_rank, (weights * ranked).sum(1, keepdim=True), scaled.exp().sum(1, True, dtype=torch.float64))
    cumulated = weights.cumsum(dim=1)
    reached = ~by_mass | (cumulated - weights < top_p * mass)
    kept = (ranked & reached).sum(dim=1, keepdim=True).clamp(min=1)
    whole = cumulated.gather(1, kept - 1)  # S x 1
    place = (cumulated <= point * whole).sum(dim=1, keepdim=True)
    place = place.minimum((cumulated < whole).sum(dim=1, keepdim=True))
    return order.gather(1, place)[:, 0]


def _numbers(ask: Ask) -> tuple[float, ...]:
    sampling = ask.sampling
    weight = math.log(sampling.document_weight) if ask.masses else 0.0
    penalty = sampling.repetition_penalty
    return (sampling.temperature, sampling.top_p, float(sampling.top_k), penalty, weight, ask.point)
