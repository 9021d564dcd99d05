"""A recipe: everything that decides what a training run produces, read from one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

RECIPES = Path(__file__).parent / "recipes"

Split = Literal["train", "validation", "test"]


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

    @property
    def head_size(self) -> int:
        """The width of a head."""
        return self.width // self.heads


@dataclass(frozen=True, slots=True)
class Optimization:
    """How the weights are learned."""

    tokens: int
    """At the constant learning rate."""
    anneal_tokens: int
    """More, while the rate falls to zero."""
    warmup_tokens: int
    """Of the first, while the rate rises."""
    sequence_length: int
    batch_tokens: int
    matrix_learning_rate: float
    """Of Muon, for the matrices inside the layers."""
    vector_learning_rate: float
    """Of AdamW, for embeddings, biases and norms."""
    weight_decay: float
    gradient_clip: float
    file_start_share: float
    """Share of the sequences that begin where a file begins; the others begin anywhere."""
    file_middle_share: float
    """Share of the sequences that begin with a file's header and go on at one of its later lines."""
    seen_tokens: int = 0
    """That the weights to begin from have learned of the same corpus: the batches are those that come after them."""

    @property
    def batch_size(self) -> int:
        """Sequences a step."""
        return max(1, self.batch_tokens // self.sequence_length)

    @property
    def step_tokens(self) -> int:
        """Tokens a step."""
        return self.batch_size * self.sequence_length

    @property
    def steps(self) -> int:
        """Steps at the constant rate, the rise included."""
        return max(1, self.tokens // self.step_tokens)

    @property
    def anneal_steps(self) -> int:
        """Steps of the fall."""
        return max(1, self.anneal_tokens // self.step_tokens)

    @property
    def seen_steps(self) -> int:
        """Steps whose batches the weights to begin from have seen."""
        return self.seen_tokens // self.step_tokens

    @property
    def warmup_steps(self) -> int:
        """Steps of the rise."""
        return self.warmup_tokens // self.step_tokens


@dataclass(frozen=True, slots=True)
class Package:
    """One source of the corpus, as the package index names it."""

    name: str
    version: str
    licence: str
    split: Split = "train"
    most_bytes: int | None = None
    """Of code; None is the corpus's own limit."""
    copies: int = 1
    """How often its code comes; more where it is small and like what users write."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Where the text comes from."""

    package_bytes: int
    """Of one package's code, drawn at random."""
    test_bytes: int
    """Of one package's tests: they call what it offers, and repeat themselves."""
    snippet_bytes: int
    """Of the code that one package's documentation shows."""
    prose_bytes: int
    """Of one package's documentation."""
    example_copies: int
    """How often the packages' examples and snippets come: they are most like what users write."""
    function_copies: int
    """How often documented functions come that stand alone, besides in their modules."""
    standard_library: bool
    packages: tuple[Package, ...]


@dataclass(frozen=True, slots=True)
class Shaping:
    """How the texts are changed into what an editor asks for; shares are of the files."""

    path_comment_share: float
    two_spaces_share: float
    tabs_share: float
    unsorted_imports_share: float
    """Of the examples: imports that stand together come in any order."""
    characters_between_cuts: int
    """Mean distance of the places where a text is cut and its parts are encoded apart; 0 is never."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run."""

    seed: int
    shape: Shape
    shaping: Shaping
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


def with_settings(recipe: Recipe, settings: Mapping[str, str]) -> Recipe:
    """Return the recipe with other values of `[optimization]`, given as text.

    Raises:
        ValueError: there is no such setting, or the value is no number of its kind; the message names it.
    """
    values: dict[str, Any] = {}
    for name, text in settings.items():
        if name not in Optimization.__slots__:
            known = ", ".join(Optimization.__slots__)
            raise ValueError(f"[optimization] has no {name}; its settings are: {known}")
        kind = type(getattr(recipe.optimization, name))
        try:
            values[name] = kind(text)
        except ValueError:
            raise ValueError(
                f"{name} must be a number such as {getattr(recipe.optimization, name)}, not {text}"
            ) from None
    return replace(recipe, optimization=replace(recipe.optimization, **values))


def _parse(table: dict[str, Any]) -> Recipe:
    corpus = table["corpus"]
    return Recipe(
        seed=table["seed"],
        shape=Shape(**table["shape"]),
        shaping=Shaping(**table["shaping"]),
        optimization=Optimization(**table["optimization"]),
        corpus=Corpus(
            packages=tuple(Package(**package) for package in corpus.pop("package")),
            **corpus,
        ),
    )
