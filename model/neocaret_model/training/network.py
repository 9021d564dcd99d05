"""GPT-Neo as it is trained here: all layers global, attention scaled by 1/sqrt(head size).

GPT-Neo itself does not scale its attention; trained so, a small model stays at the level of bigrams for millions of
tokens. `folded_state` multiplies the scale into the query weights, after which the two compute the same function.

Shapes: `B` batch, `T` tokens, `D` width, `H` heads, `V` vocabulary.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from neocaret_model.training.attention import causal_attention
from neocaret_model.training.embedding import embedded
from neocaret_model.training.growth import widened
from neocaret_model.training.recipe import Shape


class Layer(nn.Module):
    """One pre-norm transformer layer, its parameters named as in a GPT-Neo checkpoint where that costs nothing."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.ln_1 = nn.LayerNorm(shape.width)
        self.q_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.k_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.v_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.out_proj = nn.Linear(shape.width, shape.width)
        self.ln_2 = nn.LayerNorm(shape.width)
        self.c_fc = nn.Linear(shape.width, 4 * shape.width)
        self.c_proj = nn.Linear(4 * shape.width, shape.width)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map hidden states [B, T, D] to the next layer's [B, T, D]."""
        normed = self.ln_1(hidden)
        query, key, value = (self._split(project(normed)) for project in (self.q_proj, self.k_proj, self.v_proj))
        attended = causal_attention(query, key, value)  # [B, H, T, D/H]
        hidden = hidden + self.out_proj(attended.transpose(1, 2).flatten(2))
        expanded = functional.gelu(self.c_fc(self.ln_2(hidden)), approximate="tanh")
        output: Tensor = hidden + self.c_proj(expanded)
        return output

    def _split(self, projected: Tensor) -> Tensor:
        batch, tokens, _ = projected.shape
        return projected.view(batch, tokens, self.heads, -1).transpose(1, 2)  # [B, H, T, D/H]


class Network(nn.Module):
    """The language model; embeddings and output layer share one matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.wte = nn.Embedding(shape.vocabulary, shape.width)
        self.wpe = nn.Embedding(shape.positions, shape.width)
        self.h = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.ln_f = nn.LayerNorm(shape.width)
        self._initialize()

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats of `targets` [B, T] after `tokens` [B, T]."""
        logits = self.logits(tokens)
        return functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    def logits(self, tokens: Tensor) -> Tensor:
        """Return the logits [B, T, V] after each of `tokens` [B, T]."""
        hidden = embedded(self.wte.weight, tokens) + self.wpe.weight[: tokens.shape[1]]
        for layer in self.h:
            hidden = layer(hidden)
        return functional.linear(self.ln_f(hidden), self.wte.weight)

    def _initialize(self) -> None:
        # Residual branches start small, so that the stream's variance does not grow with depth (GPT-2, section 2.3).
        residual = 0.02 / math.sqrt(2 * self.shape.layers)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:  # noqa: PLR2004 - a matrix
                nn.init.normal_(
                    parameter, std=residual if name.endswith(("out_proj.weight", "c_proj.weight")) else 0.02
                )
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)


def folded_state(network: Network) -> dict[str, Tensor]:
    """Return the weights under GPT-Neo's names, the attention scale folded into the query weights, in float32."""
    scale = 1 / math.sqrt(network.shape.head_size)
    state = {}
    for name, tensor in network.state_dict().items():
        weight = tensor.detach().float()
        state[_gpt_neo_name(name)] = weight * scale if name.endswith("q_proj.weight") else weight.clone()
    return state


def load_folded_state(network: Network, state: dict[str, Tensor]) -> None:
    """Take weights as `folded_state` returns them, so that training goes on from a committed model.

    A network of more positions than the model has begins with the last half of the model's repeated, and one of several
    times its width, with heads of the same size, begins by computing what the model does.

    Raises:
        KeyError: a tensor is missing; the message names it.
        RuntimeError: a tensor has another shape than the network's.
    """
    shape = network.shape
    scale = math.sqrt(shape.head_size)
    own = {name: state[_gpt_neo_name(name)].float() for name in network.state_dict()}
    own = {name: weight * scale if name.endswith("q_proj.weight") else weight for name, weight in own.items()}
    own["wpe.weight"] = _lengthened(own["wpe.weight"], shape.positions)
    times = shape.width // own["wpe.weight"].shape[1]
    network.load_state_dict(widened(own, times) if times > 1 else own)


def _lengthened(embeddings: Tensor, positions: int) -> Tensor:
    """Return embeddings of at least so many positions: [positions, D], where there are fewer."""
    while len(embeddings) < positions:
        embeddings = torch.cat([embeddings, embeddings[-((len(embeddings) + 1) // 2) :]])[:positions]
    return embeddings


def _gpt_neo_name(name: str) -> str:
    for part, inside in {
        "q_proj": "attn.attention",
        "k_proj": "attn.attention",
        "v_proj": "attn.attention",
        "out_proj": "attn.attention",
        "c_fc": "mlp",
        "c_proj": "mlp",
    }.items():
        name = name.replace(f".{part}.", f".{inside}.{part}.")
    return f"transformer.{name}"
