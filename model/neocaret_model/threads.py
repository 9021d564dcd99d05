"""How many threads torch computes with, and how they wait for each other where a machine has other things to do.

OpenMP's threads spin at the end of each parallel region, some hundred of them per token. Where another program holds
one of the cores, the spinning ones wait for whole time slices. The bundled model, 32 tokens on two cores:

    decode, ms (two runs)       beside one busy program    alone
    threads that spin           483, 816                   162, 165
    threads that sleep          178, 183                   215, 239

An editor's machine is seldom idle, so they sleep. `OMP_WAIT_POLICY=ACTIVE neocaret complete "import os" --greedy
--max-new-tokens 32 --json` shows the other side.

Waking a thread that sleeps takes as long as a small product does: on torch a small model is fastest on a single one.
The compiled library wakes its threads once a step and gains from the second one, but only where its core has nothing
else to do. A step of three rows, ms, on two idle cores (`python tests/bench/threads.py`):

    weights, MiB            13     27     57    114    237
    torch, 1 thread        1.2    2.2    4.1    6.9   12.2
    torch, 2 threads       2.9    3.6    5.5    8.5   12.9
    library, 1 thread     0.31   0.84    2.0    3.9    8.0
    library, 2 threads    0.21   0.51    1.2    2.7    4.5
"""

from __future__ import annotations

import os
from functools import cache

SMALL_BYTES = 64 * 1024**2
"""Of weights: below it one thread is the fastest."""


def choose_threads(weight_bytes: int) -> None:
    """Let torch compute with as many threads as serve a model of this size best, unless the user has chosen."""
    import torch

    everything = _everything()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1 if weight_bytes < SMALL_BYTES else everything)


@cache
def _everything() -> int:
    """The number of threads that torch has chosen by itself."""
    import torch

    return torch.get_num_threads()


def let_waiting_threads_sleep() -> None:
    """Ask OpenMP for passive waiting, unless the user has asked for something; works only before torch is imported."""
    if "GOMP_SPINCOUNT" not in os.environ:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
