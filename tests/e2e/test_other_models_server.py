"""A model that is no GPT-Neo behind the real server and the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from raw_client import AUTOMATIC, EXPLICIT, RawClient, at

SECONDS = 120
PROGRAM = [sys.executable, "-P", "-m", "neocaret_server"]
TEXT = "import pandas as pd\n\nfor i in range(10):\n    pri"


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 of random weights, one of whose layers sees a window, with a byte-level tokenizer of its own."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("qwen")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([TEXT] * 5, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Qwen2Config(
            vocab_size=300,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            use_sliding_window=True,
            sliding_window=7,
            max_window_layers=1,
            initializer_range=0.2,
            eos_token_id=None,
        )
        Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def client(qwen: Path) -> Iterator[RawClient]:
    started = RawClient([*PROGRAM, "lsp"])
    settings = {"model": str(qwen), "candidates": 2, "maxNewTokens": 12, "statistics": False, "seed": 1}
    options = {"capabilities": {}, "processId": None, "rootUri": None, "initializationOptions": settings}
    started.answer(started.request("initialize", options), SECONDS)
    started.notify("initialized", {})
    started.command("neocaret.status")
    yield started
    started.close()


def asked(client: RawClient, method: str, params: Any) -> Any:
    return client.answer(client.request(method, params), SECONDS)["result"]


def generated(client: RawClient, prompt: str, **more: Any) -> Any:
    argument = {"prompt": prompt, "maxNewTokens": 8, "candidates": 2, "seed": 3} | more
    return asked(client, "workspace/executeCommand", {"command": "neocaret.generate", "arguments": [argument]})


def loaded(client: RawClient) -> dict[str, Any]:
    while (status := client.command("neocaret.status")["result"])["state"] != "ready":
        assert status["state"] in ("starting", "loading", "waiting"), status
    result: dict[str, Any] = status
    return result


def test_the_server_says_how_the_model_runs(client: RawClient, qwen: Path) -> None:
    status = loaded(client)
    assert (status["model"], status["positions"]) == (str(qwen), 512)
    assert status["note"] == "Runs through transformers' own modules, slower than a GPT-Neo on Neocaret's network."


def test_a_suggestion_is_offered_and_another_after_more_is_typed(client: RawClient) -> None:
    loaded(client)
    client.open(TEXT)
    first = asked(client, "textDocument/completion", at(3, 7, **EXPLICIT))["items"]
    client.change(TEXT + "n", 2)
    second = asked(client, "textDocument/completion", at(3, 8, **EXPLICIT))["items"]
    assert first
    assert second


def test_a_question_gets_the_same_answer_beside_others_as_alone(client: RawClient) -> None:
    loaded(client)
    alone = generated(client, "def main():\n")
    long = client.request(
        "workspace/executeCommand",
        {"command": "neocaret.generate", "arguments": [{"prompt": "import", "maxNewTokens": 60, "candidates": 3}]},
    )
    assert generated(client, "def main():\n") == alone
    assert len(client.answer(long, SECONDS)["result"]["candidates"]) == 3


def test_a_long_generation_is_cancelled(client: RawClient) -> None:
    loaded(client)
    argument = {"prompt": "import", "maxNewTokens": 400, "candidates": 8}
    long = client.request("workspace/executeCommand", {"command": "neocaret.generate", "arguments": [argument]})
    client.notify("$/cancelRequest", {"id": long})
    assert client.answer(long, SECONDS)["error"]["code"] == -32800
    client.open(TEXT, "file:///y.py")
    assert "result" in client.ask("textDocument/inlineCompletion", at(3, 7, "file:///y.py", **AUTOMATIC))


def neocaret(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        timeout=SECONDS,
        check=False,
    )


def test_the_command_line_takes_its_folder(qwen: Path) -> None:
    done = neocaret("complete", TEXT, "--model", str(qwen), "--max-new-tokens", "4", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["candidates"]) == 3


def test_the_doctor_tries_it_and_says_how_it_runs(qwen: Path) -> None:
    done = neocaret("doctor", "--model", str(qwen), "--json")
    (check,) = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "named model"]
    assert check["ok"], check
    assert "Runs through transformers" in check["detail"]
