"""The editing sessions that are measured: real Python text, cut to so many tokens, and what is typed into it. No torch.

    tokens of the text   |<---- N ---->|1 2 3 4 . . .
    cold                 [.............]
    +1                   [.............1]
    +3                   [.............1 2 3 4]
    changed              [.............1 2 x x]         two typed over with other tokens of the text
    elsewhere            (another text)                 asked, and not timed
    back                 [.............1 2 x x]

The text is from Python's standard library. Each repetition takes another part of it, so that no figure hangs on a
single prompt. A text that is cut between tokens may come to a token more or less when it is tokenized again.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import InspectLoader

from neocaret_model.benchmarks.errors import BenchmarkError
from neocaret_model.tokenizer import TextTokenizer

MODULES = ("argparse", "tarfile")
"""Of the standard library: the text that is edited, and the one that the user jumps to."""

COLD = "cold"
REQUESTS = (COLD, "+1", "+3", "changed", "back")
"""The requests of a session that are timed, in their order."""

TYPED = 4
"""Tokens that the longest prompt of a session has beyond the first."""
SLACK = 4
"""Tokens that a prompt may have too many when it is tokenized again."""

_SPARE = 64
"""Tokens behind the prompt, among which others are found to type."""


@dataclass(frozen=True, slots=True)
class Session:
    """The prompts of one session."""

    prompts: tuple[tuple[str, str], ...]
    """Name and text of each request, in order; only those named in `REQUESTS` are timed."""


class Texts:
    """The two texts as a model's tokenizer reads them."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._edited, self._elsewhere = (_source(module) for module in MODULES)

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits: two benchmarks that show the same ones read the same texts."""
        return hashlib.sha256(f"{self._edited}\0{self._elsewhere}".encode()).hexdigest()[:12]

    def sessions(self, length: int, count: int) -> Iterator[Session]:
        """Yield `count` sessions whose first prompts have `length` tokens, from places spread over the text.

        Raises:
            BenchmarkError: the text has fewer tokens.
        """
        for place in range(count):
            share = place / (2 * count)  # of the first half: what follows must suffice
            edited = self._tokens(self._edited, share, length + _SPARE)
            elsewhere = self._tokens(self._elsewhere, share, length)
            yield self._session(edited, elsewhere, length)

    def _tokens(self, text: str, share: float, count: int) -> list[int]:
        """The first `count` tokens of `text` from the first line on that begins after `share` of it."""
        start = text.find("\n", int(share * len(text))) + 1
        tokens = self._tokenizer.encode(text[start:])[:count]
        if len(tokens) < count:
            raise BenchmarkError(f"The text to measure with has fewer than {count} tokens: ask for shorter prompts.")
        return tokens

    def _session(self, tokens: Sequence[int], elsewhere: Sequence[int], length: int) -> Session:
        decode = self._tokenizer.decode
        kept = length + 2
        others = _other_tokens(tokens, kept)
        changed = decode([*tokens[:kept], *others])
        return Session(
            (
                (COLD, decode(tokens[:length])),
                ("+1", decode(tokens[: length + 1])),
                ("+3", decode(tokens[: length + TYPED])),
                ("changed", changed),
                ("elsewhere", decode(elsewhere)),
                ("back", changed),
            )
        )


def _other_tokens(tokens: Sequence[int], place: int) -> Sequence[int]:
    """The first two tokens in a row after `place` that do not begin like those there."""
    for later in range(place + 2, len(tokens) - 1):
        if tokens[later] != tokens[place]:
            return tokens[later : later + 2]
    return tokens[-2:]


def _source(module: str) -> str:
    found = importlib.util.find_spec(module)
    loader = None if found is None else found.loader
    text = loader.get_source(module) if isinstance(loader, InspectLoader) else None
    if not text:
        raise BenchmarkError(f"The source of Python's module {module}, the text to measure with, is not installed.")
    return text
