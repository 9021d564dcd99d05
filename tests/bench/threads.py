"""What a decode step takes by size, threads, and who computes: `python tests/bench/threads.py [PASSIVE|ACTIVE]`.

Random weights in bfloat16, on torch and by the compiled library. Steps of three rows after 384 tokens, the median of
several, in milliseconds; `ACTIVE` lets torch's waiting threads spin. Run it on an idle machine.
"""

from __future__ import annotations

import math
import os
import sys
import time

os.environ["OMP_WAIT_POLICY"] = sys.argv[1] if len(sys.argv) > 1 else "PASSIVE"

import torch

from neocaret_model.config import LayerKind, ModelConfig
from neocaret_model.engine.branches import Branches
from neocaret_model.forward import Forward
from neocaret_model.native.library import library
from neocaret_model.native.network import NativeNetwork
from neocaret_model.network import Network, tensor_shapes

SHAPES = ((6, 256, 8192), (6, 384, 8192), (8, 512, 8192), (10, 640, 16384), (12, 768, 50257))
PROMPT, CHUNK, ROWS, STEPS = 384, 32, 3, 15


def config(layers: int, width: int, vocabulary: int) -> ModelConfig:
    """A GPT-Neo of this size with heads of 64."""
    everywhere: LayerKind = "global"
    return ModelConfig(
        vocabulary=vocabulary,
        hidden_size=width,
        intermediate_size=4 * width,
        heads=width // 64,
        layers=(everywhere,) * layers,
        window=256,
        positions=512,
        activation="gelu_new",
        layer_norm_epsilon=1e-5,
        tied=True,
        eos_ids=(),
    )


def median_step_ms(network: Forward) -> float:
    """The time of one decode step."""
    prefix = network.new_prefix()
    for _ in range(0, PROMPT, CHUNK):
        network.prefill(torch.arange(CHUNK), prefix)
    branches = Branches(prefix, ROWS)
    times = []
    for _ in range(STEPS):
        began = time.perf_counter()
        network.decode([(branches, [[1]] * ROWS)])
        branches.accept([1] * ROWS)
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[STEPS // 2]


def networks(model: ModelConfig) -> dict[str, Forward]:
    """The same weights on torch and, where it was compiled, on the library."""
    shapes = tensor_shapes(model).items()
    weights = {name: (torch.randn(size) * 0.02).to(torch.bfloat16) for name, size in shapes}
    found: dict[str, Forward] = {"torch": Network(model, dict(weights))}
    compiled = library()
    return found if compiled is None else found | {"compiled": NativeNetwork(model, weights, compiled)}


def main() -> None:
    """Print a line for each size."""
    everything = torch.get_num_threads()
    for shape in SHAPES:
        model = config(*shape)
        mebibytes = sum(map(math.prod, tensor_shapes(model).values())) * torch.bfloat16.itemsize / 2**20
        figures = []
        for name, network in networks(model).items():
            for threads in sorted({1, everything}):
                torch.set_num_threads(threads)
                with torch.inference_mode():
                    figures.append(f"{name} {threads} threads {median_step_ms(network):6.2f} ms")
        print(f"{shape[0]} layers of {shape[1]}, {mebibytes:4.0f} MiB: {', '.join(figures)}", flush=True)


if __name__ == "__main__":
    main()
