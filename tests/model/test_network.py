"""The network's two ways agree: whatever rows are fed, guessed wrong, and dropped, each continues its own text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neocaret_model.config import LayerKind, ModelConfig
from neocaret_model.engine.branches import Branches
from neocaret_model.engine.runner import GivenUpError
from neocaret_model.forward import Forward
from neocaret_model.native.library import Library, library
from neocaret_model.native.network import NativeNetwork
from neocaret_model.network import Network, tensor_shapes

VOCABULARY = 40
WINDOW = 5


def compiled() -> Library:
    found = library()
    assert found is not None, "the package was installed without its compiled library"
    return found


def make_network(
    *layers: LayerKind,
    dtype: torch.dtype = torch.float32,
    make: Callable[[ModelConfig, dict[str, torch.Tensor]], Forward] = Network,
) -> Forward:
    config = ModelConfig(
        activation="gelu_new",
        eos_ids=(),
        heads=2,
        hidden_size=12,
        intermediate_size=20,
        layer_norm_epsilon=1e-5,
        layers=layers,
        positions=64,
        tied=True,
        vocabulary=VOCABULARY,
        window=WINDOW,
    )
    generator = torch.Generator().manual_seed(3)
    shapes = tensor_shapes(config).items()
    return make(config, {name: (torch.randn(shape, generator=generator) * 0.3).to(dtype) for name, shape in shapes})


def native(level: int) -> Callable[[ModelConfig, dict[str, torch.Tensor]], Forward]:
    return lambda config, tensors: NativeNetwork(config, tensors, compiled(), level)


NETWORKS = {
    "global": make_network("global", "global"),
    "local": make_network("local", "local"),
    "mixed": make_network("global", "local"),
} | {
    f"mixed, compiled for {compiled().level_name(level).decode()}": make_network("global", "local", make=native(level))
    for level in range(compiled().levels)
}
MAKERS = {"torch": Network, "compiled": native(compiled().levels - 1)}

tokens = st.integers(0, VOCABULARY - 1)


def expected(network: Forward, text: list[int]) -> torch.Tensor:
    """The logits (V) after a text, computed at once."""
    return network.logits(network.prefill(torch.tensor(text), network.new_prefix())[-1:])[0]


@pytest.mark.parametrize("name", NETWORKS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_rows_have_the_logits_of_their_own_texts(name: str, data: Any) -> None:
    network = NETWORKS[name]
    prompt = data.draw(st.lists(tokens, min_size=1, max_size=12))
    with torch.inference_mode():
        prefix = network.new_prefix()
        network.prefill(torch.tensor(prompt), prefix)
        texts = [list(prompt) for _ in range(data.draw(st.integers(1, 4)))]
        branches = Branches(prefix, len(texts))
        for _ in range(data.draw(st.integers(1, 6))):
            fed = [data.draw(st.lists(tokens, min_size=1, max_size=4)) for _ in texts]
            (logits,) = network.decode([(branches, fed)])
            column = 0
            right = [data.draw(st.integers(1, len(guess))) for guess in fed]
            for text, guess, kept in zip(texts, fed, right, strict=True):
                for place in range(len(guess)):
                    after = expected(network, [*text, *guess[: place + 1]])
                    torch.testing.assert_close(logits[column + place], after, rtol=0, atol=2e-5)
                column += len(guess)
                text.extend(guess[:kept])
            branches.accept(right)
            stay = data.draw(st.lists(st.sampled_from(range(len(texts))), min_size=1, unique=True).map(sorted))
            if len(stay) < len(texts):
                branches.keep_rows(stay)
                texts = [texts[row] for row in stay]
        assert prefix.length == len(prompt)
        torch.testing.assert_close(expected(network, prompt), network.logits(again(network, prefix, prompt))[0])


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("layers", [("global", "global"), ("global", "local")])
def test_a_single_token_in_bfloat16_has_the_logits_of_its_text(
    layers: tuple[LayerKind, ...], make: Callable[[ModelConfig, dict[str, torch.Tensor]], Forward]
) -> None:
    network = make_network(*layers, dtype=torch.bfloat16, make=make)
    prefix = network.new_prefix()
    with torch.inference_mode():
        network.prefill(torch.arange(9), prefix)
        branches = Branches(prefix, 1)
        for step in range(1, 4):
            (logits,) = network.decode([(branches, [[8 + step]])])
            branches.accept([1])
            after = expected(network, [*range(9 + step)])
            assert logits.shape == (1, VOCABULARY)
            assert float((logits[0] - after).norm()) < 0.05 * float(after.norm())


@pytest.mark.parametrize("name", [name for name in NETWORKS if name.startswith("mixed")])
def test_a_prefill_that_is_given_up_leaves_the_prefix_as_it_was(name: str) -> None:
    network = NETWORKS[name]
    with torch.inference_mode():
        prefix = network.new_prefix()
        network.prefill(torch.arange(7), prefix)
        asked = iter([False, True])
        with pytest.raises(GivenUpError):
            network.prefill(torch.arange(20, 30), prefix, lambda: next(asked))
        assert prefix.length == 7
        hidden = network.prefill(torch.arange(7, 12), prefix)
        assert torch.equal(network.logits(hidden)[-1], after_chunks(network, range(7), range(7, 12)))


def after_chunks(network: Forward, *chunks: range) -> torch.Tensor:
    """The logits (V) after a text that is fed in chunks."""
    prefix = network.new_prefix()
    hidden = [network.prefill(torch.tensor(list(chunk)), prefix) for chunk in chunks]
    return network.logits(hidden[-1])[-1]


def again(network: Forward, prefix: Any, prompt: list[int]) -> torch.Tensor:
    """The hidden state (1 x D) of the prompt's last token, after what the prefix keeps of those before it."""
    prefix.length -= 1
    return network.prefill(torch.tensor(prompt[-1:]), prefix)[-1:]
