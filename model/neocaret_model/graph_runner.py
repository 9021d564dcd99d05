"""The engine's runner for GPUs: steps of fixed shapes on buffers that stay where they are, recorded and played again.

Prompts are read as `NeoRunner` reads them. The rows that continue one get a lane with a copy of its keys and values,
and a step of all rows is two recordings played one after the other: the network (`static_pass.py`), and the choice of
tokens (`engine/static_choice.py`). While the first computes, the host finds out what the document's n-grams say. What
comes back in a step is three numbers for each token fed. Guesses are fed as everywhere.

It computes the same on a CPU, where nothing is recorded: for tests.

M tokens fed to the rows of a prefix, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from torch import Tensor

from neocaret_model.captured import Recorder
from neocaret_model.engine.choosing import Turn
from neocaret_model.engine.key_values import Prefix
from neocaret_model.engine.lane import Lane
from neocaret_model.engine.lane_memory import Blocks
from neocaret_model.engine.runner import Asked, Fed, Rows, never
from neocaret_model.engine.sampling import Ask, RowSampler, Sampled, taken
from neocaret_model.engine.static_choice import StaticChoice
from neocaret_model.neo_runner import NeoRunner
from neocaret_model.network import Network
from neocaret_model.static_pass import Move
from neocaret_model.static_steps import StaticSteps

_Chosen = tuple[Ask, float, float, float]
"""What was asked, a token, its log-probability, and the log-sum-exp of the logits."""


class LaneRows:
    """Continuations of one prefix, in a lane of their own."""

    takes_drafts = True

    def __init__(self, number: int, lane: Lane) -> None:
        self.number = number
        self.lane = lane

    def move(self, fed: Fed) -> Move:
        """Open a step in which each row is fed some tokens."""
        slots = self.lane.open_step([len(tokens) for tokens in fed])
        return Move(self.number, self.lane, slots, [token for tokens in fed for token in tokens])

    def accept(self, counts: Sequence[int]) -> None:
        """Keep the first so many tokens of each row's last ones."""
        self.lane.accept(counts)

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these."""
        self.lane.keep(rows)


class GraphRunner:
    """Runs a `Network`, and lets rows choose where it computes."""

    def __init__(self, network: Network, recorder: Recorder, blocks: Blocks | None = None) -> None:
        self._reader = NeoRunner(network)
        self._recorder = recorder
        self._steps = StaticSteps(network, recorder, blocks or Blocks())
        self._lent: dict[int, LaneRows] = {}
        """By the numbers of their lanes."""
        self._choices: dict[tuple[int, int], StaticChoice] = {}
        """By the number of slots, and of tokens that may be taken."""

    def empty(self) -> Prefix:
        """Return keys and values of nothing."""
        return self._reader.empty()

    def fork(self, kept: Prefix, length: int) -> Prefix:
        """Return a copy of the first `length` tokens of `kept`."""
        return self._reader.fork(kept, length)

    def cut(self, kept: Prefix, length: int) -> Prefix:
        """Return `kept` itself, with its first `length` tokens only."""
        return self._reader.cut(kept, length)

    def prefill(self, tokens: Sequence[int], kept: Prefix, given_up: Asked = never) -> Tensor:
        """Append `tokens` to `kept`; returns the logits (1 x V) after the last of them.

        Waits for the device: chunks that stand in line for it could not be cancelled.
        """
        logits = self._reader.prefill(tokens, kept, given_up)
        self._recorder.wait()
        return logits

    def score(self, tokens: Sequence[int], count: int) -> Tensor:
        """Return the logits (count x V) after each of the last `count` of `tokens`."""
        return self._reader.score(tokens, count)

    def rows(self, kept: Prefix, count: int) -> LaneRows:
        """Return `count` rows after `kept`, in a lane that is theirs until they are given back."""
        number = next(number for number in range(len(self._lent) + 1) if number not in self._lent)
        self._steps.open(number, kept)
        self._lent[number] = LaneRows(number, Lane(kept.length, count))
        return self._lent[number]

    def give_back(self, rows: Rows) -> None:
        """Let go of rows that will not go on."""
        number = cast("LaneRows", rows).number
        if self._lent.get(number) is rows:
            del self._lent[number]

    def step(self, fed: Sequence[tuple[Rows, Fed]]) -> list[Tensor]:
        """Let the rows of several prefixes go on together; returns the logits (M x V) of each."""
        logits, places = self._steps.run([cast("LaneRows", rows).move(tokens) for rows, tokens in fed])
        return [logits[place].clone() for place in places]

    def choose(self, turns: Sequence[Turn], vocabulary: int) -> list[list[Iterator[Sampled]]]:
        """As `Chooser.choose`: all choices are made at once, and handed out one by one."""
        logits, places = self._steps.run([cast("LaneRows", turn.rows).move(turn.fed) for turn in turns])
        asks: dict[int, Ask] = {}
        for turn, place in zip(turns, places, strict=True):
            asks |= enumerate(_asks(turn), place.start)
        chosen = self._chosen(logits, vocabulary, asks)
        return [
            _by_row(turn, [chosen[slot] for slot in range(place.start, place.stop)])
            for turn, place in zip(turns, places, strict=True)
        ]

    def check(self) -> None:
        """Assert that all lanes' columns are somebody's or free."""
        for rows in self._lent.values():
            rows.lane.check()

    def _chosen(self, logits: Tensor, vocabulary: int, asks: Mapping[int, Ask]) -> dict[int, _Chosen]:
        key = (len(logits), vocabulary)
        if key not in self._choices:
            self._choices[key] = StaticChoice(logits, vocabulary, self._recorder)
        tokens, logprobs, normalisers = self._choices[key].run(asks)
        return {slot: (ask, tokens[slot], logprobs[slot], normalisers[slot]) for slot, ask in asks.items()}


def _asks(turn: Turn) -> Iterator[Ask]:
    """What each row asks after its last token, and after each guess."""
    for sampler, tokens in zip(turn.samplers, turn.fed, strict=True):
        for end in range(1, len(tokens) + 1):
            yield sampler.ask(tokens[1:end])


def _by_row(turn: Turn, chosen: Sequence[_Chosen]) -> list[Iterator[Sampled]]:
    left = iter(chosen)
    own = [[next(left) for _ in tokens] for tokens in turn.fed]
    return [_handed_out(some, sampler) for some, sampler in zip(own, turn.samplers, strict=True)]


def _handed_out(chosen: Sequence[_Chosen], sampler: RowSampler) -> Iterator[Sampled]:
    for ask, token, logprob, normaliser in chosen:
        if not math.isfinite(normaliser):
            raise FloatingPointError("The logits are not finite.")
        sampler.take(int(token))
        yield taken(int(token), logprob, ask)
