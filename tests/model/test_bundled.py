"""The model in the package: what it is, that transformers agrees, and that it writes something like Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import AutoTokenizer, pipeline

from neocaret_model.engine.port import Engine, GenerationRequest, Sampling
from neocaret_model.hub import BUNDLED_FOLDER
from neocaret_model.loading import load_engine

LARGEST_BYTES = 40_000_000
PROMPT = "import os\nimport sys\n\n\ndef main():\n    for path in "


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine("bundled", device="cpu", dtype="float32")


def greedy(engine: Engine, prompt: str, tokens: int = 16) -> str:
    request = GenerationRequest(prompt=prompt, rows=(Sampling(),), max_new_tokens=tokens)
    return engine.generate(request).continuations[0].text


def test_weights_are_half_precision_and_small() -> None:
    weights = BUNDLED_FOLDER / "model.safetensors"
    assert weights.stat().st_size < LARGEST_BYTES
    with safe_open(weights, framework="pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F16"}  # noqa: SIM118 - no mapping


def test_folder_holds_no_code_and_no_pickle() -> None:
    assert {path.suffix for path in BUNDLED_FOLDER.iterdir()} <= {".json", ".safetensors", ".md", ".png"}


def test_all_layers_are_global_so_that_gpt2_engines_can_run_it() -> None:
    config = json.loads((BUNDLED_FOLDER / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["GPTNeoForCausalLM"]
    assert [kinds for kinds, _ in config["attention_types"]] == [["global"]]


def test_the_tutorials_own_call_continues_alike(engine: Engine) -> None:
    tutorial: Any = pipeline("text-generation", model=str(BUNDLED_FOLDER), dtype=torch.float32)
    generated = tutorial(PROMPT, do_sample=False, max_new_tokens=16)[0]["generated_text"]
    assert generated == PROMPT + greedy(engine, PROMPT)


@pytest.mark.parametrize("text", [PROMPT, "x = '🐍 é'\r\n\tif x:\f\x00", "    \n\n        return"])
def test_tokenizer_gives_any_text_back(text: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED_FOLDER)
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("import pandas as pd", "\n"), ("for i in range(", ")"), ("def main():", "\n    "), ("class Point:", "\n    ")],
)
def test_continuations_have_the_shape_of_python(engine: Engine, prompt: str, expected: str) -> None:
    assert expected in greedy(engine, prompt)


@pytest.mark.parametrize("first", ["import pandas as pd", "import matplotlib.pyplot as plt\n", "import os\n"])
def test_imports_are_followed_by_imports(engine: Engine, first: str) -> None:
    assert greedy(engine, first).lstrip("\n").startswith(("import ", "from "))


def test_model_card_states_data_and_licence() -> None:
    card = Path(BUNDLED_FOLDER / "README.md").read_text(encoding="utf-8")
    for word in ("MIT", "numpy", "pandas", "tokens", "Limitations"):
        assert word in card
