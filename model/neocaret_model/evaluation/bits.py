"""Bits per byte: how well a model predicts whole files, comparable between tokenizers.

Minus the binary logarithm of the probability of each file's text, over its length in UTF-8. A model that was trained
on files that begin with their path is told it, and the bits of that comment are not counted. A file longer than the
model's positions is read in windows that overlap by half (`engine/score_windows.py`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neocaret_model.engine.port import Engine
from neocaret_model.evaluation.intervals import Interval, ratio, ratio_interval
from neocaret_model.evaluation.source_files import SourceFile
from neocaret_model.path_comment import path_comment


@dataclass(frozen=True, slots=True)
class BitsReport:
    """What some files cost the model."""

    bits_and_bytes: tuple[tuple[float, float], ...]
    """Of each file."""
    tokens: int

    @property
    def bytes(self) -> int:
        """In UTF-8."""
        return round(sum(size for _, size in self.bits_and_bytes))

    @property
    def value(self) -> float:
        """Bits per byte over all files together."""
        return ratio(self.bits_and_bytes)

    @property
    def interval(self) -> Interval:
        """By a bootstrap over the files."""
        return ratio_interval(self.bits_and_bytes)


def draw_files(files: Sequence[SourceFile], most_bytes: int, seed: int) -> list[SourceFile]:
    """Draw files by a hash of seed and path, each that still fits `most_bytes`; the first one whatever its size."""
    drawn: list[SourceFile] = []
    left = most_bytes
    for file in sorted(files, key=lambda file: hashlib.sha256(f"{seed} {file.path}".encode()).digest()):
        size = len(file.text.encode())
        if size <= left or not drawn:
            drawn.append(file)
            left -= size
    return drawn


def measure_bits(engine: Engine, files: Sequence[SourceFile], progress: Callable[[int, int], None]) -> BitsReport:
    """Let the model read each file; `progress` is told how many are done, and of how many."""
    costs: list[tuple[float, float]] = []
    tokens = 0
    for file in files:
        header = _header(engine, file)
        scores, given = engine.score(header + file.text), engine.score(header)
        costs.append(((sum(given) - sum(scores)) / math.log(2), len(file.text.encode())))
        tokens += len(scores) - len(given)
        progress(len(costs), len(files))
    return BitsReport(tuple(costs), tokens)


def _header(engine: Engine, file: SourceFile) -> str:
    comment = path_comment(file.path) if engine.info.path_comment else ""
    return f"{comment}\n" if comment else ""
