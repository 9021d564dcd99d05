"""Which runner serves a network on a device with graphs: recorded steps, if they prove right.

They are tried at load beside the plain steps of the same network, which `self_test.py` has found right: the logits of a
few tokens must be the same but for rounding, and the tokens chosen by them those that the host chooses.

M tokens fed, V vocabulary.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from neocaret_model.captured import Recorder
from neocaret_model.engine.choosing import Turn, on_host
from neocaret_model.engine.port import Sampling
from neocaret_model.engine.runner import Rows
from neocaret_model.engine.sampling import RowSampler, sample
from neocaret_model.graph_runner import GraphRunner
from neocaret_model.neo_runner import NeoRunner
from neocaret_model.network import Network
from neocaret_model.self_test import TOLERANCES

_PREFIX = 5
_STEPS = (((1,), (2, 3)), ((4,), (5,)))
"""What two rows are fed: the second a guess first, which is wrong."""
_LONGEST = _PREFIX + 3
_SAMPLINGS = (Sampling(), Sampling(1.0, top_p=0.9, repetition_penalty=1.1, seed=0))
_log = logging.getLogger(__name__)


def tried(network: Network, recorder: Recorder) -> NeoRunner | GraphRunner:
    """Return what runs it by recorded steps, or by plain ones where those fail, of which the log then tells."""
    plain, recorded = NeoRunner(network), GraphRunner(network, recorder)
    if network.config.positions < _LONGEST:
        return plain
    try:
        with torch.inference_mode():
            right = _agree(recorded, plain, network)
    except RuntimeError:  # a capture that is refused, and memory that does not suffice
        _log.warning("No steps can be recorded on %s: plain ones are used.", network.device, exc_info=True)
        return plain
    if not right:
        _log.warning("Recorded steps gave wrong numbers on %s: plain ones are used.", network.device)
    return recorded if right else plain


def _agree(recorded: GraphRunner, plain: NeoRunner, network: Network) -> bool:
    vocabulary, dtype = network.config.vocabulary, network.memory.dtype
    prefix = [7919 * place % vocabulary for place in range(1, _PREFIX + 1)]
    ours, theirs = _begun(recorded, prefix), _begun(plain, prefix)
    devices, hosts = ([RowSampler(each, prefix, vocabulary) for each in _SAMPLINGS] for _ in range(2))
    right = True
    for step in _STEPS:
        fed = [[token % vocabulary for token in tokens] for tokens in step]
        (logits,), (expected,) = recorded.step([(ours, fed)]), plain.step([(theirs, fed)])
        if not bool(expected.isfinite().all()):  # weights that are no numbers, which is nobody's fault here
            break
        ours.accept([0] * len(fed))  # the same is fed again, to see what is chosen by it
        (taken,) = recorded.choose([Turn(ours, fed, devices)], vocabulary)
        own = on_host(logits)[_first_of_each(fed)]
        chosen = [sample(after, sampler, vocabulary).token for after, sampler in zip(own, hosts, strict=True)]
        right = right and _close(logits, expected, dtype) and [next(each).token for each in taken] == chosen
        for rows in (ours, theirs):
            rows.accept([1] * len(fed))
    recorded.give_back(ours)
    return right


def _begun(runner: NeoRunner | GraphRunner, prefix: Sequence[int]) -> Rows:
    kept = runner.empty()
    runner.prefill(prefix, kept)
    return runner.rows(kept, len(_SAMPLINGS))


def _first_of_each(fed: Sequence[Sequence[int]]) -> list[int]:
    """Where each row's first token stands among all."""
    return [sum(map(len, fed[:row])) for row in range(len(fed))]


def _close(logits: Tensor, expected: Tensor, dtype: torch.dtype) -> bool:
    """Compare logits (M x V each), row by row."""
    logits, expected = logits.float(), expected.float()
    spread = (expected - expected.mean(dim=1, keepdim=True)).norm(dim=1)
    return bool(((logits - expected).norm(dim=1) <= TOLERANCES[dtype] * spread).all())
