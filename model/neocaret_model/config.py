"""The configuration of a checkpoint: `config.json` read, checked and reduced to what the network needs.

Everything is checked here, before a single tensor is made: a damaged or hostile file costs a sentence, not the memory.
No torch and no transformers.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from neocaret_model.errors import BrokenWeightsError, UnsupportedModelError

LayerKind = Literal["global", "local"]

CONFIG_FILE = "config.json"
GENERATION_CONFIG_FILE = "generation_config.json"

# Far above every GPT-Neo there is, and low enough that no product of two of them is a surprise.
_LARGEST = {
    "vocab_size": 4_000_000,
    "hidden_size": 65_536,
    "intermediate_size": 1_048_576,
    "num_layers": 512,
    "num_heads": 1_024,
    "max_position_embeddings": 65_536,
    "window_size": 65_536,
}


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The numbers that fix a GPT-Neo."""

    vocabulary: int
    hidden_size: int
    intermediate_size: int
    heads: int
    layers: tuple[LayerKind, ...]
    """What each layer attends to: everything before it, or the last `window` positions."""
    window: int
    positions: int
    activation: str
    layer_norm_epsilon: float
    tied: bool
    """Whether the output head is the embedding itself."""
    eos_ids: tuple[int, ...]
    """The tokens that end a text; may be empty."""


def read_config(folder: Path) -> ModelConfig:
    """Read and check `config.json` of a checkpoint folder.

    Raises:
        UnsupportedModelError: there is no configuration, or it describes something else than a GPT-Neo.
        BrokenWeightsError: the configuration is not JSON, or its numbers make no network.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise UnsupportedModelError(f"{folder} has no {CONFIG_FILE}: give the folder of a GPT-Neo checkpoint.")
    fields = read_json_object(path)
    _refuse_other_architectures(fields, folder)
    config = _parse(fields, path)
    return config if config.eos_ids else _with_generation_eos(config, folder)


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that must hold an object.

    Raises:
        BrokenWeightsError: it is unreadable, no JSON, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenWeightsError(
            f"{path} cannot be read as JSON ({error}): fetch or export the checkpoint again."
        ) from error
    if not isinstance(content, dict):
        raise BrokenWeightsError(f"{path} holds no JSON object: fetch or export the checkpoint again.")
    return content


def _refuse_other_architectures(fields: dict[str, Any], folder: Path) -> None:
    kind = fields.get("model_type")
    if kind != "gpt_neo":
        what = f"a model of type {kind!r}" if kind else "a model of no stated type"
        raise UnsupportedModelError(
            f"{folder} holds {what}, and only GPT-Neo (model_type 'gpt_neo') runs on our network."
        )
    if fields.get("quantization_config") is not None:
        raise UnsupportedModelError(
            f"{folder} holds quantised weights, which cannot be loaded: use the checkpoint they were made from."
        )


def _parse(fields: dict[str, Any], path: Path) -> ModelConfig:
    hidden = _integer(fields, "hidden_size", 2048, path)
    heads = _integer(fields, "num_heads", 16, path)
    if hidden % heads:
        raise _broken(path, f"hidden_size {hidden} is no multiple of num_heads {heads}")
    widest = 4 * hidden if fields.get("intermediate_size") is None else _integer(fields, "intermediate_size", 0, path)
    return ModelConfig(
        vocabulary=_integer(fields, "vocab_size", 50257, path),
        hidden_size=hidden,
        intermediate_size=widest,
        heads=heads,
        layers=_layers(fields, path),
        window=_integer(fields, "window_size", 256, path),
        positions=_integer(fields, "max_position_embeddings", 2048, path, smallest=2),
        activation=_activation(fields, path),
        layer_norm_epsilon=_epsilon(fields, path),
        tied=fields.get("tie_word_embeddings", True) is not False,
        eos_ids=as_eos_ids(fields.get("eos_token_id", 50256), path),
    )


def _integer(fields: dict[str, Any], key: str, default: int, path: Path, smallest: int = 1) -> int:
    value = fields.get(key, default)
    if type(value) is not int or not smallest <= value <= _LARGEST[key]:
        raise _broken(path, f"{key} must be a whole number from {smallest} to {_LARGEST[key]}, not {_shown(value)}")
    return value


def _layers(fields: dict[str, Any], path: Path) -> tuple[LayerKind, ...]:
    count = _integer(fields, "num_layers", 24, path)
    given = fields.get("attention_types")
    groups: Any = [[["global", "local"], 12]] if given is None else given
    layers: list[LayerKind] = []
    try:
        for kinds, repeats in groups:
            layers += [_layer_kind(kind) for kind in kinds] * min(repeats, count + 1)
    except (TypeError, ValueError) as error:
        raise _broken(
            path, f"attention_types must look like [[['global', 'local'], 6]], not {_shown(given)}"
        ) from error
    if len(layers) != count:
        raise _broken(path, f"num_layers is {count}, but attention_types describes another number of layers")
    return tuple(layers)


def _layer_kind(kind: object) -> LayerKind:
    if kind == "global":
        return "global"
    if kind == "local":
        return "local"
    raise ValueError(kind)


def _activation(fields: dict[str, Any], path: Path) -> str:
    known = ("gelu_new", "gelu", "relu", "silu", "gelu_pytorch_tanh", "gelu_fast", "quick_gelu", "tanh", "swish")
    name = fields.get("activation_function", "gelu_new")
    if name not in known:
        raise _broken(path, f"activation_function must be one of {', '.join(known)}, not {_shown(name)}")
    return str(name)


def _epsilon(fields: dict[str, Any], path: Path) -> float:
    value = fields.get("layer_norm_epsilon", 1e-5)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < 1.0:
        raise _broken(path, f"layer_norm_epsilon must be between 0 and 1, not {_shown(value)}")
    return float(value)


def as_eos_ids(value: object, path: Path) -> tuple[int, ...]:
    """Check what a configuration gives as `eos_token_id`: a number, a list of them, or nothing.

    Raises:
        BrokenWeightsError: it is something else.
    """
    ids = value if isinstance(value, list) else [] if value is None else [value]
    if any(type(token) is not int or token < 0 for token in ids):
        raise _broken(path, f"eos_token_id must be a token number or a list of them, not {_shown(value)}")
    return tuple(ids)


def _with_generation_eos(config: ModelConfig, folder: Path) -> ModelConfig:
    path = folder / GENERATION_CONFIG_FILE
    if not path.is_file():
        return config
    eos_ids = as_eos_ids(read_json_object(path).get("eos_token_id"), path)
    return ModelConfig(**{**_as_fields(config), "eos_ids": eos_ids})


def _as_fields(config: ModelConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in ModelConfig.__dataclass_fields__}


def _shown(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python prints
        text = "a huge number"
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004, the widest that a sentence bears


def _broken(path: Path, what: str) -> BrokenWeightsError:
    return BrokenWeightsError(f"{path} is damaged: {what}.")
