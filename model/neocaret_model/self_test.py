"""A network tried at load against plain float32: no silent error of a kernel reaches a user.

Before the weights are packed, a plain forward computes the logits of a few tokens from them, on the device itself. The
network as built must then find the same, through its own ways: a prefill, and a step of two rows, one of which is fed
two tokens. All weights, layers and kernels take part. Windows and chunks longer than these few tokens are not tested.

S sequences, T tokens, M logits compared, D width, V vocabulary.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from neocaret_model.config import ModelConfig
from neocaret_model.engine.branches import Branches
from neocaret_model.engine.port import Sampling
from neocaret_model.engine.sampling import Ask, Choice, chosen
from neocaret_model.errors import DeviceError
from neocaret_model.forward import Forward
from neocaret_model.linear import int8_is_right, plain
from neocaret_model.native.choice import CompiledChoice
from neocaret_model.native.library import library
from neocaret_model.native.network import NativeNetwork, computes
from neocaret_model.network import Network
from neocaret_model.plain_forward import plain_hidden, plain_logits
from neocaret_model.quantisation import EMBEDDING

TOLERANCES = {torch.float32: 0.01, torch.float16: 0.1, torch.bfloat16: 0.2, torch.int8: 0.2}
"""By the format of the weights, how far logits may be off, as a share of their spread. A wrong kernel's are by 1."""
_PREFIX, _ROWS = 5, (1, 2)
"""How many tokens stand before the rows, and how many each row is fed."""
_LONGEST = _PREFIX + max(_ROWS)
_GREEDY, _NUCLEUS = Sampling(), Sampling(temperature=0.8, top_p=0.95)
_POINTS = (0.2, 0.6, 0.9)
_A_RIM = 0.01
"""By how much the logits of two tokens may differ between which rounding decides; seldom they differ more."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tested:
    """A network that computes rightly."""

    network: Forward
    dtype: torch.dtype
    """Of its products; int8 where its matrices are so."""
    why: str = ""
    """Why that is another than was asked for, in a sentence; empty where it is none."""
    choice: Choice | None = None
    """The compiled library's, where it takes the tokens that ours takes."""


def tested_network(config: ModelConfig, dtype: torch.dtype, read: Callable[[torch.dtype], dict[str, Tensor]]) -> Tested:
    """Build a network in `dtype`, or, where that fails its test, one of plain products in float32.

    The compiled library computes it where it can, and torch everything else.

    Args:
        config: what network.
        dtype: the format of its weights.
        read: returns them, as `Network` takes them, in a format.

    Raises:
        DeviceError: plain products fail here too.
    """
    tensors = read(dtype)
    expected = expected_logits(config, tensors)
    why = ""
    native = library()
    if native is not None and computes(config, dtype, tensors[EMBEDDING].device, native):
        compiled = NativeNetwork(config, tensors, native)
        if agrees(compiled, expected, dtype):
            return Tested(compiled, dtype, choice=_tested_choice(CompiledChoice(native), expected))
        del compiled  # its memory is needed
        why = "The self-test found wrong numbers in Neocaret's compiled library: PyTorch is used, which is slower."
        _log.warning("%s", why)
        tensors = read(dtype)
    network = Network(config, tensors)
    if agrees(network, expected, dtype):
        if dtype == torch.int8 and not int8_is_right():
            return _told(
                network, "This machine's PyTorch multiplies no int8 rightly: the model is computed in float32."
            )
        return Tested(network, dtype, why)
    device, name = network.device, str(dtype).removeprefix("torch.")
    del network  # its memory is needed
    network = Network(config, read(torch.float32), lambda _: plain)
    if not agrees(network, expected, dtype):  # the weights were rounded to this
        raise DeviceError(f"PyTorch {torch.__version__} computes wrong numbers on {device}: use another device.")
    return _told(
        network, f"The self-test found wrong numbers in {name} on {device}: plain products in float32 are used."
    )


def _told(network: Forward, why: str) -> Tested:
    _log.warning("%s", why)
    return Tested(network, torch.float32, why)


def _chooses_rightly(compiled: Choice, logits: Tensor, ask: Ask) -> bool:
    try:
        found, right = (logits[choice(logits, len(logits), ask).token] for choice in (compiled, chosen))
    except (FloatingPointError, IndexError):
        return False
    return bool((found - right).abs() <= _A_RIM)


def _tested_choice(compiled: Choice, expected: Tensor) -> Choice | None:
    """Return what the library chooses with, if it takes what we would take by the expected logits (M x V)."""
    asks = [Ask(_GREEDY, 0.0), *(Ask(_NUCLEUS, point) for point in _POINTS)]
    for logits in expected.float() if bool(expected.isfinite().all()) else ():
        for ask in asks:
            if not _chooses_rightly(compiled, logits, ask):
                _log.warning("The self-test found wrong choices in Neocaret's compiled library: PyTorch's are used.")
                return None
    return compiled


def expected_logits(config: ModelConfig, tensors: dict[str, Tensor]) -> Tensor:
    """Return the logits (M x V, float32) after the prefix and after each token of the rows; `tensors` stay as they are.

    Where there are fewer positions than that needs, M is 0.
    """
    if config.positions < _LONGEST:
        return torch.empty(0, config.vocabulary)
    with torch.inference_mode():
        tokens = torch.tensor(_sequences(config.vocabulary), device=tensors[EMBEDDING].device)  # S x T
        hidden = plain_hidden(config, tensors, tokens)  # S x T x D
        fed = [hidden[row, _PREFIX : _PREFIX + count] for row, count in enumerate(_ROWS)]
        return plain_logits(tensors, torch.cat([hidden[0, _PREFIX - 1 : _PREFIX], *fed]))


def agrees(network: Forward, expected: Tensor, dtype: torch.dtype) -> bool:
    """Tell whether `network` finds the logits that `expected_logits` found, but for what weights in `dtype` explain."""
    # Weights that are no numbers are nobody's fault here.
    if not len(expected) or not bool(expected.isfinite().all()):
        return True
    sequences = _sequences(expected.shape[1])
    with torch.inference_mode():
        prefix = network.new_prefix()
        hidden = network.prefill(torch.tensor(sequences[0][:_PREFIX], device=network.device), prefix)
        rows = [sequence[_PREFIX : _PREFIX + fed] for sequence, fed in zip(sequences, _ROWS, strict=True)]
        logits = torch.cat(
            [network.logits(hidden[-1:]), *network.decode([(Branches(prefix, len(rows)), rows)])]
        ).float()
        error = (logits - expected).norm(dim=1)  # M
        spread = (expected - expected.mean(dim=1, keepdim=True)).norm(dim=1)
    return bool((error <= TOLERANCES[dtype] * spread).all())  # which what is no number is not


def _sequences(vocabulary: int) -> list[list[int]]:
    """One for each row, all of one length, that begin with the same prefix: any tokens."""
    prefix = [7919 * place % vocabulary for place in range(1, _PREFIX + 1)]
    return [prefix + [(104729 * row + 31 * place) % vocabulary for place in range(max(_ROWS))] for row in (1, 2)]
