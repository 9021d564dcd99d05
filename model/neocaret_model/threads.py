"""How torch's threads wait for each other on a machine that has other things to do as well.

OpenMP's threads spin at the end of each parallel region, some hundred of them per token. Where another program holds
one of the cores, the spinning ones wait for whole time slices: on two cores beside one busy program, a token of a small
model took 450 ms; 3 ms with threads that sleep. An editor's machine is seldom idle, so they sleep.
"""

from __future__ import annotations

import os


def let_waiting_threads_sleep() -> None:
    """Ask OpenMP for passive waiting, unless the user has asked for something; works only before torch is imported."""
    if "GOMP_SPINCOUNT" not in os.environ:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
