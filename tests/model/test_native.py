"""The compiled library computes GPT-Neo: every level of instructions, in every format, with any number of threads."""

from __future__ import annotations

import gc
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from neocaret_model.config import LayerKind, ModelConfig
from neocaret_model.engine.branches import Branches
from neocaret_model.linear import plain
from neocaret_model.native import large_pages
from neocaret_model.native import library as native_library
from neocaret_model.native.library import Library, library
from neocaret_model.native.network import NativeNetwork, computes
from neocaret_model.network import Network, tensor_shapes
from neocaret_model.quantisation import as_floats, as_int8

CPU = torch.device("cpu")
FORMATS = {torch.float32: 1e-5, torch.bfloat16: 0.02, torch.int8: 0.05}
"""How far logits may be off from those of the same weights in float32, as a share of their norm."""
SHAPES = {
    "a vector wide": (16, 1, 64, 48),
    "less than a vector": (6, 3, 10, 7),
    "of odd sizes": (42, 2, 51, 67),
    "heads of many vectors": (160, 1, 80, 130),
    "as the bundled model's": (256, 4, 1024, 300),
}
"""Width, heads, inner width, vocabulary."""


@pytest.fixture(scope="module")
def compiled() -> Library:
    found = library()
    assert found is not None
    return found


def make_config(shape: tuple[int, int, int, int], *layers: LayerKind, tied: bool = True) -> ModelConfig:
    width, heads, inner, vocabulary = shape
    return ModelConfig(
        activation="gelu_new",
        eos_ids=(),
        heads=heads,
        hidden_size=width,
        intermediate_size=inner,
        layer_norm_epsilon=1e-5,
        layers=layers,
        positions=256,
        tied=tied,
        vocabulary=vocabulary,
        window=9,
    )


def make_tensors(config: ModelConfig, dtype: torch.dtype) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    place = as_int8(tied=config.tied) if dtype == torch.int8 else as_floats(CPU, dtype)
    tensors: dict[str, Tensor] = {}
    for name, shape in tensor_shapes(config).items():
        spread = 1.0 if len(shape) == 1 else shape[-1] ** -0.5
        tensors |= place(name, torch.randn(shape, generator=generator) * spread, None)
    return tensors


def logits_of(network: Network | NativeNetwork, vocabulary: int) -> Tensor:
    """Of chunks that do not end with vectors, and of rows that are fed different counts and some wrong guesses."""
    text = torch.arange(75) * 7 % vocabulary
    with torch.inference_mode():
        prefix = network.new_prefix()
        hidden = [network.prefill(chunk, prefix) for chunk in torch.split(text, [1, 32, 30, 12])]
        branches = Branches(prefix, 3)
        found = [network.logits(torch.cat(hidden))]
        for step in range(4):
            fed = [[(11 * row + step + place) % vocabulary for place in range(1 + 3 * row)] for row in range(3)]
            found.append(network.decode([(branches, fed)])[0].clone())
            branches.accept([1, 1 + step, 7])
        branches.keep_rows([0, 2])
        found += network.decode([(branches, [[3], [4, 5]])])
    return torch.cat(found).float()


def off(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("dtype", FORMATS, ids=str)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_level_computes_what_torch_does(
    compiled: Library, shape: tuple[int, int, int, int], dtype: torch.dtype, tied: bool
) -> None:
    config = make_config(shape, "global", "local", tied=tied)
    rounded = torch.float32 if dtype == torch.int8 else dtype
    weights = {name: tensor.float() for name, tensor in make_tensors(config, rounded).items()}
    expected = logits_of(Network(config, weights, lambda _: plain), config.vocabulary)
    for level in range(compiled.levels):
        if dtype != torch.int8 or compiled.multiplies_int8(level):
            network = NativeNetwork(config, make_tensors(config, dtype), compiled, level)
            assert off(logits_of(network, config.vocabulary), expected) < FORMATS[dtype]


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_threads_change_nothing(compiled: Library, dtype: torch.dtype) -> None:
    if dtype == torch.int8 and not compiled.multiplies_int8(compiled.levels - 1):
        pytest.skip("this processor multiplies no int8")
    config = make_config(SHAPES["as the bundled model's"], "global", "local")
    network = NativeNetwork(config, make_tensors(config, dtype), compiled)
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(logits_of(network, config.vocabulary))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(each, found[0]) for each in found)


def test_several_prefixes_in_one_step_do_not_touch_each_other(compiled: Library) -> None:
    config = make_config(SHAPES["of odd sizes"], "global", "local")
    network = NativeNetwork(config, make_tensors(config, torch.float32), compiled)
    with torch.inference_mode():
        prefixes = [network.new_prefix(), network.new_prefix()]
        for prefix, text in zip(prefixes, (range(40), range(9, 30)), strict=True):
            network.prefill(torch.tensor(list(text)), prefix)
        fed = [[[1], [2, 3]], [[4, 5, 6]]]
        alone = [
            network.decode([(Branches(prefix, len(rows)), rows)])[0].clone()
            for prefix, rows in zip(prefixes, fed, strict=True)
        ]
        together = network.decode(
            [(Branches(prefix, len(rows)), rows) for prefix, rows in zip(prefixes, fed, strict=True)]
        )
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_what_is_no_number_shows(compiled: Library, dtype: torch.dtype) -> None:
    if dtype == torch.int8 and not compiled.multiplies_int8(compiled.levels - 1):
        pytest.skip("this processor multiplies no int8")
    config = make_config(SHAPES["a vector wide"], "global")
    tensors = make_tensors(config, dtype)
    tensors["transformer.h.0.ln_1.weight"][3] = torch.nan
    assert logits_of(NativeNetwork(config, tensors, compiled), config.vocabulary).isnan().all()


def test_helpers_go_with_their_network(compiled: Library) -> None:
    config = make_config(SHAPES["a vector wide"], "global")
    before = torch.get_num_threads()
    network = NativeNetwork(config, make_tensors(config, torch.float32), compiled)
    running = threading.active_count()
    try:
        torch.set_num_threads(4)
        logits_of(network, config.vocabulary)
        assert threading.active_count() == running + 3
    finally:
        torch.set_num_threads(before)
    del network
    gc.collect()
    until = time.monotonic() + 10
    while threading.active_count() > running and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() == running


def test_what_the_library_does_not_know_is_left_to_torch(compiled: Library) -> None:
    config = make_config(SHAPES["a vector wide"], "global")
    assert computes(config, torch.float32, CPU, compiled)
    assert not computes(config, torch.float16, CPU, compiled)
    assert not computes(config, torch.float32, torch.device("meta"), compiled)
    relu = make_config(SHAPES["a vector wide"], "global")
    object.__setattr__(relu, "activation", "relu")
    assert not computes(relu, torch.float32, CPU, compiled)


def test_a_library_that_is_missing_or_none_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("missing", None), ("text", b"no library")):
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        monkeypatch.setattr(native_library, "FILE", file)
        assert library.__wrapped__() is None


def test_a_library_of_another_interface_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_library, "INTERFACE", native_library.INTERFACE + 1)
    assert library.__wrapped__() is None


@pytest.mark.parametrize("size", [0, 1, 2**21 - 1, 2**21, 5 * 2**20 + 3])
def test_memory_of_any_size_is_whole(size: int) -> None:
    whole = large_pages.memory(size)
    assert whole.shape == (size,)
    assert whole.fill_(7).sum().item() == 7 * size
    if sys.platform == "linux" and size >= 2**21:
        assert whole.data_ptr() % 2**21 == 0


def test_without_large_pages_there_is_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("mmap.MADV_HUGEPAGE", raising=False)
    assert large_pages.memory(2**22).fill_(1).sum().item() == 2**22


@pytest.mark.parametrize("bad", [-1, 48])
def test_tokens_that_there_are_not_are_refused(compiled: Library, bad: int) -> None:
    config = make_config(SHAPES["a vector wide"], "global")
    network = NativeNetwork(config, make_tensors(config, torch.float32), compiled)
    prefix = network.new_prefix()
    with pytest.raises(IndexError, match="not all from 0 up to 48"):
        network.prefill(torch.tensor([1, bad]), prefix)
    assert prefix.length == 0
    network.prefill(torch.tensor([1]), prefix)
    with pytest.raises(IndexError, match="not all from 0 up to 48"):
        network.decode([(Branches(prefix, 1), [[bad]])])
