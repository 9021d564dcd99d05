from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neocaret_model.config import ModelConfig, read_config
from neocaret_model.errors import BrokenWeightsError, UnsupportedModelError

# What EleutherAI/gpt-neo-125m publishes, but for what is of no concern here.
PUBLISHED: dict[str, Any] = {
    "activation_function": "gelu_new",
    "architectures": ["GPTNeoForCausalLM"],
    "attention_dropout": 0,
    "attention_layers": ["global", "local"] * 6,
    "attention_types": [[["global", "local"], 6]],
    "bos_token_id": 50256,
    "eos_token_id": 50256,
    "hidden_size": 768,
    "intermediate_size": None,
    "layer_norm_epsilon": 1e-05,
    "max_position_embeddings": 2048,
    "model_type": "gpt_neo",
    "num_heads": 12,
    "num_layers": 12,
    "vocab_size": 50257,
    "window_size": 256,
}


def read(folder: Path, **changes: Any) -> ModelConfig:
    (folder / "config.json").write_text(json.dumps(PUBLISHED | changes))
    return read_config(folder)


def test_the_published_configuration_is_understood(tmp_path: Path) -> None:
    assert read(tmp_path) == ModelConfig(
        vocabulary=50257,
        hidden_size=768,
        intermediate_size=3072,
        heads=12,
        layers=("global", "local") * 6,
        window=256,
        positions=2048,
        activation="gelu_new",
        layer_norm_epsilon=1e-5,
        tied=True,
        eos_ids=(50256,),
    )


def test_several_end_tokens_are_all_kept(tmp_path: Path) -> None:
    assert read(tmp_path, eos_token_id=[3, 5]).eos_ids == (3, 5)


def test_the_end_token_may_be_in_the_generation_configuration(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 7}')
    assert read(tmp_path, eos_token_id=None).eos_ids == (7,)


def test_a_folder_without_configuration_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=r"has no config.json: give the folder of a GPT-Neo checkpoint"):
        read_config(tmp_path)


@pytest.mark.parametrize("kind", ["gpt2", "llama", None, 3])
def test_another_architecture_is_named(tmp_path: Path, kind: object) -> None:
    named = f"of type {kind!r}" if kind else "of no stated type"
    with pytest.raises(UnsupportedModelError, match=f"holds a model {named}, and only GPT-Neo"):
        read(tmp_path, model_type=kind)


def test_quantised_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="quantised"):
        read(tmp_path, quantization_config={"bits": 4})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'"text"', b"[1]"])
def test_what_is_no_json_object_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(BrokenWeightsError, match=r"config\.json (cannot be read as JSON|holds no JSON object)"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vocab_size", 0),
        ("vocab_size", 10**12),
        ("vocab_size", 10**4000),
        ("hidden_size", -768),
        ("hidden_size", 767),
        ("hidden_size", "768"),
        ("hidden_size", 768.0),
        ("hidden_size", True),
        ("num_heads", 0),
        ("num_layers", 10**9),
        ("num_layers", 11),
        ("intermediate_size", 0),
        ("max_position_embeddings", 1),
        ("max_position_embeddings", 10**9),
        ("window_size", 0),
        ("attention_types", "global"),
        ("attention_types", [[["global"], 10**12]]),
        ("attention_types", [[["global"], "12"]]),
        ("attention_types", [[["sideways"], 12]]),
        ("attention_types", [["global", 12]]),
        ("attention_types", [3]),
        ("activation_function", "os.system"),
        ("activation_function", ["gelu"]),
        ("layer_norm_epsilon", 0),
        ("layer_norm_epsilon", float("nan")),
        ("layer_norm_epsilon", "small"),
        ("eos_token_id", -1),
        ("eos_token_id", "end"),
        ("eos_token_id", [1, None]),
    ],
)
def test_a_number_that_makes_no_network_is_named(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(BrokenWeightsError, match=rf"config\.json is damaged: .*{field}") as raised:
        read(tmp_path, **{field: value})
    assert len(str(raised.value)) < 300 + len(str(tmp_path))
