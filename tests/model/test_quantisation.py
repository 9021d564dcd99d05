"""Matrices of int8: near what they were made from, read as they are stored, and the same for every row."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from neocaret_model import linear
from neocaret_model.config import read_config
from neocaret_model.engine.port import Engine, GenerationRequest, Sampling
from neocaret_model.errors import BrokenWeightsError, DeviceError, UnsupportedModelError
from neocaret_model.loading import load_engine, load_reference_engine
from neocaret_model.network import tensor_shapes
from neocaret_model.quantisation import EMBEDDING, Quantised, as_floats, as_int8, quantise
from neocaret_model.weights import OUTPUT_HEAD, SCALE, read_weights

CPU = torch.device("cpu")
ROWS = (Sampling(), Sampling(temperature=0.8, seed=1), Sampling(temperature=0.8, seed=2))
EXPAND = "transformer.h.1.mlp.c_fc.weight"
needs_int8 = pytest.mark.skipif(not linear.int8_is_right(), reason="this machine's torch has no int8 product")


def read(folder: Path, place: Any) -> dict[str, torch.Tensor]:
    shapes = tensor_shapes(read_config(folder))
    return read_weights(folder, shapes, place, lambda _done, _total: None, lambda: False)


def store_int8(source: Path, folder: Path) -> Path:
    """Write a copy of a checkpoint whose matrices, but for the positions, are int8."""
    shutil.copytree(source, folder)
    stored: dict[str, torch.Tensor] = {}
    for name, tensor in load_file(source / "model.safetensors").items():
        if tensor.dim() == 2 and "wpe" not in name:
            matrix = quantise(tensor)
            stored |= {name: matrix.values, name + SCALE: matrix.scales}
        else:
            stored[name] = tensor
    save_file(stored, folder / "model.safetensors")
    return folder


@pytest.fixture
def int8_folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return store_int8(tiny_folder, tmp_path / "int8")


def test_every_number_is_off_by_half_a_step_at_most() -> None:
    weight = torch.randn(50, 40) * torch.logspace(-6, 3, 50)[:, None]
    off = (quantise(weight).floats() - weight).abs() / weight.abs().amax(dim=1, keepdim=True)
    assert float(off.max()) <= 0.5 / 127 * 1.001


def test_rows_of_zeros_stay_zeros() -> None:
    weight = torch.randn(3, 8)
    weight[1] = 0
    assert quantise(weight).floats()[1].tolist() == [0.0] * 8


@needs_int8
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("outputs", "inputs"), [(96, 64), (1, 1), (33, 17), (300, 256)])
def test_int8_product_is_near_the_float_one(outputs: int, inputs: int, bias: bool) -> None:
    weight, rows = torch.randn(outputs, inputs), torch.randn(7, inputs)
    added = torch.randn(outputs) if bias else None
    expected = linear.plain(weight, added)(rows)
    error = (linear.int8(quantise(weight), added)(rows) - expected).norm() / expected.norm()
    assert float(error) < 0.02


@needs_int8
@pytest.mark.parametrize("bias", [True, False])
def test_a_row_has_the_same_product_alone_and_beside_others(bias: bool) -> None:
    product = linear.int8(quantise(torch.randn(300, 256)), torch.randn(300) if bias else None)
    rows = torch.randn(32, 256) * torch.logspace(-4, 4, 32)[:, None]
    together = product(rows)
    for count in (1, 2, 5):
        assert torch.equal(torch.cat([product(part) for part in rows.split(count)]), together)  # type: ignore[no-untyped-call]


@needs_int8
def test_a_row_of_zeros_has_the_bias_as_its_product() -> None:
    bias = torch.randn(30)
    assert torch.equal(linear.int8(quantise(torch.randn(30, 20)), bias)(torch.zeros(2, 20)), bias.expand(2, 30))


@needs_int8
def test_int8_packing_keeps_no_reference_to_the_weight() -> None:
    matrix, rows = quantise(torch.randn(96, 64)), torch.randn(2, 64)
    product = linear.int8(matrix)
    expected = product(rows)
    matrix.values.zero_()
    matrix.scales.zero_()
    assert torch.equal(product(rows), expected)


@needs_int8
def test_int8_matrices_get_their_kernel() -> None:
    assert linear.choose(quantise(torch.randn(96, 64))) is linear.int8


def _adds_in_16_bits(weight: Quantised, _bias: torch.Tensor | None = None) -> linear.Linear:
    """What processors without VNNI make of sums of two products; `choose` must see it on the largest numbers."""

    def multiplied(rows: torch.Tensor) -> torch.Tensor:
        largest = rows.abs().amax(dim=-1, keepdim=True).clamp_min(1e-9)
        steps = (rows / largest * 127 + 128).round()
        terms = steps[:, None] * weight.values.float()
        pairs = (terms[..., ::2] + terms[..., 1::2]).clamp(-32768, 32767)
        sums = pairs.sum(-1) - 128 * weight.values.float().sum(-1)
        product: torch.Tensor = sums * weight.scales * largest / 127
        return product

    return multiplied


def _has_no_kernel(_weight: Any, _bias: torch.Tensor | None = None) -> linear.Linear:
    raise RuntimeError


@pytest.mark.parametrize("kernel", [_adds_in_16_bits, _has_no_kernel])
def test_without_a_right_kernel_int8_is_computed_in_float32(
    kernel: Callable[..., linear.Linear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "int8", kernel)
    matrix, rows = quantise(torch.randn(96, 64)), torch.randn(3, 64)
    make = linear.choose(matrix)
    assert make in (linear.packed, linear.plain)
    torch.testing.assert_close(make(matrix, None)(rows), rows @ matrix.floats().T, rtol=0, atol=1e-4)


def test_quantised_at_load_is_what_was_stored_quantised(tiny_folder: Path, int8_folder: Path) -> None:
    at_load, stored = (read(folder, as_int8(tied=True)) for folder in (tiny_folder, int8_folder))
    assert at_load.keys() == stored.keys()
    assert at_load[OUTPUT_HEAD].dtype == torch.int8
    for name in at_load:
        assert torch.equal(at_load[name], stored[name])
    head = Quantised(stored[OUTPUT_HEAD], stored[OUTPUT_HEAD + SCALE])
    assert torch.equal(stored[EMBEDDING], head.floats())


def test_stored_int8_is_read_in_every_other_format(int8_folder: Path) -> None:
    stored = load_file(int8_folder / "model.safetensors")
    tensors = read(int8_folder, as_floats(CPU, torch.bfloat16))
    expected = Quantised(stored[EXPAND], stored[EXPAND + SCALE]).floats().bfloat16()
    assert torch.equal(tensors[EXPAND], expected)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}


@pytest.mark.parametrize("scales", [None, torch.ones(3), torch.ones(128, dtype=torch.int32)])
def test_int8_without_its_scales_is_told(int8_folder: Path, scales: torch.Tensor | None) -> None:
    stored = load_file(int8_folder / "model.safetensors")
    del stored[EXPAND + SCALE]
    save_file(stored if scales is None else stored | {EXPAND + SCALE: scales}, int8_folder / "model.safetensors")
    with pytest.raises(BrokenWeightsError, match=f"{EXPAND} in int8, and no {EXPAND}_scale with a number for each"):
        load_engine(str(int8_folder))


def test_a_vector_of_int8_is_told(int8_folder: Path) -> None:
    stored = load_file(int8_folder / "model.safetensors")
    name = "transformer.ln_f.weight"
    save_file(stored | {name: stored[name].to(torch.int8)}, int8_folder / "model.safetensors")
    with pytest.raises(UnsupportedModelError, match="only floating-point weights and matrices of int8"):
        load_engine(str(int8_folder))


def test_parameters_are_counted_without_their_scales(tiny_folder: Path, int8_folder: Path) -> None:
    assert load_engine(str(int8_folder)).info.parameters == load_engine(str(tiny_folder)).info.parameters


def answers(engine: Engine, prompts: list[str]) -> list[list[tuple[str, float]]]:
    requests = [GenerationRequest(prompt, rows=ROWS, max_new_tokens=12) for prompt in prompts]
    return [[(c.text, c.mean_logprob) for c in engine.generate(request).continuations] for request in requests]


def test_warm_and_cold_answers_are_the_same_in_int8(int8_folder: Path) -> None:
    text = "import pandas as pd\n\ndef main():\n    for i in range(10):\n        print('é 漢字"
    prompts = [text[:end] for end in range(30, len(text), 4)]
    engine = load_engine(str(int8_folder), device="cpu", dtype="int8")
    assert engine.info.dtype == "int8"
    warm = answers(engine, prompts)
    assert warm == [answers(load_engine(str(int8_folder), "cpu", "int8"), [prompt])[0] for prompt in prompts]


def test_an_untied_head_is_int8_too(make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint(tie_word_embeddings=False)
    tensors = read(folder, as_int8(tied=False))
    assert (tensors[OUTPUT_HEAD].dtype, tensors[EMBEDDING].dtype) == (torch.int8, torch.float32)
    matrix = quantise(load_file(folder / "model.safetensors")[OUTPUT_HEAD])
    assert torch.equal(tensors[OUTPUT_HEAD], matrix.values)
    assert answers(load_engine(str(folder), "cpu", "int8"), ["import"])


def test_the_reference_computes_no_int8(tiny_folder: Path) -> None:
    with pytest.raises(DeviceError, match="do not compute with int8"):
        load_reference_engine(str(tiny_folder), device="cpu", dtype="int8")
