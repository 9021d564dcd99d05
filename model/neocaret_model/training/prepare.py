"""Everything that a run needs before its first step: the corpus fetched and filtered, a tokenizer, token arrays."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer

from neocaret_model.training import corpus
from neocaret_model.training.corpus import Document
from neocaret_model.training.data import encode
from neocaret_model.training.recipe import Recipe, Split
from neocaret_model.training.tokenizer import save_tokenizer, train_tokenizer


def prepare(recipe: Recipe, folder: Path) -> None:
    """Fill `folder` with `tokenizer.json`, `train.npz` and `validation.npz`; prints what the corpus holds.

    Raises:
        RuntimeError: a package could not be downloaded.
    """
    corpus.fetch(recipe.corpus.packages, folder / "wheels")
    documents = list(corpus.read(recipe.corpus, folder / "wheels", recipe.seed))
    _print_sizes(documents)
    tokenizer = train_tokenizer(_texts(documents, "train"), recipe.shape.vocabulary)
    save_tokenizer(tokenizer, folder, recipe.shape.positions)
    for split in ("train", "validation"):
        _encode_split(documents, split, tokenizer, folder)


def _encode_split(documents: list[Document], split: Split, tokenizer: Tokenizer, folder: Path) -> None:
    store = encode(_texts(documents, split), tokenizer)
    store.save(folder / f"{split}.npz")
    per_token = store.text_bytes / len(store.tokens)
    print(f"{split}: {store.text_bytes:,} bytes, {len(store.tokens):,} tokens, {per_token:.2f} bytes a token")


def _texts(documents: list[Document], split: Split) -> list[str]:
    return [document.text for document in documents if document.split == split]


def _print_sizes(documents: list[Document]) -> None:
    files = Counter(document.source for document in documents)
    size: Counter[str] = Counter()
    for document in documents:
        size[document.source] += len(document.text)
    for source in files:
        print(f"{source:20} {files[source]:6,} files {size[source]:12,} characters")
