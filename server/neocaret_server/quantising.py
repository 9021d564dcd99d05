"""What is asked of writing a model in int8, and what comes back; knows no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class QuantiseRequest:
    """Which model to write, and where."""

    model: str
    """The bundled one, a hub name, or a folder."""
    folder: Path
    """What is to hold it."""
    overwrite: bool = False
    """Whether a model that the folder holds already may be replaced."""


@dataclass(frozen=True, slots=True)
class QuantisedModel:
    """What has been written."""

    bytes_before: int
    """Of the model's weights."""
    bytes: int
    """Of those that were written."""
