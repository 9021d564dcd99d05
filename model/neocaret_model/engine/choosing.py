"""How rows take their tokens after a step: here on the host, or wherever a runner does it by itself.

A chooser moves rows on by what they are fed and lets each choose what comes after. What a row has taken is handed out
one by one, and only what is asked for counts: who sees that a guess was wrong asks no further, and the row's sampler
stands where it would stand had nothing been guessed.

M tokens fed in a step, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from neocaret_model.engine.runner import Fed, Rows, Runner
from neocaret_model.engine.sampling import RowSampler, Sampled, sample


@dataclass(frozen=True, slots=True)
class Turn:
    """The rows of one prefix in a step."""

    rows: Rows
    fed: Fed
    samplers: Sequence[RowSampler]
    """One for each row."""


@runtime_checkable
class Chooser(Protocol):
    """Moves rows on and lets them choose."""

    def choose(self, turns: Sequence[Turn], vocabulary: int) -> list[list[Iterator[Sampled]]]:
        """Let the rows of several prefixes go on together.

        Returns for each prefix and row what the row takes after each token fed, in their order. Tokens from
        `vocabulary` on are never taken. Each one handed out moves the row's sampler on.

        Raises:
            FloatingPointError: while handing out: the model gave no finite logits.
        """
        ...

    def give_back(self, rows: Rows) -> None:
        """Let go of rows that will not go on."""
        ...


class HostChooser:
    """Chooses on the host, by the logits of any runner: one transfer for each prefix, where they are elsewhere."""

    def __init__(self, runner: Runner[Any]) -> None:
        self._runner = runner

    def choose(self, turns: Sequence[Turn], vocabulary: int) -> list[list[Iterator[Sampled]]]:
        """As `Chooser.choose`; nothing is computed for what is not asked for."""
        all_logits = self._runner.step([(turn.rows, turn.fed) for turn in turns])
        return [_taken(turn, on_host(logits), vocabulary) for turn, logits in zip(turns, all_logits, strict=True)]

    def give_back(self, rows: Rows) -> None:
        """As `Chooser.give_back`: nothing is held."""


def chooser_of(runner: Runner[Any]) -> Chooser:
    """Return the runner itself if it lets rows choose, and else what does it on the host."""
    return runner if isinstance(runner, Chooser) else HostChooser(runner)


def on_host(logits: Tensor) -> Tensor:
    """Return logits as samplers take them."""
    return logits.detach().to(device="cpu", dtype=torch.float32)


def _taken(turn: Turn, logits: Tensor, vocabulary: int) -> list[Iterator[Sampled]]:
    """For each row its choices by its own logits, of M x V."""
    ends = accumulate(len(tokens) for tokens in turn.fed)
    return [
        _choices(logits[end - len(tokens) : end], sampler, vocabulary)
        for end, tokens, sampler in zip(ends, turn.fed, turn.samplers, strict=True)
    ]


def _choices(logits: Tensor, sampler: RowSampler, vocabulary: int) -> Iterator[Sampled]:
    for after in logits:
        yield sample(after, sampler, vocabulary)
