"""What the engine does beside the network, one thing at a time: `pytest tests/bench/micro.py`.

The sampler, the caches and the detokeniser, with pytest-benchmark; each must be a small part of a step, which takes a
few milliseconds. `neocaret bench engine` measures the whole. It is no part of an ordinary test run.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from neocaret_model.engine.document_ngrams import DocumentNgrams
from neocaret_model.engine.key_values import Memory, Prefix
from neocaret_model.engine.open_document import OpenDocuments
from neocaret_model.engine.port import Sampling
from neocaret_model.engine.prefix_cache import PrefixCache
from neocaret_model.engine.sampling import RowSampler, sample
from neocaret_model.hub import BUNDLED_FOLDER
from neocaret_model.similar_line import similar_lines
from neocaret_model.text_stream import ByteStream
from neocaret_model.tokenizer import TOKENIZER_FILE, read_tokenizer

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pytest_benchmark") is None, reason="pytest-benchmark is not installed"
)

MOST_CHARACTERS = 16_384
"""Of the prompt that the server makes."""

Benchmark = Callable[..., Any]
"""The fixture: calls a function many times, and returns what it returns."""

WAYS = {
    "greedy": Sampling(),
    "top-p": Sampling(0.4, top_p=0.95, seed=1),
    "top-k": Sampling(0.4, top_k=50, seed=1),
    "penalty": Sampling(0.4, top_p=0.95, repetition_penalty=1.2, seed=1),
    "n-grams": Sampling(0.4, top_p=0.95, document_weight=1.0, seed=1),
}
PROMPT = 1900
SHARED = 1888
"""The last multiple of the cache's grid of 32 tokens below `PROMPT`."""
KEPT_PROMPTS = 8


def code() -> str:
    """Some thousand lines of Python."""
    source = importlib.util.find_spec("argparse")
    assert source is not None
    assert source.origin is not None
    return Path(source.origin).read_text(encoding="utf-8")


def code_tokens() -> list[int]:
    """Some thousand tokens of Python."""
    return read_tokenizer(BUNDLED_FOLDER).encode(code())[: PROMPT + 100]


@pytest.mark.parametrize("vocabulary", [8192, 50257])
@pytest.mark.parametrize("way", WAYS)
def test_sampler_takes_a_token(benchmark: Benchmark, way: str, vocabulary: int) -> None:
    tokens = code_tokens()
    ngrams = DocumentNgrams()
    ngrams.read(tokens)
    row = RowSampler(WAYS[way], tokens, vocabulary, ngrams=ngrams)
    # As sharp as a trained network's: the likeliest token has some 40 %.
    logits = 3 * torch.randn(vocabulary, generator=torch.Generator().manual_seed(1))

    def take() -> int:
        return sample(logits, row, vocabulary).token

    assert 0 <= benchmark(take) < vocabulary


def test_ngrams_read_a_document_with_one_token_more(benchmark: Benchmark) -> None:
    tokens = code_tokens()
    ngrams = DocumentNgrams()

    def type_a_token() -> None:
        ngrams.read(tokens[:PROMPT])
        ngrams.read(tokens[: PROMPT + 1])

    benchmark(type_a_token)
    assert ngrams.masses(tokens[PROMPT - 1 : PROMPT])


@pytest.mark.parametrize("way", ["anew", "in blocks"])
def test_prompt_is_encoded_with_a_letter_more(benchmark: Benchmark, way: str) -> None:
    tokenizer = read_tokenizer(BUNDLED_FOLDER)
    text = code()[:MOST_CHARACTERS]
    anew = Tokenizer.from_file(str(BUNDLED_FOLDER / TOKENIZER_FILE))
    lengths = cycle(range(len(text) - 100, len(text)))

    def type_a_letter() -> list[int]:
        prompt = text[: next(lengths)]
        ids: list[int] = anew.encode(prompt).ids if way == "anew" else tokenizer.encode(prompt)
        return ids

    assert benchmark(type_a_letter)[:100] == tokenizer.encode(text)[:100]


def test_document_is_lent_with_a_token_more(benchmark: Benchmark) -> None:
    tokenizer = read_tokenizer(BUNDLED_FOLDER)
    elsewhere, tokens = (code()[40_000:56_000], code()[60_000:76_000]), tokenizer.encode(code()[:MOST_CHARACTERS])
    documents = OpenDocuments(tokenizer.encode)
    lengths = cycle(range(len(tokens) - 100, len(tokens)))

    def ask() -> None:
        documents.give_back(documents.lend(elsewhere, tokens[: next(lengths)]))

    benchmark(ask)


def test_similar_lines_are_found(benchmark: Benchmark) -> None:
    assert benchmark(similar_lines, code()[:48_000], 3)


def test_prefix_cache_finds_the_prompt_among_others(benchmark: Benchmark) -> None:
    cache: PrefixCache[int] = PrefixCache(KEPT_PROMPTS, 32, lambda _: 1)
    for number in range(KEPT_PROMPTS):
        cache.store([*range(PROMPT), number], number)

    def ask() -> int:
        hit = cache.take([*range(PROMPT), KEPT_PROMPTS])
        assert hit is not None
        cache.store([*range(PROMPT), hit.kept], hit.kept)
        return hit.shared_tokens

    assert benchmark(ask) == SHARED


@pytest.mark.parametrize(
    ("layers", "heads"), [pytest.param(6, 4, id="bundled"), pytest.param(12, 12, id="gpt-neo-125m")]
)
def test_keys_and_values_are_forked(benchmark: Benchmark, layers: int, heads: int) -> None:
    prefix = Prefix(Memory(layers, heads, 64, torch.bfloat16, torch.device("cpu")))
    prefix.reserve(PROMPT)
    prefix.length = PROMPT
    assert benchmark(prefix.fork, SHARED).length == SHARED


def test_detokeniser_takes_64_tokens_one_by_one(benchmark: Benchmark) -> None:
    tokenizer = read_tokenizer(BUNDLED_FOLDER)
    tokens = code_tokens()[:64]
    token_bytes = tokenizer.token_bytes
    assert token_bytes is not None

    def write() -> str:
        stream = ByteStream(token_bytes)
        for token in tokens:
            stream.take(token)
        return stream.text

    assert benchmark(write) == tokenizer.decode(tokens)
