from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPTNeoForCausalLM

from neocaret_model.engine.engine import LocalEngine
from neocaret_model.evaluation.bits import draw_files, measure_bits
from neocaret_model.evaluation.source_files import SourceFile
from neocaret_model.loading import load_engine
from neocaret_model.path_comment import TRAITS_FILE

SHORT = SourceFile("a.py", "import os\n")
OTHER = SourceFile("b.py", "é = '漢字'\n")


def test_bits_are_those_of_the_loss_of_transformers(engine: LocalEngine[Any], reference: GPTNeoForCausalLM) -> None:
    bits = 0.0
    for file in (SHORT, OTHER):
        ids = torch.tensor([[0, *engine._tokenizer.encode(file.text)]])
        with torch.inference_mode():
            bits += float(reference(ids, labels=ids).loss) * (ids.shape[1] - 1) / math.log(2)
    told: list[tuple[int, int]] = []
    report = measure_bits(engine, [SHORT, OTHER], lambda done, total: told.append((done, total)))
    assert report.bytes == 10 + 14
    assert report.value == pytest.approx(bits / 24, rel=1e-5)
    assert report.tokens == sum(len(engine._tokenizer.encode(file.text)) for file in (SHORT, OTHER))
    low, high = report.interval
    assert low <= report.value <= high
    assert told == [(1, 2), (2, 2)]


def test_bits_of_the_path_comment_are_not_counted(make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint()
    (folder / TRAITS_FILE).write_text('{"path_comment": true}')
    engine = load_engine(str(folder), device="cpu", dtype="float32")
    report = measure_bits(engine, [SHORT], lambda _, __: None)
    both, comment = engine.score("# a.py\nimport os\n"), engine.score("# a.py\n")
    assert report.bytes == 10
    assert report.tokens == len(both) - len(comment)
    assert report.value == pytest.approx((sum(comment) - sum(both)) / math.log(2) / 10)


FILES = [SourceFile(f"{number}.py", "#" * 10) for number in range(20)]


def test_files_are_drawn_as_far_as_they_fit() -> None:
    assert len(draw_files(FILES, 55, 1)) == 5
    assert draw_files(FILES[::-1], 55, 1) == draw_files(FILES, 55, 1) != draw_files(FILES, 55, 2)


def test_file_that_does_not_fit_makes_room_for_smaller_ones() -> None:
    first = draw_files(FILES, 10, 1)[0]
    others = [file for file in FILES if file != first]
    large = [SourceFile(file.path, "#" * 50) for file in others[:-1]]
    assert draw_files([first, *large, others[-1]], 25, 1) == [first, others[-1]]


def test_one_file_is_drawn_whatever_its_size() -> None:
    assert draw_files([SourceFile("large.py", "é" * 500)], 55, 1) == [SourceFile("large.py", "é" * 500)]
