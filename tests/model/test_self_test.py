"""The test at load: a network that computes wrongly is never handed out, and what replaces it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import GPTNeoForCausalLM

from neocaret_model import linear, self_test
from neocaret_model.config import read_config
from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.port import GenerationRequest
from neocaret_model.engine.sampling import Ask, Sampled
from neocaret_model.errors import DeviceError
from neocaret_model.loading import load_engine
from neocaret_model.native.choice import CompiledChoice
from neocaret_model.native.library import library
from neocaret_model.native.network import NativeNetwork
from neocaret_model.network import Network, tensor_shapes
from neocaret_model.plain_forward import plain_hidden, plain_logits
from neocaret_model.quantisation import Matrix, as_floats, as_int8
from neocaret_model.weights import read_weights

FORMATS = [torch.float32, torch.bfloat16, torch.int8]


def read(folder: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    place = as_int8(tied=True) if dtype == torch.int8 else as_floats(torch.device("cpu"), dtype)
    return read_weights(folder, tensor_shapes(read_config(folder)), place, lambda _done, _total: None, lambda: False)


def test_the_plain_forward_is_transformers(tiny_folder: Path, reference: GPTNeoForCausalLM) -> None:
    tokens = torch.arange(40).view(2, 20)  # longer than the window
    tensors = read(tiny_folder, torch.float32)
    with torch.inference_mode():
        ours = plain_logits(tensors, plain_hidden(read_config(tiny_folder), tensors, tokens))
        torch.testing.assert_close(ours, reference(tokens).logits, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_a_right_network_passes_in_every_format(tiny_folder: Path, dtype: torch.dtype) -> None:
    config, tensors = read_config(tiny_folder), read(tiny_folder, dtype)
    expected = self_test.expected_logits(config, tensors)
    assert expected.shape == (4, config.vocabulary)
    assert self_test.agrees(Network(config, tensors), expected, dtype)


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
@pytest.mark.parametrize("name", ["transformer.h.2.mlp.c_proj.bias", "transformer.h.0.attn.attention.out_proj.bias"])
def test_one_wrong_tensor_fails(tiny_folder: Path, name: str, dtype: torch.dtype) -> None:
    config, tensors = read_config(tiny_folder), read(tiny_folder, dtype)
    expected = self_test.expected_logits(config, tensors)
    tensors[name] = tensors[name] + torch.randn(tensors[name].shape).to(tensors[name].dtype)
    assert not self_test.agrees(Network(config, tensors), expected, dtype)


def test_logits_that_are_no_numbers_fail(tiny_folder: Path) -> None:
    config, tensors = read_config(tiny_folder), read(tiny_folder, torch.float32)
    expected = self_test.expected_logits(config, tensors)
    tensors["transformer.ln_f.bias"] = tensors["transformer.ln_f.bias"] * torch.nan
    assert not self_test.agrees(Network(config, tensors), expected, torch.float32)


def _wrong(weight: Matrix, bias: Tensor | None = None) -> linear.Linear:
    """A kernel that forgets the last rows where there are several, as one that runs out of its tiles would."""
    right = linear.plain(weight, bias)
    return lambda rows: torch.cat([right(rows[:1]), torch.zeros_like(right(rows[1:]))])


@pytest.mark.usefixtures("torch_alone")
def test_a_wrong_kernel_is_replaced_and_told(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    request = GenerationRequest("import pandas", max_new_tokens=8)
    right = load_engine(str(tiny_folder), "cpu", "float32").generate(request).continuations[0].text
    assert not caplog.text
    monkeypatch.setattr(
        self_test, "Network", lambda config, tensors, choose=lambda _: _wrong: Network(config, tensors, choose)
    )
    engine = load_engine(str(tiny_folder), "cpu", "bfloat16")
    assert engine.generate(request).continuations[0].text == right
    why = "The self-test found wrong numbers in bfloat16 on cpu: plain products in float32 are used."
    assert why in caplog.text
    assert (engine.info.dtype, engine.info.note) == ("float32", why)


@pytest.mark.usefixtures("torch_alone")
def test_int8_that_no_kernel_multiplies_is_told(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(linear, "int8", lambda *_: torch.zeros_like)
    info = load_engine(str(tiny_folder), "cpu", "int8").info
    assert (info.dtype, info.note) == (
        "float32",
        "This machine's PyTorch multiplies no int8 rightly: the model is computed in float32.",
    )
    assert info.note in caplog.text


@pytest.mark.usefixtures("torch_alone")
def test_a_device_that_computes_wrongly_even_plainly_is_told(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        self_test, "Network", lambda config, tensors, _choose=None: Network(config, tensors, lambda _: _wrong)
    )
    with pytest.raises(DeviceError, match="computes wrong numbers on cpu: use another device"):
        load_engine(str(tiny_folder), "cpu", "float32")


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_a_compiled_library_that_computes_wrongly_is_not_used_and_that_is_told(
    tiny_folder: Path, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(self: NativeNetwork, hidden: Tensor) -> Tensor:
        return right(self, hidden) * 2

    right = NativeNetwork.logits
    monkeypatch.setattr(NativeNetwork, "logits", wrong)
    engine = load_engine(str(tiny_folder), "cpu", str(dtype).removeprefix("torch."))
    assert (engine.info.dtype, engine.info.note) == (
        str(dtype).removeprefix("torch."),
        "The self-test found wrong numbers in Neocaret's compiled library: PyTorch is used, which is slower.",
    )
    assert engine.info.note in caplog.text
    assert engine.generate(GenerationRequest("import", max_new_tokens=4)).continuations


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_the_compiled_library_is_used_where_there_is_one(tiny_folder: Path, dtype: torch.dtype) -> None:
    found = library()
    assert found is not None
    tested = self_test.tested_network(read_config(tiny_folder), dtype, lambda form: read(tiny_folder, form))
    right = dtype != torch.int8 or found.multiplies_int8(found.levels - 1)
    assert isinstance(tested.network, NativeNetwork if right else Network)
    assert not tested.why


def test_weights_that_are_no_numbers_are_not_the_devices_fault(tiny_folder: Path) -> None:
    config, tensors = read_config(tiny_folder), read(tiny_folder, torch.float32)
    tensors["transformer.ln_f.bias"] = tensors["transformer.ln_f.bias"] * torch.nan
    expected = self_test.expected_logits(config, tensors)
    assert self_test.agrees(Network(config, tensors), expected, torch.float32)


def test_a_model_of_a_few_positions_loads_untested(make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint(max_position_embeddings=6)
    assert len(self_test.expected_logits(read_config(folder), read(folder, torch.float32))) == 0
    assert load_engine(str(folder), "cpu").generate(GenerationRequest("i", max_new_tokens=2)).continuations


@pytest.mark.parametrize("wrong", ["greedy", "sampled", "raises"])
def test_wrong_choices_of_the_library_are_left_to_the_sampler(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    right = CompiledChoice.__call__

    def chosen_wrongly(choice: CompiledChoice, logits: Tensor, vocabulary: int, ask: Ask) -> Sampled:
        if wrong == "raises":
            raise FloatingPointError
        found = right(choice, logits, vocabulary, ask)
        greedy = ask.sampling.temperature == 0.0
        return (
            Sampled(int(logits.argmin()), found.logprob, found.mixed_logprob)
            if greedy == (wrong == "greedy")
            else found
        )

    engine = load_engine(str(tiny_folder), "cpu", "float32")
    assert isinstance(engine, LocalEngine)
    assert isinstance(engine._choice, CompiledChoice)
    monkeypatch.setattr(CompiledChoice, "__call__", chosen_wrongly)
    engine = load_engine(str(tiny_folder), "cpu", "float32")
    assert isinstance(engine, LocalEngine)
    assert engine._choice is None
    assert "wrong choices in Neocaret's compiled library" in caplog.text
