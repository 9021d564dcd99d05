"""Tiny random GPT-Neo checkpoints, written by transformers itself, and engines over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neocaret_model.threads import let_waiting_threads_sleep

let_waiting_threads_sleep()  # before anything imports torch

import torch  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers  # noqa: E402
from transformers import GPTNeoConfig, GPTNeoForCausalLM  # noqa: E402

from neocaret_model.engine.engine import LocalEngine  # noqa: E402
from neocaret_model.loading import load_engine, load_reference_engine  # noqa: E402

TEXT = "import pandas as pd\n\ndef main():\n    for i in range(10):\n        print('é 漢字 🎉')\n"
VOCABULARY = 300

MakeCheckpoint = Callable[..., Path]


def train_tokenizer(*, begins_with_end_of_text: bool = False) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [TEXT] * 5,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    if begins_with_end_of_text:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
        )
    return tokenizer


def write_checkpoint(folder: Path, **changes: Any) -> Path:
    tokenizer = train_tokenizer()
    fields: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 32,
        "num_heads": 4,
        "num_layers": 3,
        "attention_types": [[["global", "local", "local"], 1]],
        "window_size": 7,
        "max_position_embeddings": 160,
        "eos_token_id": 0,
        "bos_token_id": 0,
        "initializer_range": 0.2,  # large: a sharp distribution, whose greedy choices are no accidents of rounding
    }
    torch.manual_seed(0)
    GPTNeoForCausalLM(GPTNeoConfig(**fields | changes)).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[..., Tokenizer]:
    return train_tokenizer


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> MakeCheckpoint:
    def make(**changes: Any) -> Path:
        return write_checkpoint(tmp_path / "checkpoint", **changes)

    return make


@pytest.fixture(scope="session")
def reference(tiny_folder: Path) -> GPTNeoForCausalLM:
    network: GPTNeoForCausalLM = GPTNeoForCausalLM.from_pretrained(tiny_folder)
    return network


@pytest.fixture(params=["own", "transformers"])
def engine(tiny_folder: Path, request: pytest.FixtureRequest) -> Iterator[LocalEngine[Any]]:
    """Whatever computes, the engine keeps the same laws."""
    load = load_engine if request.param == "own" else load_reference_engine
    loaded = load(str(tiny_folder), device="cpu", dtype="float32")
    assert isinstance(loaded, LocalEngine)
    yield loaded
    loaded._stepper.prefixes.check()
