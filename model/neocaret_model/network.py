"""GPT-Neo's forward on a checkpoint's own tensors, for an editor: one prefix, several continuations of it.

GPT-Neo is GPT-2 without a bias on query, key and value, with attention that is not scaled, and with layers that see
only the last `window` positions. Prefilling appends to the keys and values of one prefix; decoding feeds one token to
each of several rows, which share that prefix and have a short tail of their own each. Sharing is what makes samples
nearly free: the prefix is neither computed nor copied nor read once more for another row.

Shapes: `T` tokens fed, `N` tokens kept before them, `B` rows, `D` width, `H` heads, `E` head size (D = H E), `V`
vocabulary, `P` positions, `L` layers. Source: GPTNeoForCausalLM in transformers, whose logits these are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from neocaret_model.activation import Activation, activation
from neocaret_model.config import LayerKind, ModelConfig
from neocaret_model.engine.key_values import Memory, Prefix, Tails
from neocaret_model.linear import Linear
from neocaret_model.linear import choose as choose_linear
from neocaret_model.weights import OUTPUT_HEAD

_EVERYTHING = 2**31

_MakeLinear = Callable[[Tensor, Tensor | None], Linear]


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


class Network:
    """The weights and the two ways through them; holds no state of a request."""

    def __init__(self, config: ModelConfig, tensors: dict[str, Tensor]) -> None:
        """Take `tensors` by the names and in the shapes of `tensor_shapes`, all on one device and in one format.

        The dictionary is emptied as it is read, so that weights that are packed anew are not kept twice.
        """
        self.config = config
        self._heads = config.heads
        self._head_size = config.hidden_size // config.heads
        self._tokens = tensors.pop("transformer.wte.weight")  # V x D
        self._positions = tensors.pop("transformer.wpe.weight")  # P x D
        self._norm = _norm(tensors, "transformer.ln_f", config)
        head = self._tokens if config.tied else tensors.pop(OUTPUT_HEAD)
        make = choose_linear(head)
        self._head = make(head, None)
        self._activate: Activation = activation(config.activation)
        self._memory = Memory(
            len(config.layers), self._heads, self._head_size, dtype=self._tokens.dtype, device=self._tokens.device
        )
        self._layers = [_layer(tensors, number, kind, config, make) for number, kind in enumerate(config.layers)]

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._tokens.device

    def new_prefix(self) -> Prefix:
        """Return an empty prefix for this network."""
        return Prefix(self._memory, self.config.positions)

    def new_tails(self, rows: int, tokens: int) -> Tails:
        """Return empty tails for so many rows, of at most so many tokens each."""
        return Tails(self._memory, rows, tokens)

    def prefill(self, tokens: Tensor, prefix: Prefix) -> Tensor:
        """Append `tokens` (T) to `prefix`, which grows by them; returns their hidden states (T x D), normed."""
        begin, count = prefix.length, tokens.shape[0]
        prefix.reserve(begin + count)
        hidden = self._tokens[tokens] + self._positions[begin : begin + count]  # T x D
        masks: dict[int, Tensor | None] = {}
        for number, layer in enumerate(self._layers):
            if layer.window not in masks:
                masks[layer.window] = _mask(begin, count, layer.window, hidden.device)
            hidden = self._prefill_layer(layer, number, hidden, prefix, masks[layer.window])
        prefix.length = begin + count
        return self._norm(hidden)

    def decode(self, tokens: Tensor, prefix: Prefix, tails: Tails) -> Tensor:
        """Append one of `tokens` (B) to each row's tail; returns the logits (B x V) after it."""
        position = prefix.length + tails.length
        hidden = self._tokens[tokens] + self._positions[position]  # B x D
        for number, layer in enumerate(self._layers):
            hidden = self._decode_layer(layer, number, hidden, prefix, tails)
        tails.length += 1
        return self.logits(self._norm(hidden))

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (... x V) of normed hidden states (... x D)."""
        return self._head(hidden)

    def _prefill_layer(self, layer: _Layer, number: int, hidden: Tensor, prefix: Prefix, mask: Tensor | None) -> Tensor:
        count, end = hidden.shape[0], prefix.length + hidden.shape[0]
        first = max(0, prefix.length - layer.window + 1)
        qkv = layer.qkv(layer.ln_1(hidden)).view(count, 3, self._heads, self._head_size)
        query, key, value = qkv.permute(1, 2, 0, 3)  # H x T x E each
        keys, values = prefix.append(number, key, value)
        attended = functional.scaled_dot_product_attention(
            query[None],
            keys[None, :, first:end],
            values[None, :, first:end],
            attn_mask=mask,
            is_causal=mask is None,
            scale=1.0,
        )[0]  # H x T x E
        return self._finish(layer, hidden, attended.transpose(0, 1).reshape(count, -1))

    def _decode_layer(self, layer: _Layer, number: int, hidden: Tensor, prefix: Prefix, tails: Tails) -> Tensor:
        rows = hidden.shape[0]
        qkv = layer.qkv(layer.ln_1(hidden)).view(rows, 3, self._heads, self._head_size)
        query, key, value = qkv.unbind(1)  # B x H x E each
        tails.append(number, key, value)
        attended = _attend(query, number, layer.window, prefix, tails)
        return self._finish(layer, hidden, attended.reshape(rows, -1))

    def _finish(self, layer: _Layer, hidden: Tensor, attended: Tensor) -> Tensor:
        hidden = hidden + layer.out(attended)
        return hidden + layer.contract(self._activate(layer.expand(layer.ln_2(hidden))))


def _attend(query: Tensor, number: int, window: int, prefix: Prefix, tails: Tails) -> Tensor:
    """Attention of one token of each row (B x H x E) over the shared prefix and its own tail: B x H x E."""
    seen_from = max(0, prefix.length + tails.length + 1 - window)
    keys, values = prefix.of(number, min(seen_from, prefix.length))  # H x N x E
    tail_keys, tail_values = tails.of(number, max(0, seen_from - prefix.length))  # B x H x T x E
    shared = torch.matmul(query.transpose(0, 1), keys.transpose(1, 2)).transpose(0, 1)  # B x H x N
    own = torch.matmul(tail_keys, query[..., None])[..., 0]  # B x H x T
    weights = torch.cat([shared, own], dim=-1).float().softmax(dim=-1).to(query.dtype)
    count = keys.shape[1]
    attended = torch.matmul(weights[..., :count].transpose(0, 1), values).transpose(0, 1)
    return attended + torch.matmul(weights[..., None, count:], tail_values)[:, :, 0]


def _mask(begin: int, count: int, window: int, device: torch.device) -> Tensor | None:
    """Which of `count` tokens (T) sees which key of those from the first that any of them sees: T x N+T.

    None stands for the plain causal mask.
    """
    first = max(0, begin - window + 1)
    if begin == 0 and count <= window:
        return None
    queries = torch.arange(begin, begin + count, device=device)[:, None]
    keys = torch.arange(first, begin + count, device=device)[None]
    return (keys <= queries) & (keys > queries - window)


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


def _layer(tensors: dict[str, Tensor], number: int, kind: LayerKind, config: ModelConfig, make: _MakeLinear) -> _Layer:
    name = f"transformer.h.{number}"
    attention = f"{name}.attn.attention"

    def linear(part: str) -> Linear:
        return make(tensors.pop(f"{part}.weight"), tensors.pop(f"{part}.bias"))

    return _Layer(
        window=config.window if kind == "local" else _EVERYTHING,
        ln_1=_norm(tensors, f"{name}.ln_1", config),
        qkv=make(torch.cat([tensors.pop(f"{attention}.{part}_proj.weight") for part in "qkv"]), None),
        out=linear(f"{attention}.out_proj"),
        ln_2=_norm(tensors, f"{name}.ln_2", config),
        expand=linear(f"{name}.mlp.c_fc"),
        contract=linear(f"{name}.mlp.c_proj"),
    )


def _norm(tensors: dict[str, Tensor], name: str, config: ModelConfig) -> _Norm:
    return _Norm(tensors.pop(f"{name}.weight"), tensors.pop(f"{name}.bias"), config.layer_norm_epsilon)
