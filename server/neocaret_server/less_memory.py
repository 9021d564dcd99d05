"""What is asked instead where the memory did not suffice: half of the candidates, then half of the context; pure."""

from __future__ import annotations

from dataclasses import replace

from neocaret_server.backend import CompletionRequest

MOST_CHARACTERS = 4096
"""Of a shortened prompt: more than that may be cut by the model's own positions, and then save nothing."""
LEAST_CHARACTERS = 256
"""Less context is not worth asking with."""


def with_less(request: CompletionRequest) -> CompletionRequest | None:
    """Return a request that takes about half of the memory; None where nothing is left to halve."""
    if request.candidates > 1:
        return replace(request, candidates=request.candidates // 2)
    length = min(len(request.prompt) // 2, MOST_CHARACTERS)
    if length < LEAST_CHARACTERS:
        return None
    return replace(request, prompt=request.prompt[-length:], elsewhere=())
