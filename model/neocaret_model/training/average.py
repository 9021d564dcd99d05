"""The weights of several models of one shape and tokenizer, averaged.

Models that began from the same weights lie in one basin, and the middle of it is better than its edges (Wortsman et
al., "Model soups", 2022). Weights of runs that have nothing in common give nonsense when they are averaged.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from neocaret_model.training.export import write_description, write_weights
from neocaret_model.training.network import Network, folded_state, load_folded_state
from neocaret_model.training.recipe import Recipe


def average(recipe: Recipe, shares: Mapping[Path, float], destination: Path) -> None:
    """Write the average of exported models, each by its share of the sum of all; the tokenizer is that of the first.

    One of fewer positions than the recipe has is lengthened as for training.

    Raises:
        ValueError: there is nothing to average, a share is not above zero, or the tokenizers differ.
    """
    folders = list(shares)
    if not folders or min(shares.values()) <= 0:
        raise ValueError("average takes at least one model, each with a share above zero")
    if len({(folder / "tokenizer.json").read_bytes() for folder in folders}) > 1:
        raise ValueError("models with different tokenizers have no average")
    whole = sum(shares.values())
    network = Network(recipe.shape)
    states = [(shares[folder] / whole, _state(network, folder)) for folder in folders]
    network.load_state_dict(
        {name: torch.stack([share * state[name] for share, state in states]).sum(0) for name in states[0][1]}
    )
    destination.mkdir(parents=True, exist_ok=True)
    write_weights(folded_state(network), destination)
    write_description(recipe, destination)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(folders[0] / name, destination / name)


def _state(network: Network, folder: Path) -> dict[str, Tensor]:
    load_folded_state(network, load_file(folder / "model.safetensors"))
    return {name: weight.clone() for name, weight in network.state_dict().items()}
