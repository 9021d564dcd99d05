"""GPT-Neo's forward on a checkpoint's own tensors, for an editor: one prefix, several continuations of it.

GPT-Neo is GPT-2 without a bias on query, key and value, with attention that is not scaled, and with layers that see
only the last `window` positions. Prefilling appends to the keys and values of one prefix; decoding feeds a few tokens
to each of several rows that continue it. Both are one pass over some tokens whose keys and values stand in one buffer,
and a mask says who sees whom. Sharing is what makes samples nearly free: the prefix is neither computed nor copied nor
read once more for another row.

Shapes: `T` tokens fed, `C` columns of keys and values, `B` rows, `D` width, `H` heads, `E` head size (D = H E), `V`
vocabulary, `P` positions, `L` layers. Source: GPTNeoForCausalLM in transformers, whose logits these are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

from neocaret_model.activation import Activation, activation
from neocaret_model.config import LayerKind, ModelConfig
from neocaret_model.engine.branches import Branches
from neocaret_model.engine.key_values import Memory, Prefix, View
from neocaret_model.engine.runner import Asked, GivenUpError, never
from neocaret_model.linear import Linear, MakeLinear
from neocaret_model.linear import choose as choose_linear
from neocaret_model.quantisation import Matrix, pop_matrix, stacked
from neocaret_model.weights import OUTPUT_HEAD

_EVERYTHING = 2**31

Attend = Callable[[int, int, Tensor], Tensor]
"""Takes a layer's number, its window, and the queries, keys and values (T x 3 x H x E) of some tokens; returns what
they attend to (T x D)."""


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, hidden: Tensor) -> Tensor:
        return functional.layer_norm(hidden, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class _Layer:
    window: int
    """How many positions a token sees, itself included."""
    ln_1: _Norm
    qkv: Linear
    """D to 3D: query, key and value as one product."""
    out: Linear
    ln_2: _Norm
    expand: Linear
    contract: Linear


@dataclass(frozen=True, slots=True)
class _Part:
    """The tokens of a pass that belong to one prefix, one after the other."""

    prefix: Prefix
    views: dict[int, View]
    """By the layers' windows."""


class Network:
    """The weights and the two ways through them; holds no state of a request."""

    def __init__(
        self, config: ModelConfig, tensors: dict[str, Tensor], choose: Callable[[Matrix], MakeLinear] = choose_linear
    ) -> None:
        """Take `tensors` by the names and in the shapes of `tensor_shapes`, all on one device and in one format.

        Matrices may be int8 with their scales, as `quantisation.as_int8` places them, and everything else float32 then.
        `choose` returns how products with matrices like the given one are computed. The dictionary is emptied as it is
        read, so that weights that are packed anew are not kept twice.
        """
        self.config = config
        self._heads = config.heads
        self._head_size = config.hidden_size // config.heads
        self._tokens = tensors.pop("transformer.wte.weight")  # V x D
        self._positions = tensors.pop("transformer.wpe.weight")  # P x D
        self._norm = _norm(tensors, "transformer.ln_f", config)
        head = pop_matrix(tensors, OUTPUT_HEAD) if OUTPUT_HEAD in tensors else self._tokens
        make = choose(head)
        self._head = make(head, None)
        self._activate: Activation = activation(config.activation)
        self.memory = Memory(
            len(config.layers), self._heads, self._head_size, dtype=self._tokens.dtype, device=self._tokens.device
        )
        """What the keys and values of a token need."""
        self.windows = frozenset(_window(kind, config) for kind in config.layers)
        """Of all layers: how many positions a token sees, itself included."""
        self._layers = [_layer(tensors, number, kind, config, make) for number, kind in enumerate(config.layers)]

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._tokens.device

    def new_prefix(self) -> Prefix:
        """Return an empty prefix for this network."""
        return Prefix(self.memory)

    def prefill(self, tokens: Tensor, prefix: Prefix, given_up: Asked = never) -> Tensor:
        """Append `tokens` (T) to `prefix`, which grows by them; returns their hidden states (T x D), normed.

        Raises:
            GivenUpError: it was `given_up` before the last layer; `prefix` has the tokens that it had.
        """
        count = tokens.shape[0]
        prefix.reserve(prefix.length + count)
        positions = torch.arange(prefix.length, prefix.length + count, device=self.device)
        views = {window: prefix.view(count, window) for window in self.windows}
        hidden = self.hidden(tokens, positions, _asking(_attending([_Part(prefix, views)]), given_up))
        prefix.length += count
        return hidden

    def decode(self, fed: Sequence[tuple[Branches, Sequence[Sequence[int]]]]) -> list[Tensor]:
        """Append some tokens to each row of several prefixes; returns for each the logits (M x V), row after row."""
        positions = [place for branches, rows in fed for place in branches.open_step([len(row) for row in rows])]
        ids = torch.tensor([token for _, rows in fed for row in rows for token in row], device=self.device)
        parts = [
            _Part(branches.prefix, {window: branches.view(window) for window in self.windows}) for branches, _ in fed
        ]
        hidden = self.hidden(ids, torch.tensor(positions, device=self.device), _attending(parts))
        return _split(self.logits(hidden), [sum(map(len, rows)) for _, rows in fed])

    def hidden(self, ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Take tokens (T) at their positions (T) through all layers; returns their hidden states (T x D), normed."""
        hidden = self._tokens[ids] + self._positions[positions]  # T x D
        for number, layer in enumerate(self._layers):
            qkv = layer.qkv(layer.ln_1(hidden)).view(-1, 3, self._heads, self._head_size)
            hidden = hidden + layer.out(attend(number, layer.window, qkv))
            hidden = hidden + layer.contract(self._activate(layer.expand(layer.ln_2(hidden))))
        return self._norm(hidden)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (... x V) of normed hidden states (... x D)."""
        return self._head(hidden)


def _attending(parts: Sequence[_Part]) -> Attend:
    """Each part's tokens attend to those of its own prefix, whose keys and values they add."""

    def attend(number: int, window: int, qkv: Tensor) -> Tensor:
        if len(parts) == 1:
            return _attend(number, qkv, parts[0].prefix, parts[0].views[window])
        counts = [part.views[window].end - part.views[window].begin for part in parts]
        return torch.cat(
            [
                _attend(number, own, part.prefix, part.views[window])
                for own, part in zip(_split(qkv, counts), parts, strict=True)
            ]
        )

    return attend


def _asking(attend: Attend, given_up: Asked) -> Attend:
    """Ask in each layer whether to go on."""

    def unless_given_up(number: int, window: int, qkv: Tensor) -> Tensor:
        if given_up():
            raise GivenUpError
        return attend(number, window, qkv)

    return unless_given_up


def _split(tensor: Tensor, counts: Sequence[int]) -> list[Tensor]:
    ends = list(accumulate(counts))
    return [tensor[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _attend(number: int, qkv: Tensor, prefix: Prefix, view: View) -> Tensor:
    """Write the keys and values of some tokens (T x 3 x H x E) of one prefix, and let them attend: T x D."""
    query, key, value = qkv.permute(1, 2, 0, 3)  # H x T x E each
    keys, values = prefix.write(number, view.begin, key, value)
    count = query.shape[1]
    if count == 1 and query.dtype == torch.bfloat16 and query.device.type == "cpu":
        query = query.repeat(1, 2, 1)  # torch's product with a single row takes twice as long as one with two
    attended = functional.scaled_dot_product_attention(
        query[None],
        keys[None, :, view.first : view.end],
        values[None, :, view.first : view.end],
        attn_mask=view.mask,
        scale=1.0,
    )[0, :, :count]  # H x T x E
    return attended.transpose(0, 1).flatten(1)


def tensor_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return name and shape of each tensor that a checkpoint of this configuration must hold."""
    width, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (config.vocabulary, width),
        "transformer.wpe.weight": (config.positions, width),
        "transformer.ln_f.weight": (width,),
        "transformer.ln_f.bias": (width,),
    }
    for number in range(len(config.layers)):
        shapes |= {
            f"transformer.h.{number}.{name}": shape
            for name, shape in {
                "ln_1.weight": (width,),
                "ln_1.bias": (width,),
                "attn.attention.q_proj.weight": (width, width),
                "attn.attention.k_proj.weight": (width, width),
                "attn.attention.v_proj.weight": (width, width),
                "attn.attention.out_proj.weight": (width, width),
                "attn.attention.out_proj.bias": (width,),
                "ln_2.weight": (width,),
                "ln_2.bias": (width,),
                "mlp.c_fc.weight": (inner, width),
                "mlp.c_fc.bias": (inner,),
                "mlp.c_proj.weight": (width, inner),
                "mlp.c_proj.bias": (width,),
            }.items()
        }
    if not config.tied:
        shapes[OUTPUT_HEAD] = (config.vocabulary, width)
    return shapes


def _layer(tensors: dict[str, Tensor], number: int, kind: LayerKind, config: ModelConfig, make: MakeLinear) -> _Layer:
    name = f"transformer.h.{number}"
    attention = f"{name}.attn.attention"

    def linear(part: str) -> Linear:
        return make(pop_matrix(tensors, f"{part}.weight"), tensors.pop(f"{part}.bias"))

    return _Layer(
        window=_window(kind, config),
        ln_1=_norm(tensors, f"{name}.ln_1", config),
        qkv=make(stacked([pop_matrix(tensors, f"{attention}.{part}_proj.weight") for part in "qkv"]), None),
        out=linear(f"{attention}.out_proj"),
        ln_2=_norm(tensors, f"{name}.ln_2", config),
        expand=linear(f"{name}.mlp.c_fc"),
        contract=linear(f"{name}.mlp.c_proj"),
    )


def _window(kind: LayerKind, config: ModelConfig) -> int:
    return config.window if kind == "local" else _EVERYTHING


def _norm(tensors: dict[str, Tensor], name: str, config: ModelConfig) -> _Norm:
    return _Norm(tensors.pop(f"{name}.weight"), tensors.pop(f"{name}.bias"), config.layer_norm_epsilon)
