"""A recipe: everything that decides what a training run produces, read from one TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

RECIPES = Path(__file__).parent / "recipes"

Split = Literal["train", "validation"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The network's size."""

    layers: int
    width: int
    heads: int
    positions: int
    vocabulary: int

    def __post_init__(self) -> None:
        """Refuse a width that the heads cannot share.

        Raises:
            ValueError: names both numbers.
        """
        if self.width % self.heads:
            raise ValueError(f"the width {self.width} cannot be shared among {self.heads} heads")


@dataclass(frozen=True, slots=True)
class Optimization:
    """How the weights are learned; shares are of all steps."""

    tokens: int
    sequence_length: int
    batch_tokens: int
    matrix_learning_rate: float
    """Of Muon, for the matrices inside the layers."""
    vector_learning_rate: float
    """Of AdamW, for embeddings, biases and norms."""
    weight_decay: float
    warmup_share: float
    decay_share: float
    gradient_clip: float
    file_start_share: float
    """Share of the sequences that begin where a file begins; the others begin anywhere."""

    @property
    def batch_size(self) -> int:
        """Sequences a step."""
        return max(1, self.batch_tokens // self.sequence_length)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return max(1, self.tokens // (self.batch_size * self.sequence_length))


@dataclass(frozen=True, slots=True)
class Package:
    """One source of the corpus, as the package index names it."""

    name: str
    version: str
    licence: str
    split: Split = "train"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Where the text comes from."""

    package_bytes: int
    standard_library: bool
    packages: tuple[Package, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run."""

    seed: int
    shape: Shape
    optimization: Optimization
    corpus: Corpus


def load_recipe(name: str) -> Recipe:
    """Read a recipe of this package by its name, or any TOML file by its path.

    Raises:
        ValueError: there is no such recipe, or a field is missing, unknown or out of range; the message names it.
    """
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
        raise ValueError(f"there is no recipe {path}; those of the package are: {known}") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from None
    try:
        return _parse(table)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} does not hold what a recipe needs: {error}") from None


def _parse(table: dict[str, Any]) -> Recipe:
    corpus = table["corpus"]
    return Recipe(
        seed=table["seed"],
        shape=Shape(**table["shape"]),
        optimization=Optimization(**table["optimization"]),
        corpus=Corpus(
            package_bytes=corpus["package_bytes"],
            standard_library=corpus["standard_library"],
            packages=tuple(Package(**package) for package in corpus["package"]),
        ),
    )
