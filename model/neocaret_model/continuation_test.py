"""A network of transformers' tried at load: does it read from left to right, and continue rightly from what is kept?

There is no plain forward of every architecture to compare with, as there is of GPT-Neo (`self_test.py`). So a network
is compared with itself: what it computes of a few tokens at once must be what it computes of them in the engine's ways,
in chunks, after a cut, and as several rows. Windows longer than these few tokens are not tested.

S sequences, T tokens, M logits compared, V vocabulary.
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor
from transformers import PreTrainedModel

from neocaret_model.engine.runner import KeptT, Runner
from neocaret_model.errors import UnsupportedModelError
from neocaret_model.recomputing import RecomputingRunner
from neocaret_model.reference import TransformersRunner, last_logits
from neocaret_model.self_test import TOLERANCES

_CHUNKS, _CUT, _STEPS = (4, 3), 5, 3
"""How many tokens are fed at once, how many of them stay after a cut, and how many steps each row takes."""
_PREFIX = sum(_CHUNKS)
_LONGEST = _PREFIX + _STEPS
_log = logging.getLogger(__name__)

AnyRunner = TransformersRunner | RecomputingRunner


def tested_runner(network: PreTrainedModel, vocabulary: int, positions: int, dtype: torch.dtype) -> AnyRunner:
    """Return what runs `network` rightly: from what is kept, or where that fails its test, by computing all anew.

    Raises:
        UnsupportedModelError: what comes later changes what the network says of earlier tokens.
    """
    keeping, recomputing = TransformersRunner(network), RecomputingRunner(network)
    if positions < _LONGEST:
        return recomputing
    with torch.inference_mode():
        sequences = _sequences(vocabulary)
        expected = _expected(network, sequences)
        if not bool(expected.isfinite().all()):  # weights that are no numbers, which is nobody's fault here
            return keeping
        if not _agree(_found(recomputing, sequences), expected, dtype):
            raise UnsupportedModelError(
                f"{type(network).__name__} with this configuration does not read from left to right, and cannot "
                "continue a text: use a causal language model."
            )
        if _continues(keeping, sequences, expected, dtype):
            return keeping
    _log.warning("%s does not continue from what it keeps: all is computed anew.", type(network).__name__)
    return recomputing


def _continues(runner: Runner[KeptT], sequences: list[list[int]], expected: Tensor, dtype: torch.dtype) -> bool:
    try:
        return _agree(_found(runner, sequences), expected, dtype)
    except torch.OutOfMemoryError:
        raise
    except (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError):
        _log.debug("It does not take the cache", exc_info=True)
        return False


def _expected(network: PreTrainedModel, sequences: list[list[int]]) -> Tensor:
    """Compute the logits (M x V) after the prefix and after each token of the rows, from all tokens at once."""
    logits = last_logits(network, sequences, _STEPS + 1)  # S x T x V
    return torch.cat([logits[0, :1], logits[:, 1:].transpose(0, 1).flatten(0, 1)]).float()


def _found(runner: Runner[KeptT], sequences: list[list[int]]) -> Tensor:
    """Compute the same (M x V) as the engine does, each token's before those that follow it."""
    prefix, (first, _) = sequences[0][:_PREFIX], _CHUNKS
    kept = runner.empty()
    runner.prefill(prefix[:first], kept)
    runner.prefill(prefix[first:], kept)
    reused = runner.fork(kept, _CUT)
    logits = [runner.prefill(prefix[_CUT:], reused)]
    rows = runner.rows(reused, len(sequences))
    for place in range(_PREFIX, _LONGEST):
        logits += runner.step([(rows, [[sequence[place]] for sequence in sequences])])
        rows.accept([1] * len(sequences))
    return torch.cat(logits).float()


def _agree(found: Tensor, expected: Tensor, dtype: torch.dtype) -> bool:
    error = (found - expected).norm(dim=1)  # M
    spread = (expected - expected.mean(dim=1, keepdim=True)).norm(dim=1)
    return bool((error <= TOLERANCES[dtype] * spread).all())  # which what is no number is not


def _sequences(vocabulary: int) -> list[list[int]]:
    """Two rows of one prefix: any tokens."""
    prefix = [7919 * place % vocabulary for place in range(1, _PREFIX + 1)]
    return [prefix + [(104729 * row + 31 * place) % vocabulary for place in range(_STEPS)] for row in (1, 2)]
