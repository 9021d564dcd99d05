"""Text to token numbers and back, over the `tokenizers` library alone: importing transformers would cost two seconds.

Either a `tokenizer.json`, or the `vocab.json` and `merges.txt` of GPT-2's byte-level BPE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from neocaret_model.config import read_json_object
from neocaret_model.errors import BrokenWeightsError, UnsupportedModelError
from neocaret_model.text_stream import REPLACEMENT, ByteStream, RedecodedStream, TextStream
from neocaret_model.token_blocks import TokenBlocks, can_be_cut
from neocaret_model.token_bytes import token_bytes
from neocaret_model.unicode import require_unicode

TOKENIZER_FILE = "tokenizer.json"
VOCABULARY_FILE = "vocab.json"
MERGES_FILE = "merges.txt"
END_OF_TEXT = "<|endoftext|>"


class TextTokenizer:
    """A tokenizer that adds what its own post-processor adds, and nothing else."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        # A tokenizer.json can ask for cutting and padding, which a prompt must never see.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        if isinstance(tokenizer.model, models.BPE | models.Unigram):
            # What these remember of words is each thread's own, and stays when the tokenizer goes.
            tokenizer.model._resize_cache(0)  # noqa: SLF001 - no public one turns it off
        self._tokenizer = tokenizer
        self._blocks = TokenBlocks(tokenizer) if can_be_cut(tokenizer) else None
        self.vocabulary: int = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
        """One more than the highest token number."""

    def encode(self, text: str) -> list[int]:
        """The tokens of `text`; cheap where most of it was asked for before.

        Raises:
            RequestError: the text holds a lone surrogate, which is no character.
        """
        require_unicode(text)
        if self._blocks is not None:
            return self._blocks.encode(text)
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids` without special tokens, up to the last whole character.

        A token may end inside the bytes of a character. Such a tail is held back, not shown as U+FFFD.
        """
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text.rstrip(REPLACEMENT)

    def stream(self) -> TextStream:
        """Return an empty text, which grows as `decode` would have it."""
        texts = self.token_bytes
        return RedecodedStream(self.decode) if texts is None else ByteStream(texts)

    @cached_property
    def token_bytes(self) -> list[bytes | None] | None:
        """What each token stands for, by its number; None for special ones, and None instead where nobody can tell."""
        return token_bytes(self._tokenizer, self.vocabulary)

    def token_id(self, token: str) -> int | None:
        """The number of a token given by its spelling in the vocabulary."""
        number: int | None = self._tokenizer.token_to_id(token)
        return number


def read_tokenizer(folder: Path) -> TextTokenizer:
    """The tokenizer of a checkpoint folder.

    Raises:
        UnsupportedModelError: the folder has no tokenizer that could be read.
        BrokenWeightsError: its files are damaged.
    """
    path = folder / TOKENIZER_FILE
    if path.is_file():
        return TextTokenizer(_from_tokenizer_json(path))
    if (folder / VOCABULARY_FILE).is_file() and (folder / MERGES_FILE).is_file():
        return TextTokenizer(_from_vocabulary_and_merges(folder))
    raise UnsupportedModelError(
        f"{folder} has no tokenizer: it needs {TOKENIZER_FILE}, or {VOCABULARY_FILE} and {MERGES_FILE}."
    )


def _from_tokenizer_json(path: Path) -> Tokenizer:
    with _damage_told(f"{path} is damaged"):
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))


def _from_vocabulary_and_merges(folder: Path) -> Tokenizer:
    vocabulary = read_json_object(folder / VOCABULARY_FILE)
    with _damage_told(f"{VOCABULARY_FILE} and {MERGES_FILE} in {folder} do not fit together"):
        tokenizer = Tokenizer(models.BPE(vocabulary, _read_merges(folder / MERGES_FILE)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if END_OF_TEXT in vocabulary:
        tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, normalized=True)])
    return tokenizer


@contextmanager
def _damage_told(what: str) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    # For what it cannot read, the library raises bare Exception, or panics, which is no Exception.
    except BaseException as error:
        raise BrokenWeightsError(f"{what} ({error}): fetch or export the checkpoint again.") from error


def _read_merges(path: Path) -> list[tuple[str, str]]:
    merges = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line and not line.startswith("#version"):
            left, right = line.split(" ")
            merges.append((left, right))
    return merges
