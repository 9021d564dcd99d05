"""What a benchmark is measured on."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from neocaret_model.benchmarks.memory import measure_bandwidth
from neocaret_model.benchmarks.report import Machine

_CPUINFO = Path("/proc/cpuinfo")
_MODEL_NAME = "model name"


def inspect_machine(device: torch.device) -> Machine:
    """Look at the machine, and measure how fast its device reads memory; takes a second and 512 MB."""
    return Machine(
        processor=torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        threads=torch.get_num_threads(),
        bytes_a_second=measure_bandwidth(device),
        system=platform.platform(),
        python=platform.python_version(),
        torch=torch.__version__,
    )


def _processor() -> str:
    """The processor's name: Python's own function knows it on few systems."""
    if _CPUINFO.is_file():
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == _MODEL_NAME:
                return value.strip()
    return platform.processor() or platform.machine()
