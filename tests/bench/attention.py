"""What attention of one step takes in a global layer: `python tests/bench/attention.py [WIDTH HEADS COLUMNS]`.

Several rows over the keys and values of one prefix, as the network asks for them, beside reading these once: the least
that any way takes. One thread, its own time in microseconds (what other programs take is not counted), the lower
quartile of several passes over twelve layers. By default the shape of gpt-neo-125m after 1,920 tokens.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

SHAPE = (768, 12, 1920)
ROWS = (1, 2, 3, 5, 8, 16)
PASSES = 40
LAYERS = 12


def quartile(work: Callable[[Tensor, Tensor], object], layers: list[tuple[Tensor, Tensor]]) -> float:
    """The microseconds of some work on a layer's keys and values, which a quarter of several passes stays below."""
    times = []
    for _ in range(PASSES):
        began = time.thread_time()
        for keys, values in layers:
            work(keys, values)
        times.append((time.thread_time() - began) * 1e6 / len(layers))
    return sorted(times)[PASSES // 4]


def attending(query: Tensor, mask: Tensor | None) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the attention of some rows (1 x H x R x E) to keys and values (1 x H x C x E each)."""
    return lambda keys, values: functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask, scale=1.0)


def main() -> None:
    """Print a line for each format."""
    width, heads, columns = map(int, sys.argv[1:4]) if len(sys.argv) > 1 else SHAPE
    torch.set_num_threads(1)
    size = width // heads
    print(f"{'rows':12}{'read once':>12}" + "".join(f"{rows:>9}" for rows in ROWS))
    for dtype in (torch.float32, torch.bfloat16):
        buffers = torch.randn(LAYERS, 2, 1, heads, columns, size).to(dtype)
        layers = [(layer[0], layer[1]) for layer in buffers]
        with torch.inference_mode():
            # As float32, whose sum is as fast as reading: one of bfloat16 numbers is not.
            read = quartile(lambda keys, values: (_as_read(keys).sum(), _as_read(values).sum()), layers)
            print(f"{str(dtype).removeprefix('torch.'):12}{read:12.0f}", end="", flush=True)
            for rows in ROWS:
                mask = torch.zeros(rows, columns, dtype=dtype) if rows > 1 else None
                work = attending(torch.randn(1, heads, rows, size).to(dtype), mask)
                print(f"{quartile(work, layers):9.0f}", end="", flush=True)
        print()


def _as_read(numbers: Tensor) -> Tensor:
    return numbers.view(-1).view(torch.float32)


if __name__ == "__main__":
    main()
