"""The port between the engine and what computes: prefixes that can be extended, and rows that share one.

The engine decides what to feed, when, and what is kept; a runner decides how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from torch import Tensor


class Kept(Protocol):
    """Keys and values of a prompt's beginning."""

    @property
    def bytes(self) -> int:
        """The memory taken."""
        ...


KeptT = TypeVar("KeptT", bound=Kept)

Asked = Callable[[], bool]
"""Tells whether work that is under way shall be given up."""

Fed = Sequence[Sequence[int]]
"""The tokens that are appended to each row, at least one."""


class GivenUpError(Exception):
    """Work was given up on the way; what is kept is what was kept before it."""


def never() -> bool:
    """Give nothing up."""
    return False


class Rows(Protocol):
    """Continuations of one prefix, B of them, decoded together, M tokens at a time."""

    @property
    def takes_drafts(self) -> bool:
        """Whether the runner's `step` takes more than one token of a row."""
        ...

    def accept(self, counts: Sequence[int]) -> None:
        """Keep the first so many of the tokens that each row was given in the last step; always called after it."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these."""
        ...


class Runner(Protocol[KeptT]):
    """A network that continues what it keeps."""

    def empty(self) -> KeptT:
        """Return keys and values of nothing."""
        ...

    def fork(self, kept: KeptT, length: int) -> KeptT:
        """Return the first `length` tokens of `kept`, which stays as it is."""
        ...

    def cut(self, kept: KeptT, length: int) -> KeptT:
        """Return the first `length` tokens of `kept`, which is given up for it."""
        ...

    def prefill(self, tokens: Sequence[int], kept: KeptT, given_up: Asked = never, /) -> Tensor:
        """Append `tokens` to `kept`; returns the logits (1 x V) after the last of them.

        A runner that can asks on the way whether it is `given_up`.

        Raises:
            GivenUpError: it was.
        """
        ...

    def rows(self, kept: KeptT, count: int) -> Rows:
        """Return `count` rows after `kept`, of which nothing else may be made while they grow."""
        ...

    def step(self, fed: Sequence[tuple[Rows, Fed]]) -> list[Tensor]:
        """Let the rows of several prefixes go on together.

        Returns for each prefix the logits (M x V) after each token fed, row after row. They hold until the next call.
        """
        ...

    def score(self, tokens: Sequence[int], count: int) -> Tensor:
        """Return the logits (count x V) after each of the last `count` of `tokens`, computed from nothing."""
        ...
