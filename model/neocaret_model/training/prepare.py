"""Everything that a run needs before its first step: the corpus fetched and filtered, a tokenizer, token arrays."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer

from neocaret_model.training import corpus, sources
from neocaret_model.training.corpus import Document
from neocaret_model.training.data import encode
from neocaret_model.training.recipe import Corpus, Recipe, Split
from neocaret_model.training.shaping import ShapedText, shape
from neocaret_model.training.tokenizer import save_tokenizer, train_tokenizer

ENCODED: tuple[Split, ...] = ("train", "validation")
"""The test part is for the evaluation alone, which reads files."""


def prepare(recipe: Recipe, folder: Path, tokenizer_from: Path | None = None) -> None:
    """Fill `folder` with the tokenizer, `train.npz` and `validation.npz`; prints what the corpus holds.

    With `tokenizer_from`, a model's folder, its tokenizer is kept: only then can training begin with its weights.

    Raises:
        RuntimeError: a package could not be downloaded.
        ImportError: what downloads them is not installed.
    """
    sources.fetch(recipe.corpus.packages, folder / "sources")
    documents = list(corpus.read(recipe.corpus, folder / "sources", recipe.seed))
    _print_sizes(documents)
    print("the tokenizer", flush=True)
    if tokenizer_from is None:
        texts = (document.text for document in documents if document.split == "train")
        tokenizer = train_tokenizer(texts, recipe.shape.vocabulary)
    else:
        tokenizer = Tokenizer.from_file(str(tokenizer_from / "tokenizer.json"))
    save_tokenizer(tokenizer, folder, recipe.shape.positions)
    for split in ENCODED:
        _encode_split(shaped(documents, split, recipe), split, tokenizer, folder)


def shaped(documents: list[Document], split: Split, recipe: Recipe) -> list[ShapedText]:
    """Return a part of the corpus as it is learned; what comes repeatedly has another shape each time."""
    return [
        shape(document, recipe.shaping, recipe.seed + copy)
        for document in documents
        if document.split == split
        for copy in range(_copies(document, recipe.corpus))
    ]


def _copies(document: Document, corpus: Corpus) -> int:
    if document.split != "train" or not document.is_code:
        return 1
    if document.is_function:
        return corpus.function_copies
    if document.is_example:
        return corpus.example_copies
    return next((package.copies for package in corpus.packages if package.name == document.source), 1)


def _encode_split(texts: list[ShapedText], split: Split, tokenizer: Tokenizer, folder: Path) -> None:
    store = encode(texts, tokenizer)
    store.save(folder / f"{split}.npz")
    per_token = store.text_bytes / len(store.tokens)
    print(f"{split}: {store.text_bytes:,} bytes, {len(store.tokens):,} tokens, {per_token:.2f} bytes a token")


def _print_sizes(documents: list[Document]) -> None:
    files: Counter[tuple[str, str, str]] = Counter()
    size: Counter[tuple[str, str, str]] = Counter()
    for document in documents:
        key = (str(document.split), document.source, "code" if document.is_code else "prose")
        files[key] += 1
        size[key] += len(document.text.encode())
    for key, count in files.items():
        print(f"{key[0]:11}{key[1]:16}{key[2]:6}{count:7,} files{size[key]:13,} bytes")
