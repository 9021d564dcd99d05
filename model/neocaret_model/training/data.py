"""The corpus as one array of tokens, and batches that depend on nothing but seed and step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

Tokens = npt.NDArray[np.uint16]
Batch = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TokenStore:
    """All documents one after the other, each beginning with the end-of-text token."""

    tokens: Tokens
    starts: npt.NDArray[np.int64]
    """Where each document begins in `tokens`."""
    text_bytes: int

    def save(self, path: Path) -> None:
        """Write the store to an uncompressed `.npz`."""
        np.savez(path, tokens=self.tokens, starts=self.starts, text_bytes=np.int64(self.text_bytes))

    @staticmethod
    def load(path: Path) -> TokenStore:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return TokenStore(arrays["tokens"], arrays["starts"], int(arrays["text_bytes"]))


def encode(texts: Iterable[str], tokenizer: Tokenizer) -> TokenStore:
    """Encode documents with their leading end-of-text token."""
    listed = list(texts)
    rows = [encoding.ids for encoding in tokenizer.encode_batch(listed)]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    tokens = np.fromiter((token for row in rows for token in row), dtype=np.uint16, count=int(lengths.sum()))
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    return TokenStore(tokens, starts, sum(len(text.encode()) for text in listed))


@dataclass(frozen=True)
class Batches:
    """Training batches: each window of the store once an epoch, some replaced by the beginning of a file."""

    store: TokenStore
    batch_size: int
    sequence_length: int
    file_start_share: float
    seed: int

    def at(self, step: int) -> Batch:
        """Return the step's tokens [batch, sequence_length + 1]: inputs and, one further, targets."""
        chosen = np.random.default_rng([self.seed, step])
        windows = [self._window(step * self.batch_size + row, chosen) for row in range(self.batch_size)]
        return np.stack(windows).astype(np.int64)

    def _window(self, index: int, chosen: np.random.Generator) -> Tokens:
        length = self.sequence_length + 1
        count = (len(self.store.tokens) - length) // self.sequence_length
        epoch, place = divmod(index, count)
        begin = int(_order(self.seed, epoch, count)[place]) * self.sequence_length
        if chosen.random() < self.file_start_share:
            begin = int(chosen.choice(self.store.starts))
        begin = min(begin, len(self.store.tokens) - length)
        return self.store.tokens[begin : begin + length]


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng([seed, epoch, count]).permutation(count)


def validation_batches(store: TokenStore, batch_size: int, sequence_length: int, count: int) -> list[Batch]:
    """Return `count` fixed batches [batch, sequence_length + 1], evenly spread over the store."""
    length = sequence_length + 1
    begins = np.linspace(0, len(store.tokens) - length, num=batch_size * count, dtype=np.int64)
    rows = np.stack([store.tokens[begin : begin + length] for begin in begins]).astype(np.int64)
    return list(rows.reshape(count, batch_size, length))
