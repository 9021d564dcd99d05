"""A finished run as a folder that transformers loads: `GPTNeoForCausalLM` in half precision, with its tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from neocaret_model.training import checkpoint
from neocaret_model.training.loop import ANNEALED, PLATEAU
from neocaret_model.training.network import Network, folded_state
from neocaret_model.training.recipe import Recipe, Shape


def export(recipe: Recipe, folder: Path, destination: Path) -> None:
    """Write the run in `folder` to `destination`: annealed where it was, and as it was trained otherwise.

    Raises:
        FileNotFoundError: the run has no checkpoint yet.
    """
    state = checkpoint.load(folder / ANNEALED, torch.device("cpu"))
    if state is None:
        state = checkpoint.load(folder / PLATEAU, torch.device("cpu"))
    if state is None:
        raise FileNotFoundError(f"{folder} has no checkpoint to export; train first")
    _print_origin(state, recipe)
    network = Network(recipe.shape)
    network.load_state_dict(state["network"])
    destination.mkdir(parents=True, exist_ok=True)
    write_weights(folded_state(network), destination)
    write_description(recipe, destination)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(folder / name, destination / name)


def _print_origin(state: dict[str, Any], recipe: Recipe) -> None:
    tokens = state["step"] * recipe.optimization.step_tokens
    annealed = (state["step"] - state["begin"]) * recipe.optimization.step_tokens if state["begin"] else 0
    print(f"exporting the weights after {tokens:,} tokens, {annealed:,} of them at a falling rate")


def write_weights(state: dict[str, Tensor], destination: Path) -> None:
    """Write `model.safetensors` in half precision; what the weights do not fit is not rounded away unseen.

    Raises:
        ValueError: a weight is not finite in half precision; the message names the tensor.
    """
    half = {name: tensor.to(torch.float16).contiguous() for name, tensor in state.items()}
    for name, tensor in half.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} does not fit half precision")
    # `save_file` would leave a file that only its owner can read.
    (destination / "model.safetensors").write_bytes(save(half, metadata={"format": "pt"}))


def write_description(recipe: Recipe, destination: Path) -> None:
    """Write what says how the weights are to be used: `config.json`, and `neocaret.json` on the shape of prompts."""
    _write_json(gpt_neo_config(recipe.shape), destination / "config.json")
    _write_json({"path_comment": recipe.shaping.path_comment_share > 0}, destination / "neocaret.json")


def gpt_neo_config(shape: Shape) -> dict[str, Any]:
    """Return a GPT-Neo's `config.json`: all layers global, so that GPT-2 engines can run it too."""
    return {
        "architectures": ["GPTNeoForCausalLM"],
        "model_type": "gpt_neo",
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "hidden_size": shape.width,
        "num_layers": shape.layers,
        "num_heads": shape.heads,
        "attention_types": [[["global"], shape.layers]],
        "intermediate_size": 4 * shape.width,
        "window_size": 256,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "initializer_range": 0.02,
        "attention_dropout": 0.0,
        "embed_dropout": 0.0,
        "resid_dropout": 0.0,
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "dtype": "float16",
    }


def _write_json(value: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
