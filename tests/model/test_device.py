from __future__ import annotations

import pytest
import torch

from neocaret_model.device import choose_device, choose_dtype
from neocaret_model.errors import DeviceError

CPU, MPS, CUDA = torch.device("cpu"), torch.device("mps"), torch.device("cuda")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither cuda nor mps, until a test gives it one."""
    has_cuda(monkeypatch, present=False)
    has_mps(monkeypatch, present=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)


def has_cuda(monkeypatch: pytest.MonkeyPatch, *, present: bool, bfloat16: bool = True) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2 if present else 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Old GPU")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bfloat16)  # noqa: ARG005


def has_mps(monkeypatch: pytest.MonkeyPatch, *, present: bool) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: present)


def test_auto_takes_cuda_then_mps_then_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("auto") == CPU
    has_mps(monkeypatch, present=True)
    assert choose_device("auto") == MPS
    has_cuda(monkeypatch, present=True)
    assert choose_device("auto") == CUDA


def test_a_device_is_taken_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    has_cuda(monkeypatch, present=True)
    assert choose_device("cpu") == CPU
    assert choose_device("cuda:1") == torch.device("cuda", 1)


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda:²", "cpu:0", "meta"])
def test_what_is_no_device_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(DeviceError, match=f"'{name}' is no device: use auto, cuda, cuda:N, mps or cpu"):
        choose_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_not_here_is_told(name: str) -> None:
    with pytest.raises(DeviceError, match=f"There is no {name[:4].rstrip(':')} device that PyTorch"):
        choose_device(name)


def test_a_gpu_number_too_high_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    has_cuda(monkeypatch, present=True)
    with pytest.raises(DeviceError, match="no cuda:7 here, only cuda:0 to cuda:1"):
        choose_device("cuda:7")


def test_auto_takes_the_fastest_format_that_keeps_the_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_dtype("auto", CPU) == torch.float32
    assert choose_dtype("auto", CPU, compiled=True) == torch.bfloat16
    assert choose_dtype("auto", MPS, compiled=True) == torch.float16
    has_cuda(monkeypatch, present=True)
    assert choose_dtype("auto", CUDA) == torch.bfloat16
    has_cuda(monkeypatch, present=True, bfloat16=False)
    assert choose_dtype("auto", CUDA) == torch.float16


@pytest.mark.parametrize("instructions", ["_is_avx512_bf16_supported", "_is_amx_tile_supported"])
def test_auto_takes_bfloat16_where_the_processor_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, instructions: str
) -> None:
    monkeypatch.setattr(torch.cpu, instructions, lambda: True)
    assert choose_dtype("auto", CPU) == torch.bfloat16
    monkeypatch.delattr(torch.cpu, instructions)
    assert choose_dtype("auto", CPU) == torch.float32


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_a_format_is_taken_by_its_name(name: str) -> None:
    assert choose_dtype(name, CPU) == getattr(torch, name)


@pytest.mark.parametrize("name", ["", "int4", "float64", "half", "FLOAT32", "nn"])
def test_what_is_no_format_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(DeviceError, match="is no number format: use auto, float32, float16, bfloat16, int8"):
        choose_dtype(name, CPU)


def test_a_gpu_without_bfloat16_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    has_cuda(monkeypatch, present=True, bfloat16=False)
    with pytest.raises(DeviceError, match="Old GPU has no bfloat16"):
        choose_dtype("bfloat16", CUDA)


def test_int8_is_taken_on_a_cpu_only() -> None:
    assert choose_dtype("int8", CPU) == torch.int8
    for device in (CUDA, MPS):
        with pytest.raises(DeviceError, match=f"int8 is computed on a CPU only, not on {device}: use auto"):
            choose_dtype("int8", device)
