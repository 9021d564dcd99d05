"""The shapes of EleutherAI's models with random weights, for where the real ones are not at hand.

Speed does not hang on the values of weights. What is written to continue a text with them is noise, so nothing is
measured on them that goes by what the text repeats.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from neocaret_model.config import CONFIG_FILE, read_config
from neocaret_model.hub import ALIASES, BUNDLED_FOLDER, find_cached
from neocaret_model.tokenizer import TOKENIZER_FILE
from neocaret_model.weights import WEIGHTS_FILE

_TOKENIZER_CONFIG = "tokenizer_config.json"
_SPREAD = 0.02
_SEED = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """What fixes the size of a GPT-Neo."""

    layers: int
    width: int
    heads: int
    vocabulary: int = 50257
    positions: int = 2048
    window: int = 256


SHAPES = {
    "EleutherAI/gpt-neo-125m": Shape(layers=12, width=768, heads=12),
    "EleutherAI/gpt-neo-1.3B": Shape(layers=24, width=2048, heads=16),
    "EleutherAI/gpt-neo-2.7B": Shape(layers=32, width=2560, heads=20),
}
"""By the names of the hub."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What to load for a model's name."""

    model: str
    """What the engine's loader takes: the name itself, or a folder of random weights."""
    random: bool


@contextmanager
def checkpoint(model: str) -> Iterator[Checkpoint]:
    """Yield what stands for `model`: itself, or random weights in its shape where it is EleutherAI's and not here.

    The random weights are gone afterwards. Downloads nothing.
    """
    repository = ALIASES.get(model.lower(), model)
    shape = SHAPES.get(repository)
    if shape is None or Path(model).exists() or find_cached(repository) is not None:
        yield Checkpoint(model, random=False)
        return
    with TemporaryDirectory(prefix="neocaret-", ignore_cleanup_errors=True) as folder:
        write_random(Path(folder), shape)
        yield Checkpoint(folder, random=True)


def write_random(folder: Path, shape: Shape) -> None:
    """Write a checkpoint of this shape that the engine and transformers load, with the bundled model's tokenizer."""
    _write_json(folder / CONFIG_FILE, _config(shape))
    _write_json(folder / TOKENIZER_FILE, _padded_tokenizer(shape.vocabulary))
    settings = json.loads((BUNDLED_FOLDER / _TOKENIZER_CONFIG).read_text(encoding="utf-8"))
    _write_json(folder / _TOKENIZER_CONFIG, settings | {"model_max_length": shape.positions})
    _write_weights(folder)


def _config(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["GPTNeoForCausalLM"],
        "model_type": "gpt_neo",
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "hidden_size": shape.width,
        "num_layers": shape.layers,
        "num_heads": shape.heads,
        "attention_types": [[["global", "local"], shape.layers // 2]],
        "intermediate_size": 4 * shape.width,
        "window_size": shape.window,
        "activation_function": "gelu_new",
        "bos_token_id": 0,
        "eos_token_id": 0,
        "dtype": "float16",
    }


def _padded_tokenizer(vocabulary: int) -> dict[str, Any]:
    """The bundled tokenizer with as many tokens as the model has: choosing among them is a part of each step."""
    tokenizer: dict[str, Any] = json.loads((BUNDLED_FOLDER / TOKENIZER_FILE).read_text(encoding="utf-8"))
    known = tokenizer["model"]["vocab"]
    for number in range(1 + max(known.values()), vocabulary):
        known[f"<{number}>"] = number
    return tokenizer


def _write_weights(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from neocaret_model.network import tensor_shapes

    # Drawn from a generator of its own: torch's global one belongs to the user.
    generator = torch.Generator().manual_seed(_SEED)

    def drawn(name: str, size: tuple[int, ...]) -> torch.Tensor:
        if name.endswith((".ln_1.weight", ".ln_2.weight", ".ln_f.weight")):
            return torch.ones(size, dtype=torch.float16)
        return (torch.randn(size, generator=generator) * _SPREAD).half()

    shapes = tensor_shapes(read_config(folder))
    save_file({name: drawn(name, size) for name, size in shapes.items()}, folder / WEIGHTS_FILE, {"format": "pt"})


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
