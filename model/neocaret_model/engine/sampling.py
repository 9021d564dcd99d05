"""From logits to tokens: document n-grams, penalty, temperature, top-k and top-p, each row by its own parameters.

Everything is computed on the CPU in float32, whatever device the logits come from, and each row draws from its own
generator: a row of one seed takes the same tokens alone and beside others, here and on a GPU with equal logits.

- The network's distribution is mixed with the document's n-grams first. From there the order is that of transformers:
  penalty, temperature, top-k, top-p over what top-k left.
- The nucleus is never sorted where it is large (`nucleus.py`). The distribution is the same.
- One uniform number is drawn per token and looked up in the cumulated probabilities.
- A call of torch takes as long as Python takes for a dozen numbers: a few candidates are sorted and summed in Python.

V vocabulary, C candidates of one row, the likeliest first.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeAlias

import torch

from neocaret_model.engine.document_ngrams import LONGEST, DocumentNgrams
from neocaret_model.engine.nucleus import drawn
from neocaret_model.engine.port import Sampling
from neocaret_model.engine.rewriting import Rewriting

_SEEDS = 2**64
COLDEST = 1e-6
"""Lower temperatures count as this one."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a row has taken."""

    token: int
    logprob: float
    """The natural logarithm of the model's own probability, before n-grams, penalty, temperature and cuts."""
    mixed_logprob: float
    """The same with the document's n-grams."""


@dataclass(frozen=True, slots=True)
class Ask:
    """All that a choice hangs on beside the logits."""

    sampling: Sampling
    point: float
    """From 0 up to 1: which share of the probabilities lies before the token; 0 where the choice is greedy."""
    masses: Mapping[int, float] = field(default_factory=dict)
    """How much the document's n-grams weigh, by tokens, beside `sampling.document_weight`."""
    present: torch.Tensor | None = None
    """V: the tokens that the repetition penalty holds back; None without one."""
    allowed: tuple[int, ...] | None = None
    """The only tokens that may be taken, but for those that the vocabulary does not hold; None for all."""


def taken(token: int, logprob: float, ask: Ask) -> Sampled:
    """Return a choice, of which the model's own `logprob` is known."""
    mixed_logprob = logprob
    if ask.masses:
        weight = ask.sampling.document_weight
        if token in ask.masses:
            mixed_logprob = math.log(math.exp(logprob) + weight * ask.masses[token])
        mixed_logprob -= math.log1p(weight * sum(ask.masses.values()))
    return Sampled(token, logprob, mixed_logprob)


Choice: TypeAlias = Callable[[torch.Tensor, int, Ask], Sampled]
"""Takes a token by its logits (float32, on the CPU; not changed), from so many of them; see `chosen`."""


class RowSampler:
    """The state with which one row chooses: its parameters, its random numbers, and the tokens already present."""

    def __init__(
        self,
        sampling: Sampling,
        prompt: Sequence[int],
        vocabulary: int,
        rewriting: Rewriting | None = None,
        ngrams: DocumentNgrams | None = None,
        *,
        endings: Container[int] = (),
        choice: Choice | None = None,
    ) -> None:
        """Without `ngrams`, the document's weight is nothing; they must stay as they are while the row grows.

        `endings` are tokens after which the row does not go on; `choice` is `chosen`, or what takes the same tokens.
        """
        self.choice = choice or chosen
        self._sampling = sampling
        self._rewriting = rewriting
        self._ngrams = ngrams if sampling.document_weight > 0.0 else None
        self._endings = endings
        self._context = list(prompt[-LONGEST:])
        self._generator = torch.Generator()
        self._generator.manual_seed(secrets.randbelow(_SEEDS) if sampling.seed is None else sampling.seed % _SEEDS)
        self._points: list[float] = []
        """Those drawn and not used."""
        self._present: torch.Tensor | None = None
        if sampling.repetition_penalty != 1.0:
            self._present = torch.zeros(vocabulary, dtype=torch.bool)  # V
            self._present[list(prompt)] = True

    def ask(self, guesses: Sequence[int] = ()) -> Ask:
        """Return what the next choice hangs on, or the one after the row has taken some guesses; changes nothing."""
        return Ask(
            sampling=self._sampling,
            point=self._point(len(guesses)),
            masses={} if self._ngrams is None else self._ngrams.masses([*self._context, *guesses]),
            present=self._present if not guesses else self._present_after(guesses),
            allowed=None if self._rewriting is None else self._rewriting.allowed(),
        )

    def take(self, token: int) -> None:
        """Move on by what was chosen."""
        self._context.append(token)
        del self._points[:1]
        if self._present is not None:
            self._present[token] = True
        if self._rewriting is not None:
            self._rewriting.take(token)

    def draft(self, most: int) -> list[int]:
        """Return at most so many tokens that may come next: what came next in the document.

        None while the prompt's end is written again: what may come after a guess is not known then. None from an ending
        on: nobody asks what comes after it.
        """
        if self._ngrams is None or most <= 0 or (self._rewriting is not None and self._rewriting.allowed() is not None):
            return []
        return list(takewhile(lambda token: token not in self._endings, self._ngrams.following(self._context, most)))

    def _point(self, place: int) -> float:
        if self._sampling.temperature == 0.0:
            return 0.0
        while len(self._points) <= place:
            self._points.append(float(torch.rand((), generator=self._generator, dtype=torch.float64)))
        return self._points[place]

    def _present_after(self, guesses: Sequence[int]) -> torch.Tensor | None:
        if self._present is None:
            return None
        present = self._present.clone()
        present[list(guesses)] = True
        return present


def choose(logits: torch.Tensor, normaliser: float, ask: Ask) -> int:
    """Take a token by `logits` (V, float32, on the CPU; not changed), whose log-sum-exp is `normaliser`."""
    sampling = ask.sampling
    if ask.masses:
        logits = mixed(logits, normaliser + math.log(sampling.document_weight), ask.masses)
    if ask.present is not None:
        logits = penalised(logits, ask.present, sampling.repetition_penalty)
    if ask.allowed is not None:
        logits = _limited(logits, ask.allowed)
    return int(logits.argmax()) if sampling.temperature == 0.0 else _drawn(logits, sampling, ask.point)


def penalised(logits: torch.Tensor, present: torch.Tensor, penalty: float) -> torch.Tensor:
    """Return `logits` (V) less what the penalty takes from the tokens already `present` (V)."""
    return torch.where(present, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def _limited(logits: torch.Tensor, allowed: Sequence[int]) -> torch.Tensor:
    known = torch.tensor([token for token in allowed if token < len(logits)])
    limited = torch.full_like(logits, -torch.inf)
    limited[known] = logits[known]
    return limited


def _drawn(logits: torch.Tensor, sampling: Sampling, point: float) -> int:
    # Shifted before the division: the smallest temperatures are no float32, and their neighbours would overflow.
    scaled = (logits - logits.max()).div_(max(sampling.temperature, COLDEST))
    if sampling.top_p < 1.0 and not 0 < sampling.top_k < scaled.numel():
        return drawn(scaled, sampling.top_p, point)
    tokens, weights = candidates(scaled, sampling.top_k, sampling.top_p)
    cumulated = weights.cumsum(0)  # C
    place = int(torch.searchsorted(cumulated, point * cumulated[-1], right=True))
    place = min(place, int(torch.count_nonzero(cumulated < cumulated[-1])))
    return place if tokens is None else int(tokens[place])


def mixed(logits: torch.Tensor, unit: float, masses: Mapping[int, float]) -> torch.Tensor:
    """The logits (V) of a mixture: to the network's probability of some tokens, their `masses` are added.

    `unit` is the logit of a mass of 1. What all logits would have in common is left out, so that those of the other
    tokens stay as they are.
    """
    tokens = torch.tensor(list(masses))  # C
    added = torch.tensor([math.log(mass) + unit for mass in masses.values()])  # C
    return logits.index_copy(0, tokens, logits.index_select(0, tokens).logaddexp(added))


def candidates(logits: torch.Tensor, top_k: int, top_p: float) -> tuple[torch.Tensor | None, torch.Tensor]:
    """The tokens that top-k and then top-p leave of one row's `logits` (V), and their probabilities, not normalised.

    Where top-k leaves all, there is no top-p here: `nucleus.drawn` is for that.

    Returns:
        tokens: C token numbers, the likeliest first; None for all of them in their own order.
        weights: C float64 numbers that keep the proportions of the probabilities.
    """
    best = logits.max()
    if 0 < top_k < logits.numel():
        rim = logits.topk(top_k).values[-1]
        tokens, weights = _descending((logits >= rim).nonzero()[:, 0], logits, best)
        tokens, weights = tokens[:top_k], weights[:top_k]  # of equal ones the first
        kept = top_k if top_p >= 1.0 else nucleus_size(weights, top_p * float(weights.sum()))
        return tokens[:kept], weights[:kept]
    return None, _weights(logits, best)


def _descending(tokens: torch.Tensor, logits: torch.Tensor, best: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens (C), the likeliest first, and their probabilities over that of the likeliest of all."""
    values, order = logits[tokens].sort(descending=True, stable=True)
    return tokens[order], _weights(values, best)


def _weights(logits: torch.Tensor, best: torch.Tensor) -> torch.Tensor:
    return (logits - best).double().exp_()


def nucleus_size(weights: torch.Tensor, mass: float) -> int:
    """How many of the descending probabilities (C) are needed to reach `mass`; at least one."""
    before = weights.cumsum(0) - weights
    return max(1, int(torch.count_nonzero(before < mass)))


def chosen(logits: torch.Tensor, vocabulary: int, ask: Ask) -> Sampled:
    """Take a token by `logits` (float32, on the CPU; not changed), from the first `vocabulary` of them.

    Raises:
        FloatingPointError: the model gave no finite logits.
    """
    normaliser = float(logits.logsumexp(dim=-1))
    if not math.isfinite(normaliser):
        raise FloatingPointError("The logits are not finite.")
    token = choose(logits[:vocabulary], normaliser, ask)
    return taken(token, float(logits[token]) - normaliser, ask)


def sample(logits: torch.Tensor, row: RowSampler, vocabulary: int) -> Sampled:
    """Take a token for a row.

    Args:
        logits: V, any device and format.
        row: its sampler, whose state moves on.
        vocabulary: tokens from this number on are never taken; the model may have more than the tokenizer knows.

    Raises:
        FloatingPointError: the model gave no finite logits.
    """
    choice = row.choice(logits.detach().to(device="cpu", dtype=torch.float32), vocabulary, row.ask())
    row.take(choice.token)
    return choice
