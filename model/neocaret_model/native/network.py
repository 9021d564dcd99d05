"""GPT-Neo's forward through the compiled library: whole layers in one call, for a processor.

Computes what `neocaret_model.network.Network` computes, on the same prefixes and branches. What that spends on a few
rows of a small model is mostly the cost of calling torch some hundred times a step; here a step is one call. Matrices
are in float32, bfloat16 or int8, keys and values in float32 or bfloat16, and everything between is float32.

T tokens fed, M tokens fed to some rows, D width, V vocabulary, L layers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from neocaret_model.config import LayerKind, ModelConfig
from neocaret_model.engine.branches import Branches
from neocaret_model.engine.key_values import Memory, Prefix
from neocaret_model.engine.runner import Asked, GivenUpError, never
from neocaret_model.native.library import LayerC, Library, NetworkC, NormC, PartC, PassC
from neocaret_model.native.packing import DTYPES, Packed, packed
from neocaret_model.native.team import Team
from neocaret_model.quantisation import Matrix, pop_matrix, stacked
from neocaret_model.weights import OUTPUT_HEAD

_EVERYTHING = 2**30
"""Of positions."""
_AT_ONCE = 128
"""Tokens of a prefill that go through the layers together: more do not stay in the caches."""
_MOST_INPUTS = 2**31 // (255 * 127)
"""Of int8: an unsigned and a signed number each."""
_ACTIVATIONS = frozenset({"gelu_fast", "gelu_new", "gelu_pytorch_tanh"})


@dataclass(frozen=True, slots=True)
class _Part:
    """Tokens that continue one prefix: where they stand, and what stands before them behind the prefix."""

    prefix: Prefix
    shared: int
    """Columns that all rows see."""
    begin: int
    """The first token's column."""
    tokens: int
    rows: Sequence[int]
    """Whose each column behind the shared ones is; -1: nobody's."""
    positions: Sequence[int]
    """Of each column behind the shared ones."""

    def pointers(self, first_token: int) -> PartC:
        numbers = ctypes.c_int32 * len(self.rows)
        buffer = self.prefix.buffer
        return PartC(
            keys=buffer[0].data_ptr(),
            values=buffer[1].data_ptr(),
            capacity=self.prefix.capacity,
            prefix=self.shared,
            begin=self.begin,
            first_token=first_token,
            tokens=self.tokens,
            rows=numbers(*self.rows),
            positions=numbers(*self.positions),
        )


def computes(config: ModelConfig, dtype: torch.dtype, device: torch.device, library: Library) -> bool:
    """Tell whether the library has all that a network of this configuration needs here, in this format."""
    return (
        device.type == "cpu"
        and dtype in DTYPES
        and (dtype != torch.int8 or (bool(library.multiplies_int8(library.levels - 1)) and _sums_fit(config)))
        and config.activation in _ACTIVATIONS
        and len(config.layers) <= library.most_layers
    )


def _sums_fit(config: ModelConfig) -> bool:
    """Tell whether sums of products of int8 stay within 32 bits."""
    return max(config.hidden_size, config.intermediate_size) <= _MOST_INPUTS


class NativeNetwork:
    """The weights, packed, and the two ways through them; holds no state of a request."""

    def __init__(
        self, config: ModelConfig, tensors: dict[str, Tensor], library: Library, level: int | None = None
    ) -> None:
        """Take `tensors` as `Network` does, and empty the dictionary as they are packed.

        `level` is that of the processor's instructions; the highest that it has, where it is not given.
        """
        self.config = config
        self._library = library
        self._level = library.levels - 1 if level is None else level
        self._team = Team(library, self._level)
        self._memory: list[Tensor] = []
        self._logits = torch.empty(0, config.vocabulary)
        self._tokens = tensors.pop("transformer.wte.weight").contiguous()  # V x D
        self._positions = tensors.pop("transformer.wpe.weight").contiguous()  # P x D
        self.memory = Memory(
            len(config.layers),
            config.heads,
            config.hidden_size // config.heads,
            dtype=self._tokens.dtype,
            device=self._tokens.device,
        )
        """What the keys and values of a token need."""
        layers = (LayerC * len(config.layers))(
            *(self._layer(tensors, number, kind) for number, kind in enumerate(config.layers))
        )
        head = self._kept(pop_matrix(tensors, OUTPUT_HEAD) if OUTPUT_HEAD in tensors else self._tokens, None)
        self._network = NetworkC(
            width=config.hidden_size,
            heads=config.heads,
            layers=len(config.layers),
            bfloat16=self._tokens.dtype == torch.bfloat16,
            epsilon=config.layer_norm_epsilon,
            layer=layers,
            tokens=self._tokens.data_ptr(),
            positions=self._positions.data_ptr(),
            norm=self._norm(tensors, "transformer.ln_f"),
            head=head.pointers,
        )

    @property
    def device(self) -> torch.device:
        """The processor."""
        return self.memory.device

    def new_prefix(self) -> Prefix:
        """Return an empty prefix for this network."""
        return Prefix(self.memory)

    def prefill(self, tokens: Tensor, prefix: Prefix, given_up: Asked = never) -> Tensor:
        """Append `tokens` (T) to `prefix`, which grows by them; returns their hidden states (T x D).

        Raises:
            GivenUpError: it was `given_up` before the last layer; `prefix` has the tokens that it had.
        """
        before, ids = prefix.length, tokens.tolist()
        prefix.reserve(before + len(ids))
        hidden = torch.empty(len(ids), self.config.hidden_size)
        try:
            for begin in range(0, len(ids), _AT_ONCE):
                some = ids[begin : begin + _AT_ONCE]
                self._append(some, hidden[begin : begin + _AT_ONCE], prefix, given_up)
                prefix.length += len(some)
        except BaseException:
            prefix.length = before
            raise
        return hidden

    def decode(self, fed: Sequence[tuple[Branches, Sequence[Sequence[int]]]]) -> list[Tensor]:
        """Append some tokens to each row of several prefixes; returns for each the logits (M x V), row after row.

        The next call writes over them.
        """
        positions = [place for branches, rows in fed for place in branches.open_step([len(row) for row in rows])]
        ids = [token for _, rows in fed for row in rows for token in row]
        counts = [sum(map(len, rows)) for _, rows in fed]
        parts = [
            _Part(branches.prefix, branches.prefix.length, branches.begin, count, branches.owners, branches.positions)
            for (branches, _), count in zip(fed, counts, strict=True)
        ]
        hidden = torch.empty(len(ids), self.config.hidden_size)
        logits = self._logits_of(len(ids))
        self._pass(hidden, parts, range(len(self.config.layers)), (ids, positions), logits)
        ends = list(accumulate(counts))
        return [logits[end - count : end] for end, count in zip(ends, counts, strict=True)]

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (T x V) of hidden states (T x D)."""
        logits = torch.empty(len(hidden), self.config.vocabulary)
        for begin in range(0, len(hidden), _AT_ONCE):
            some = slice(begin, begin + _AT_ONCE)
            self._pass(hidden[some].contiguous(), [], range(0), None, logits[some])
        return logits

    def _append(self, ids: Sequence[int], hidden: Tensor, prefix: Prefix, given_up: Asked) -> None:
        """Take a prefix's next tokens through all layers, into their hidden states (T x D)."""
        count, end = len(ids), prefix.length + len(ids)
        part = _Part(prefix, prefix.length, prefix.length, count, [0] * count, range(prefix.length, end))
        layers = range(len(self.config.layers))
        for some in [layers] if given_up is never else [range(number, number + 1) for number in layers]:
            if given_up():
                raise GivenUpError
            self._pass(hidden, [part], some, None if some.start else (ids, part.positions), None)

    def _logits_of(self, count: int) -> Tensor:
        """Memory for the logits of a step, which are needed no longer than until the next one."""
        if len(self._logits) < count:
            self._logits = torch.empty(count, self.config.vocabulary)
        return self._logits[:count]

    def _embedded(self, tokens: tuple[Sequence[int], Sequence[int]] | None) -> dict[str, ctypes.Array[ctypes.c_int32]]:
        """What a pass needs of tokens and positions whose hidden states are not there yet.

        Raises:
            IndexError: the network has no such token, or no such position.
        """
        if tokens is None:
            return {}
        for numbers, end in zip(tokens, (self.config.vocabulary, self.config.positions), strict=True):
            if min(numbers) < 0 or max(numbers) >= end:
                raise IndexError(f"{min(numbers)} to {max(numbers)} are not all from 0 up to {end}.")
        ids, positions = ((ctypes.c_int32 * len(numbers))(*numbers) for numbers in tokens)
        return {"ids": ids, "positions": positions}

    def _pass(
        self,
        hidden: Tensor,
        parts: Sequence[_Part],
        layers: range,
        tokens: tuple[Sequence[int], Sequence[int]] | None,
        logits: Tensor | None,
    ) -> None:
        """Change hidden states (T x D) in place, or make those of tokens and positions; write all logits, or none."""
        firsts = accumulate((part.tokens for part in parts), initial=0)
        asked = PassC(
            tokens=len(hidden),
            parts=len(parts),
            first_layer=layers.start,
            end_layer=layers.stop,
            threads=torch.get_num_threads(),
            part=(PartC * len(parts))(*(part.pointers(first) for part, first in zip(parts, firsts, strict=False))),
            hidden=hidden.data_ptr(),
            logits=None if logits is None else logits.data_ptr(),
            **self._embedded(tokens),
        )
        self._team.run(self._network, asked)

    def _layer(self, tensors: dict[str, Tensor], number: int, kind: LayerKind) -> LayerC:
        name = f"transformer.h.{number}"
        attention = f"{name}.attn.attention"
        qkv = stacked([pop_matrix(tensors, f"{attention}.{part}_proj.weight") for part in "qkv"])

        def linear(part: str) -> Packed:
            return self._kept(pop_matrix(tensors, f"{part}.weight"), tensors.pop(f"{part}.bias"))

        return LayerC(
            window=self.config.window if kind == "local" else _EVERYTHING,
            before_attention=self._norm(tensors, f"{name}.ln_1"),
            qkv=self._kept(qkv, None).pointers,
            out=linear(f"{attention}.out_proj").pointers,
            before_expansion=self._norm(tensors, f"{name}.ln_2"),
            expand=linear(f"{name}.mlp.c_fc").pointers,
            contract=linear(f"{name}.mlp.c_proj").pointers,
        )

    def _kept(self, matrix: Matrix, bias: Tensor | None) -> Packed:
        own = packed(self._library, self._level, matrix, bias)
        self._memory += own.memory
        return own

    def _norm(self, tensors: dict[str, Tensor], name: str) -> NormC:
        weight, bias = (tensors.pop(f"{name}.{part}").float().contiguous() for part in ("weight", "bias"))
        self._memory += [weight, bias]
        return NormC(weight=weight.data_ptr(), bias=bias.data_ptr())
