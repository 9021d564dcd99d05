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
from neocaret_model.native.crew import Crew
from neocaret_model.native.library import LayerC, Library, NetworkC, NormC, PartC, PassC
from neocaret_model.native.packing import DTYPES, Packed, packed
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
        self._crew = Crew(library, self._level)
        self._memory: list[Tensor] = []
        self._tokens = tensors.pop("transformer.wte.weight")  # V x D
        self._positions = tensors.pop("transformer.wpe.weight")  # P x D
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
            halves=self._tokens.dtype == torch.bfloat16,
            epsilon=config.layer_norm_epsilon,
            layer=layers,
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
        before, count = prefix.length, tokens.shape[0]
        prefix.reserve(before + count)
        positions = torch.arange(before, before + count)
        hidden = self._embedded(tokens, positions)
        try:
            for begin in range(0, count, _AT_ONCE):
                some = hidden[begin : begin + _AT_ONCE]
                self._append(some, prefix, given_up)
                prefix.length += len(some)
        except BaseException:
            prefix.length = before
            raise
        return hidden

    def decode(self, fed: Sequence[tuple[Branches, Sequence[Sequence[int]]]]) -> list[Tensor]:
        """Append some tokens to each row of several prefixes; returns for each the logits (M x V), row after row."""
        positions = [place for branches, rows in fed for place in branches.open_step([len(row) for row in rows])]
        ids = [token for _, rows in fed for row in rows for token in row]
        counts = [sum(map(len, rows)) for _, rows in fed]
        parts = [
            _Part(branches.prefix, branches.prefix.length, branches.begin, count, branches.owners, branches.positions)
            for (branches, _), count in zip(fed, counts, strict=True)
        ]
        hidden = self._embedded(torch.tensor(ids), torch.tensor(positions))
        logits = self._pass(hidden, parts, range(len(self.config.layers)), 0)
        ends = list(accumulate(counts))
        return [logits[end - count : end] for end, count in zip(ends, counts, strict=True)]

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (T x V) of hidden states (T x D)."""
        parts = [self._pass(some.contiguous(), [], range(0), 0) for some in hidden.split(_AT_ONCE)]  # type: ignore[no-untyped-call]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _append(self, hidden: Tensor, prefix: Prefix, given_up: Asked) -> None:
        """Take the hidden states (T x D) of a prefix's next tokens through all layers, in place."""
        count, end = len(hidden), prefix.length + len(hidden)
        part = _Part(prefix, prefix.length, prefix.length, count, [0] * count, range(prefix.length, end))
        layers = range(len(self.config.layers))
        for some in [layers] if given_up is never else [range(number, number + 1) for number in layers]:
            if given_up():
                raise GivenUpError
            self._pass(hidden, [part], some, count)

    def _embedded(self, ids: Tensor, positions: Tensor) -> Tensor:
        return self._tokens[ids].float() + self._positions[positions].float()  # T x D

    def _pass(self, hidden: Tensor, parts: Sequence[_Part], layers: range, first_logits: int) -> Tensor:
        """Change hidden states (T x D) in place; returns the logits from a token on."""
        firsts = accumulate((part.tokens for part in parts), initial=0)
        logits = torch.empty(len(hidden) - first_logits, self.config.vocabulary)
        asked = PassC(
            tokens=len(hidden),
            parts=len(parts),
            first_layer=layers.start,
            end_layer=layers.stop,
            first_logits=first_logits,
            threads=torch.get_num_threads(),
            part=(PartC * len(parts))(*(part.pointers(first) for part, first in zip(parts, firsts, strict=False))),
            hidden=hidden.data_ptr(),
            logits=logits.data_ptr(),
        )
        self._crew.run(self._network, asked)
        return logits

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
