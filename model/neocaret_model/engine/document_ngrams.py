"""N-grams of the open document: which tokens followed the last ones elsewhere in it, and how much that counts.

A nested cache model (Hellendoorn and Devanbu, FSE 2017), nested on a network instead of on shorter n-grams:

    p(token) = (p_network(token) + mass(token)) / (1 + all masses)
    mass(token) = WEIGHT * count * (length / followers) ** EXPONENT

`length` is that of the longest context, back from the caret, that the token followed; `count` is how often it followed
a context of at least this length, and `followers` how many different tokens did. What always came after these eight
tokens thus outweighs most guesses of a network, and one of the thirty that came after a bracket hardly any.

It knows the numbers of tokens only: no network, no tensors, no text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from neocaret_model.engine.prefix_cache import shared_prefix

BREAK = -1
"""Stands between two texts of a document: nothing is counted across it."""

WEIGHT = 0.04
EXPONENT = 1.5

LONGEST = 32
"""Contexts that agree in more tokens count the same."""
MOST_PLACES = 256
"""Only so many places, the latest ones, are compared with a context."""

AHEAD = 1
"""What agrees in many tokens goes on alike for long: two in three texts that agree in six, for eight more tokens; one
in three of those that agree in two, for two."""

_NOWHERE = -1


class DocumentNgrams:
    """The tokens of a document, with the places of each pair of them chained, the latest first."""

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._latest: dict[int, dict[int, int]] = {}
        """By the first and the second token of a pair: the last place of the second."""
        self._earlier: list[int] = []
        """By place: the one before it where the same pair ends."""
        self._times: list[int] = []
        """By place: how often its pair has come so far."""

    def read(self, tokens: Sequence[int]) -> None:
        """Make `tokens` the document; the beginning that it shares with the one before is not counted again."""
        shared = shared_prefix(self._tokens, tokens)
        while len(self._tokens) > shared:
            self._remove_last()
        for token in tokens[shared:]:
            self._append(token)

    def masses(self, context: Sequence[int]) -> dict[int, float]:
        """How much each token that followed the end of `context` weighs beside the network's 1 for all tokens."""
        masses: dict[int, float] = {}
        counts: dict[int, int] = {}
        for length, group in groupby(sorted(self._matches(context), reverse=True), key=itemgetter(0)):
            for _, place in group:
                token = self._tokens[place]
                counts[token] = counts.get(token, 0) + 1
            _add_masses(masses, counts, length)
        followers = self._latest.get(context[-1], {})
        _add_masses(masses, {token: self._times[place] for token, place in followers.items()}, 1)
        return masses

    def following(self, context: Sequence[int], most: int) -> list[int]:
        """Return at most so many tokens that followed where an earlier text agrees longest with the end of `context`.

        No more than `AHEAD` for each token that agrees, and nothing where no two do: what followed a single one is too
        seldom right again.
        """
        length, place = max(self._matches(context), default=(0, len(self._tokens)))
        tokens = self._tokens[place : place + min(most, AHEAD * length)]
        return tokens[: tokens.index(BREAK)] if BREAK in tokens else tokens

    def _matches(self, context: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield in how many tokens, two or more, an earlier text agrees with the context, and the place after it."""
        if len(context) == 1:
            return
        tokens = self._tokens
        for place in self._places(context[-2], context[-1]):
            if place + 1 == len(tokens) or tokens[place + 1] == BREAK:
                continue
            most = min(LONGEST, place + 1, len(context))
            length = 2
            while length < most and tokens[place - length] == context[-1 - length]:
                length += 1
            yield length, place + 1

    def _places(self, first: int, second: int) -> Iterator[int]:
        place = self._latest.get(first, {}).get(second, _NOWHERE)
        for _ in range(MOST_PLACES):
            if place == _NOWHERE:
                return
            yield place
            place = self._earlier[place]

    def _append(self, token: int) -> None:
        place, earlier = len(self._tokens), _NOWHERE
        if place > 0 and token != BREAK:
            seconds = self._latest.setdefault(self._tokens[-1], {})
            earlier = seconds.get(token, _NOWHERE)
            seconds[token] = place
        self._tokens.append(token)
        self._earlier.append(earlier)
        self._times.append(1 if earlier == _NOWHERE else self._times[earlier] + 1)

    def _remove_last(self) -> None:
        token, earlier = self._tokens.pop(), self._earlier.pop()
        self._times.pop()
        if not self._tokens or token == BREAK:
            return
        if earlier == _NOWHERE:
            del self._latest[self._tokens[-1]][token]
        else:
            self._latest[self._tokens[-1]][token] = earlier


def _add_masses(masses: dict[int, float], counts: Mapping[int, int], length: int) -> None:
    """Give the tokens that have no mass yet the one of their count after a context of this length."""
    if counts:
        share = WEIGHT * (length / len(counts)) ** EXPONENT
        for token in counts.keys() - masses.keys():
            masses[token] = counts[token] * share
