"""What all products of a pass take, by format and rows: `python tests/bench/linear.py [LAYERS WIDTH VOCABULARY]`.

Random weights, one thread, its own time in microseconds (what other programs take is not counted), the lower quartile
of several passes. `weights only` is torch's product of int8 weights with bfloat16 rows, beside which `int8` was chosen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from neocaret_model import linear
from neocaret_model.quantisation import Matrix, Quantised, quantise

BUNDLED = (6, 256, 8192)
ROWS = (1, 3, 5, 10, 32, 64)
PASSES = 20


def weights_only(weight: Matrix, bias: Tensor | None = None) -> linear.Linear:
    """Return the product of an int8 matrix with bfloat16 rows that stay so."""
    assert isinstance(weight, Quantised)
    values, scales = weight.values, weight.scales.bfloat16()

    def product(rows: Tensor) -> Tensor:
        outputs = torch._weight_int8pack_mm(rows, values, scales)
        return outputs if bias is None else outputs + bias

    return product


def _same(weight: Tensor) -> Matrix:
    return weight


def _half(weight: Tensor) -> Matrix:
    return weight.bfloat16()


WAYS: dict[str, tuple[Callable[[Tensor], Matrix], linear.MakeLinear, torch.dtype]] = {
    "float32, plain": (_same, linear.plain, torch.float32),
    "float32": (_same, linear.packed, torch.float32),
    "float32, filled up": (_same, linear.filled_up, torch.float32),
    "bfloat16": (_half, linear.packed, torch.bfloat16),
    "bfloat16, filled up": (_half, linear.filled_up, torch.bfloat16),
    "int8": (quantise, linear.int8, torch.float32),
    "int8, weights only": (quantise, weights_only, torch.bfloat16),
}


def quartile(products: list[linear.Linear], inputs: list[Tensor]) -> float:
    """The time of all products in microseconds, which a quarter of several passes stays below."""
    times = []
    for _ in range(PASSES):
        began = time.thread_time()
        for product, rows in zip(products, inputs, strict=True):
            product(rows)
        times.append((time.thread_time() - began) * 1e6)
    return sorted(times)[PASSES // 4]


def main() -> None:
    """Print a line for each format."""
    layers, width, vocabulary = map(int, sys.argv[1:4]) if len(sys.argv) > 1 else BUNDLED
    torch.set_num_threads(1)
    shapes = [(3 * width, width), (width, width), (4 * width, width), (width, 4 * width)] * layers
    weights = [torch.randn(shape) * 0.05 for shape in [*shapes, (vocabulary, width)]]
    print(f"{'rows':20}" + "".join(f"{rows:>9}" for rows in ROWS))
    for name, (convert, make, dtype) in WAYS.items():
        # All but query, key and value, and the output head, have a bias.
        biases = [
            None if len(weight) in (3 * width, vocabulary) else torch.randn(len(weight), dtype=dtype)
            for weight in weights
        ]
        products = [make(convert(weight), bias) for weight, bias in zip(weights, biases, strict=True)]
        print(f"{name:20}", end="", flush=True)
        for rows in ROWS:
            inputs = [torch.randn(rows, weight.shape[1]).to(dtype) for weight in weights]
            with torch.inference_mode():
                print(f"{quartile(products, inputs):9.0f}", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
