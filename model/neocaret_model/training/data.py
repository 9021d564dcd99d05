"""The corpus as one array of tokens, and batches that depend on nothing but seed and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from neocaret_model.training.recipe import Optimization
from neocaret_model.training.shaping import ShapedText

Tokens = npt.NDArray[np.uint16]
Batch = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TokenStore:
    """All documents one after the other, each beginning with its header: the end-of-text token and its path comment."""

    tokens: Tokens
    starts: npt.NDArray[np.int64]
    """Where each document begins in `tokens`."""
    header_ends: npt.NDArray[np.int64]
    """Where each document's header ends in `tokens`."""
    line_ends: npt.NDArray[np.int64]
    """The tokens that begin with a line end."""
    text_bytes: int

    def save(self, path: Path) -> None:
        """Write the store to an uncompressed `.npz`."""
        np.savez(
            path,
            tokens=self.tokens,
            starts=self.starts,
            header_ends=self.header_ends,
            line_ends=self.line_ends,
            text_bytes=np.int64(self.text_bytes),
        )

    @staticmethod
    def load(path: Path) -> TokenStore:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return TokenStore(
                arrays["tokens"],
                arrays["starts"],
                arrays["header_ends"],
                arrays["line_ends"],
                int(arrays["text_bytes"]),
            )


def encode(texts: Sequence[ShapedText], tokenizer: Tokenizer) -> TokenStore:
    """Encode documents, each with the end-of-text token in front."""
    pieces = [piece for text in texts for piece in (text.header, *text.pieces)]
    encoded = iter(tokenizer.encode_batch(pieces, add_special_tokens=False))
    end_of_text = tokenizer.encode("").ids
    tokens: list[int] = []
    starts, header_ends = [], []
    for text in texts:
        starts.append(len(tokens))
        tokens += end_of_text + next(encoded).ids
        header_ends.append(len(tokens))
        for _ in text.pieces:
            tokens += next(encoded).ids
    array = np.array(tokens, dtype=np.uint16)
    return TokenStore(
        array,
        np.array(starts, dtype=np.int64),
        np.array(header_ends, dtype=np.int64),
        np.flatnonzero(np.isin(array, _line_end_tokens(tokenizer))),
        sum(len(piece.encode()) for piece in pieces),
    )


def _line_end_tokens(tokenizer: Tokenizer) -> list[int]:
    return [token for token in range(tokenizer.get_vocab_size()) if tokenizer.decode([token]).startswith("\n")]


class Batches:
    """Training batches: each window of the store once an epoch, some replaced by what begins as a prompt begins."""

    def __init__(self, store: TokenStore, settings: Optimization, seed: int) -> None:
        self._store = store
        self._settings = settings
        self._seed = seed
        self._length = settings.sequence_length + 1
        self._count = (len(store.tokens) - self._length) // settings.sequence_length

    def at(self, step: int) -> Batch:
        """Return the step's tokens [batch, sequence_length + 1]: inputs and, one further, targets."""
        step += self._settings.seen_steps
        chance = np.random.default_rng([self._seed, step])
        size = self._settings.batch_size
        windows = [self._window(step * size + row, chance) for row in range(size)]
        return np.stack(windows).astype(np.int64)

    def _window(self, index: int, chance: np.random.Generator) -> Tokens:
        drawn = chance.random()
        if drawn < self._settings.file_start_share:
            return self._from(int(chance.choice(self._store.starts)))
        if drawn < self._settings.file_start_share + self._settings.file_middle_share:
            return self._middle(int(chance.integers(len(self._store.line_ends))))
        epoch, place = divmod(index, self._count)
        begin = int(_order(self._seed, epoch, self._count)[place]) * self._settings.sequence_length
        return self._from(begin)

    def _from(self, begin: int) -> Tokens:
        begin = min(begin, len(self._store.tokens) - self._length)
        return self._store.tokens[begin : begin + self._length]

    def _middle(self, line: int) -> Tokens:
        store = self._store
        place = int(store.line_ends[line])
        document = int(np.searchsorted(store.starts, place, side="right")) - 1
        header = store.tokens[store.starts[document] : store.header_ends[document]][: self._length - 1]
        place = max(place, int(store.header_ends[document]))
        body = self._from(min(place, len(store.tokens) - self._length))
        return np.concatenate([header, body])[: self._length]


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng([seed, epoch, count]).permutation(count)


def validation_batches(store: TokenStore, batch_size: int, sequence_length: int, count: int) -> list[Batch]:
    """Return `count` fixed batches [batch, sequence_length + 1], evenly spread over the store."""
    length = sequence_length + 1
    begins = np.linspace(0, len(store.tokens) - length, num=batch_size * count, dtype=np.int64)
    rows = np.stack([store.tokens[begin : begin + length] for begin in begins]).astype(np.int64)
    return list(rows.reshape(count, batch_size, length))
