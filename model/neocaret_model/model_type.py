"""Which network a checkpoint folder holds: the first look at its `config.json`. No torch and no transformers.

GPT-Neo runs on Neocaret's own network, every other causal language model on transformers' modules.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neocaret_model.config import CONFIG_FILE, read_json_object
from neocaret_model.errors import UnsupportedModelError

GPT_NEO = "gpt_neo"
THROUGH_TRANSFORMERS = "Runs through transformers' own modules, slower than a GPT-Neo on Neocaret's network."
"""What a user should know of every other model."""

_CAUSAL = ("ForCausalLM", "LMHeadModel")
"""How transformers' classes of causal language models are called, but for a few."""


def read_model_type(folder: Path) -> str:
    """Return the `model_type` of a checkpoint folder whose kind can be loaded, as far as a glance tells.

    Raises:
        UnsupportedModelError: there is no configuration or no type in it, or the weights are quantised, or it describes
            an encoder with a decoder.
        BrokenWeightsError: the configuration is not JSON.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise UnsupportedModelError(f"{folder} has no {CONFIG_FILE}: give the folder of a checkpoint.")
    fields = read_json_object(path)
    kind = fields.get("model_type")
    if not isinstance(kind, str):
        raise UnsupportedModelError(
            f"{folder} holds a model of no stated type: its {CONFIG_FILE} needs a model_type, such as {GPT_NEO!r}."
        )
    if fields.get("quantization_config") is not None:
        raise UnsupportedModelError(
            f"{folder} holds quantised weights{_method(fields)}, which cannot be loaded: "
            "use the checkpoint they were made from."
        )
    if fields.get("is_encoder_decoder") is True:
        raise UnsupportedModelError(
            f"{folder} holds an encoder with a decoder (model_type {kind!r}), which rewrites a text and does not "
            "continue it: use a causal language model."
        )
    return kind


def seems_causal(folder: Path) -> bool:
    """Tell whether a folder names the class of a causal language model: all that can be known without transformers.

    Raises:
        UnsupportedModelError, BrokenWeightsError: as `read_model_type` does.
    """
    read_model_type(folder)
    names = read_json_object(folder / CONFIG_FILE).get("architectures")
    return isinstance(names, list) and any(isinstance(name, str) and name.endswith(_CAUSAL) for name in names)


def is_tied(folder: Path) -> bool:
    """Tell whether a configuration makes the output head the embedding itself, as most do that do not say.

    Raises:
        BrokenWeightsError: the configuration is not JSON.
    """
    return read_json_object(folder / CONFIG_FILE).get("tie_word_embeddings", True) is not False


def _method(fields: dict[str, Any]) -> str:
    described = fields["quantization_config"]
    method = described.get("quant_method") if isinstance(described, dict) else None
    return f" ({method})" if isinstance(method, str) and method.isidentifier() else ""
