"""How torch's threads wait for each other on a machine that has other things to do as well.

OpenMP's threads spin at the end of each parallel region, some hundred of them per token. Where another program holds
one of the cores, the spinning ones wait for whole time slices. The bundled model, 32 tokens on two cores:

    decode, ms (two runs)       beside one busy program    alone
    threads that spin           483, 816                   162, 165
    threads that sleep          178, 183                   215, 239

An editor's machine is seldom idle, so they sleep. `OMP_WAIT_POLICY=ACTIVE neocaret complete "import os" --greedy
--max-new-tokens 32 --json` shows the other side.
"""

from __future__ import annotations

import os


def let_waiting_threads_sleep() -> None:
    """Ask OpenMP for passive waiting, unless the user has asked for something; works only before torch is imported."""
    if "GOMP_SPINCOUNT" not in os.environ:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
