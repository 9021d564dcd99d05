"""The configuration of a checkpoint that is no GPT-Neo, through transformers: read, checked, and what the engine needs.

Only classes that transformers itself implements are used: code that a folder brings is never looked for, and what in
its configuration would make transformers fetch other code (kernels of the hub) is left out.
"""

from __future__ import annotations

import json
import logging as standard_logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import transformers
from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING, PretrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from neocaret_model.config import CONFIG_FILE, GENERATION_CONFIG_FILE, as_eos_ids, read_json_object
from neocaret_model.errors import BrokenWeightsError, UnsupportedModelError
from neocaret_model.model_type import read_model_type

MOST_POSITIONS = 4096
"""What is used of a longer context: more is no completion while somebody types, and its keys and values fill memory."""

_BRINGS_CODE = ("auto_map", "attn_implementation", "experts_implementation", "fusion_config", "custom_pipelines")
_POSITIONS = ("max_position_embeddings", "max_seq_len", "seq_length", "max_sequence_length")
_COUNTED = re.compile(r"(?:num|n)_\w*(?:layer|expert|head|block)s?|\w*layers")
"""How architectures call what there are several of: transformers makes lists and modules of so many at once."""
_MOST_COUNTED = 512
_LARGEST = {"vocab_size": 4_000_000, "hidden_size": 65_536, "num_hidden_layers": 512, "num_attention_heads": 512}


@dataclass(frozen=True, slots=True)
class OtherConfig:
    """A network that transformers implements, and the numbers that the engine works with."""

    network_class: type[PreTrainedModel]
    fields: PretrainedConfig
    vocabulary: int
    positions: int
    eos_ids: tuple[int, ...]
    """The tokens that end a text; may be empty."""


def read_other_config(folder: Path) -> OtherConfig:
    """Read and check the configuration of a checkpoint folder.

    Raises:
        UnsupportedModelError: transformers has no causal language model of this type, or it is one of more than text.
        BrokenWeightsError: the configuration is damaged.
    """
    kind, path = read_model_type(folder), folder / CONFIG_FILE
    fields = read_json_object(path)
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or kind not in CONFIG_MAPPING:
        raise UnsupportedModelError(_unknown(folder, kind, fields))
    _require_countable(fields, path)
    with told_as_damage(path), quiet():
        config: PretrainedConfig = CONFIG_MAPPING[kind].from_dict(_harmless(fields))
        if config.get_text_config(decoder=True) is not config or type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
            raise UnsupportedModelError(
                f"{folder} holds a model of more than text (model_type {kind!r}): use one that only continues text."
            )
        return OtherConfig(
            network_class=cast("type[PreTrainedModel]", MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]),
            fields=config,
            vocabulary=_sizes(config, path)["vocab_size"],
            positions=_positions(config, path),
            eos_ids=_eos_ids(config, folder),
        )


@contextmanager
def told_as_damage(path: Path) -> Iterator[None]:
    """Tell whatever transformers raises where a configuration makes no network; it raises anything."""
    try:
        yield
    except (UnsupportedModelError, BrokenWeightsError, MemoryError):
        raise
    except Exception as error:
        raise BrokenWeightsError(f"{path} is damaged: transformers makes no network of it ({brief(error)}).") from error


def brief(error: Exception) -> str:
    """Return an error in one line that is not too long for a sentence."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from writing on the terminal."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(standard_logging.CRITICAL)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _unknown(folder: Path, kind: str, fields: dict[str, Any]) -> str:
    code = ", and code that comes with a model is never run" if "auto_map" in fields else ""
    return (
        f"{folder} holds a model of type {kind[:80]!r}, and transformers {transformers.__version__} knows no causal "
        f"language model of this type{code}: use another model, or a newer transformers."
    )


def _harmless(fields: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if not name.startswith("_") and name not in _BRINGS_CODE}
    harmless: dict[str, Any] = json.loads(json.dumps(kept), object_hook=_number)
    return harmless


def _number(value: dict[str, Any]) -> Any:
    """Read a number that JSON does not have, as transformers writes it: `{"__float__": "Infinity"}`."""
    return float(value["__float__"]) if value.keys() == {"__float__"} else value


def _require_countable(fields: dict[str, Any], path: Path) -> None:
    for name, value in fields.items():
        if _COUNTED.fullmatch(name) and isinstance(value, int) and value > _MOST_COUNTED:
            raise BrokenWeightsError(f"{path} is damaged: {name} must be at most {_MOST_COUNTED}.")


def _sizes(config: PretrainedConfig, path: Path) -> dict[str, int]:
    """The sizes that a network has of those that all configurations know by these names; always `vocab_size`."""
    given = {name: getattr(config, name, None) for name in _LARGEST}
    return {
        name: _size(value, name, _LARGEST[name], path)
        for name, value in given.items()
        if value is not None or name == "vocab_size"
    }


def _size(value: object, name: str, most: int, path: Path, least: int = 1) -> int:
    if type(value) is not int or not least <= value <= most:
        raise BrokenWeightsError(f"{path} is damaged: {name} must be a whole number from {least} to {most}.")
    return value


def _positions(config: PretrainedConfig, path: Path) -> int:
    given = {name: getattr(config, name, None) for name in _POSITIONS}
    sizes = [_size(value, name, 2**31, path, least=2) for name, value in given.items() if value is not None]
    return min([*sizes, _unscaled_positions(config), MOST_POSITIONS])


def _unscaled_positions(config: PretrainedConfig) -> int:
    """Up to where keys stay as they are: beyond it, longrope turns all of them by other angles."""
    rope = getattr(config, "rope_parameters", None) or {}
    original = rope.get("original_max_position_embeddings") or getattr(config, "original_max_position_embeddings", None)
    longrope = rope.get("rope_type") == "longrope"
    return original if longrope and type(original) is int and original > 1 else MOST_POSITIONS


def _eos_ids(config: PretrainedConfig, folder: Path) -> tuple[int, ...]:
    """The end tokens, of which the generation's configuration knows better, as for transformers' `generate`."""
    path = folder / GENERATION_CONFIG_FILE
    known_better = as_eos_ids(read_json_object(path).get("eos_token_id"), path) if path.is_file() else ()
    return known_better or as_eos_ids(getattr(config, "eos_token_id", None), folder / CONFIG_FILE)
