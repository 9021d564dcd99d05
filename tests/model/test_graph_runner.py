"""Steps of fixed shapes, recorded and played again, give what the network's own steps give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPTNeoForCausalLM

from neocaret_model.captured import CudaGraphs, PlainCalls, Recorder
from neocaret_model.config import LayerKind, ModelConfig
from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.lane_memory import Blocks
from neocaret_model.engine.port import CancelToken, GenerationRequest, GenerationResult, Sampling
from neocaret_model.graph_runner import GraphRunner
from neocaret_model.linear import plain
from neocaret_model.loading import load_engine
from neocaret_model.neo_runner import NeoRunner
from neocaret_model.network import Network, tensor_shapes

AnyEngine = LocalEngine[Any]
Recorded = Callable[[], Any]
"""Makes a stand-in for CUDA graphs."""

VOCABULARY = 40
SMALL = Blocks(prefix=8, tail=4)
"""So that shapes change within a few tokens."""
PATTERNS: dict[str, tuple[LayerKind, ...]] = {
    "global": ("global", "global"),
    "local": ("local", "local"),
    "mixed": ("global", "local", "local"),
}


def make_network(layers: Sequence[LayerKind], window: int = 5) -> Network:
    config = ModelConfig(
        activation="gelu_new",
        eos_ids=(),
        heads=2,
        hidden_size=12,
        intermediate_size=20,
        layer_norm_epsilon=1e-5,
        layers=tuple(layers),
        positions=64,
        tied=True,
        vocabulary=VOCABULARY,
        window=window,
    )
    generator = torch.Generator().manual_seed(3)
    shapes = tensor_shapes(config).items()
    tensors = {name: torch.randn(shape, generator=generator) * 0.3 for name, shape in shapes}
    return Network(config, tensors, lambda _: plain)


NETWORKS = {name: make_network(layers) for name, layers in PATTERNS.items()}
tokens = st.integers(0, VOCABULARY - 1)


def expected(network: Network, text: list[int]) -> torch.Tensor:
    """The logits (V) after a text, computed at once."""
    return network.logits(network.prefill(torch.tensor(text), network.new_prefix()))[-1]


class Lines:
    """The rows of one prompt, and what each should have read."""

    def __init__(self, runner: GraphRunner, prompt: list[int], rows: int) -> None:
        kept = runner.empty()
        runner.prefill(prompt, kept)
        self.rows = runner.rows(kept, rows)
        self.texts = [list(prompt) for _ in range(rows)]

    def accept(self, fed: list[list[int]], right: list[int]) -> None:
        self.rows.accept(right)
        for text, guess, kept in zip(self.texts, fed, right, strict=True):
            text.extend(guess[:kept])

    def keep(self, stay: list[int]) -> None:
        self.rows.keep(stay)
        self.texts = [self.texts[row] for row in stay]


@pytest.mark.parametrize("name", NETWORKS)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_rows_of_several_prompts_have_the_logits_of_their_own_texts(
    name: str, data: Any, recorded_calls: Recorded
) -> None:
    network = NETWORKS[name]
    with torch.inference_mode():
        runner = GraphRunner(network, recorded_calls(), SMALL)
        going: list[Lines] = []
        for _ in range(data.draw(st.integers(1, 7))):
            if not going or (len(going) < 4 and data.draw(st.booleans())):
                prompt = data.draw(st.lists(tokens, min_size=1, max_size=20))
                going.append(Lines(runner, prompt, data.draw(st.integers(1, 3))))
            fed = [[data.draw(st.lists(tokens, min_size=1, max_size=3)) for _ in lines.texts] for lines in going]
            all_logits = runner.step([(lines.rows, some) for lines, some in zip(going, fed, strict=True)])
            for lines, some, logits in zip(going, fed, all_logits, strict=True):
                guessed = [
                    [*text, *guess[: place + 1]]
                    for text, guess in zip(lines.texts, some, strict=True)
                    for place in range(len(guess))
                ]
                right = torch.stack([expected(network, text) for text in guessed])
                torch.testing.assert_close(logits, right, rtol=0, atol=2e-5)
                lines.accept(some, [data.draw(st.integers(1, len(guess))) for guess in some])
                lines.keep(data.draw(st.lists(st.sampled_from(range(len(some))), min_size=1, unique=True).map(sorted)))
            if len(going) > 1 and data.draw(st.booleans()):
                runner.give_back(going.pop(data.draw(st.integers(0, len(going) - 1))).rows)
            runner.check()


@pytest.mark.parametrize("window", [1, 2, 8, 9, 300])
def test_windows_of_any_size_end_where_they_should(window: int, recorded_calls: Recorded) -> None:
    network = make_network(("local", "global"), window)
    with torch.inference_mode():
        runner = GraphRunner(network, recorded_calls(), SMALL)
        lines = Lines(runner, list(range(19)), 2)
        for step in range(20):
            fed = [[step], [step + 1]]
            (logits,) = runner.step([(lines.rows, fed)])
            lines.accept(fed, [1, 1])
            for row, text in zip(logits, lines.texts, strict=True):
                torch.testing.assert_close(row, expected(network, text), rtol=0, atol=2e-5)


def test_a_shape_is_recorded_once_and_played_from_then_on(recorded_calls: Recorded) -> None:
    recorder = recorded_calls()
    with torch.inference_mode():
        runner = GraphRunner(NETWORKS["mixed"], recorder, Blocks(prefix=32, tail=64))
        for _ in range(2):
            lines = Lines(runner, [1, 2, 3], 2)
            for step in range(6):
                runner.step([(lines.rows, [[step], [step]])])
                lines.rows.accept([1, 1])
            runner.give_back(lines.rows)
    assert (recorder.recordings, recorder.replays) == (1, 12)


def test_more_shapes_than_are_kept_are_recorded_anew(monkeypatch: pytest.MonkeyPatch, recorded_calls: Recorded) -> None:
    monkeypatch.setattr("neocaret_model.static_steps._MOST_PASSES", 2)
    recorder = recorded_calls()
    with torch.inference_mode():
        runner = GraphRunner(NETWORKS["mixed"], recorder)
        for rows in (1, 2, 1, 3, 2):
            lines = Lines(runner, [1, 2, 3], rows)
            runner.step([(lines.rows, [[7]] * rows)])
            runner.give_back(lines.rows)
        assert len(runner._steps._passes) == 2
    assert recorder.recordings == 4


def test_what_is_no_number_stays_in_its_lane_and_goes_with_it(recorded_calls: Recorded) -> None:
    network = NETWORKS["global"]
    with torch.inference_mode():
        runner = GraphRunner(network, recorded_calls(), SMALL)
        spoilt = Lines(runner, list(range(12)), 1)
        runner._steps._memory.buffer[:, :, 0] = torch.nan
        sound = Lines(runner, [1, 2], 1)
        logits = runner.step([(spoilt.rows, [[5]]), (sound.rows, [[5]])])
        assert logits[0].isnan().all()
        torch.testing.assert_close(logits[1][0], expected(network, [1, 2, 5]), rtol=0, atol=2e-5)
        runner.give_back(spoilt.rows)
        again = Lines(runner, [3], 1)
        assert again.rows.number == 0
        (after,) = runner.step([(again.rows, [[4]])])
        torch.testing.assert_close(after[0], expected(network, [3, 4]), rtol=0, atol=2e-5)


def test_padding_sees_something_and_leaves_numbers(recorded_calls: Recorded) -> None:
    with torch.inference_mode():
        runner = GraphRunner(NETWORKS["mixed"], recorded_calls(), SMALL)
        lines = [Lines(runner, [1, 2, 3], rows) for rows in (1, 3, 1)]
        runner.step([(lines[1].rows, [[4], [5], [6, 7, 8, 9]]), (lines[2].rows, [[4]])])
        (only,) = runner._steps._passes.values()
        assert (only._shape.lanes, only._shape.slots) == (4, 8)
        for window in NETWORKS["mixed"].windows:
            assert (only._mask(window, only._begin(window)) == 0.0).any(dim=-1).all()
        assert only._logits.isfinite().all()


# Engines


def engine_over(folder: Path, recorder: Recorder, device: str = "cpu") -> AnyEngine:
    own = load_engine(str(folder), device=device, dtype="float32")
    assert isinstance(own, LocalEngine)
    assert isinstance(own._runner, NeoRunner | GraphRunner)
    reader = own._runner if isinstance(own._runner, NeoRunner) else own._runner._reader
    assert isinstance(reader._network, Network)
    runner = GraphRunner(reader._network, recorder, SMALL)
    return LocalEngine(runner, own._tokenizer, (0,), own._vocabulary, own.info)


BEGINNINGS = ("import pandas as pd\n", "def main():\n    for i in range(10):\n", "x = 1\n" * 20)
samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.5, 1.5]),
    top_k=st.sampled_from([0, 5]),
    top_p=st.sampled_from([0.9, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.2]),
    seed=st.integers(0, 99),
    document_weight=st.sampled_from([0.0, 1.0]),
)
requests = st.builds(
    lambda beginning, end, rows, most, stop: GenerationRequest(
        beginning + end, tuple(rows), max_new_tokens=most, stop=stop, heal=True
    ),
    st.sampled_from(BEGINNINGS),
    st.sampled_from(["", "p", "    print(i)\n", "    print(i)\n    ret"]),
    st.lists(samplings, min_size=1, max_size=4),
    st.integers(1, 14),
    st.sampled_from([(), ("\n",), ("e", ")")]),
)


def compared(result: GenerationResult) -> list[tuple[str, int, str]]:
    return [(one.text, one.tokens, one.finish_reason) for one in result.continuations]


@settings(deadline=None, max_examples=25)
@given(data=st.data())
@pytest.mark.usefixtures("torch_alone")
def test_engines_over_recordings_write_what_others_write(
    tiny_folder: Path, data: Any, recorded_calls: Recorded
) -> None:
    eager = load_engine(str(tiny_folder), device="cpu", dtype="float32")
    engine = engine_over(tiny_folder, recorded_calls())
    works: list[tuple[GenerationRequest, CancelToken, Any]] = []
    for request in data.draw(st.lists(requests, min_size=1, max_size=4)):
        cancel = CancelToken()
        works.append((request, cancel, engine.begin(request, cancel)))
        for _ in range(data.draw(st.integers(0, 4))):
            engine.advance([work for _, _, work in works])
        if data.draw(st.booleans()) and data.draw(st.booleans()):
            data.draw(st.sampled_from(works))[1].cancel()
    while not all(work.done for _, _, work in works):
        engine.advance([work for _, _, work in works])
        engine._runner.check()  # type: ignore[attr-defined]
    assert isinstance(engine._runner, GraphRunner)
    assert not engine._runner._lent
    for request, cancel, work in works:
        if not cancel.cancelled:
            alone = eager.generate(request)
            assert compared(work.result()) == compared(alone)
            for one, other in zip(work.result().continuations, alone.continuations, strict=True):
                assert one.mean_logprob == pytest.approx(other.mean_logprob, abs=1e-4)
                assert one.logprob == pytest.approx(other.logprob, abs=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"attention_types": [[["global"], 3]]},
        {"attention_types": [[["local"], 3]], "window_size": 1},
        {"hidden_size": 21, "num_heads": 3, "intermediate_size": 13},
        {"num_layers": 1, "attention_types": [[["local"], 1]], "window_size": 150, "num_heads": 1},
        {"tie_word_embeddings": False},
    ],
    ids=str,
)
@pytest.mark.usefixtures("torch_alone")
def test_greedy_equals_transformers(
    make_checkpoint: Callable[..., Path], changes: dict[str, Any], recorded_calls: Recorded
) -> None:
    folder = make_checkpoint(**changes)
    engine = engine_over(folder, recorded_calls())
    reference: Any = GPTNeoForCausalLM.from_pretrained(folder)
    for prompt in BEGINNINGS:
        ids = torch.tensor([engine._tokenizer.encode(prompt)])
        output = reference.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=30, pad_token_id=0
        )
        (written,) = engine.generate(GenerationRequest(prompt, max_new_tokens=30)).continuations
        assert written.text == engine._tokenizer.decode(output[0, ids.shape[1] :].tolist())


@pytest.mark.usefixtures("torch_alone")
def test_half_precision_answers_the_same_again(tiny_folder: Path, recorded_calls: Recorded) -> None:
    own = load_engine(str(tiny_folder), device="cpu", dtype="bfloat16")
    assert isinstance(own, LocalEngine)
    assert isinstance(own._runner, NeoRunner)
    assert isinstance(own._runner._network, Network)
    runner = GraphRunner(own._runner._network, recorded_calls(), SMALL)
    engine: AnyEngine = LocalEngine(runner, own._tokenizer, (0,), own._vocabulary, own.info)
    request = GenerationRequest(BEGINNINGS[2], (Sampling(), Sampling(0.8, seed=1)), max_new_tokens=12)
    assert compared(engine.generate(request)) == compared(engine.generate(request))


@pytest.mark.usefixtures("torch_alone")
def test_what_fails_gives_its_lane_back(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_over(tiny_folder, PlainCalls())
    assert isinstance(engine._runner, GraphRunner)

    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(engine._runner._steps, "run", broken)
    with pytest.raises(RuntimeError, match="broken"):
        engine.generate(GenerationRequest("import"))
    assert not engine._runner._lent


@pytest.mark.device
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
@settings(deadline=None, max_examples=20)
@given(asked=st.lists(requests, min_size=1, max_size=3))
def test_graphs_on_a_gpu_write_what_a_cpu_writes(tiny_folder: Path, asked: list[GenerationRequest]) -> None:
    eager = load_engine(str(tiny_folder), device="cpu", dtype="float32")
    engine = engine_over(tiny_folder, CudaGraphs(torch.device("cuda")), "cuda")
    works = [engine.begin(request) for request in asked]
    while not all(work.done for work in works):
        engine.advance(works)
    for request, work in zip(asked, works, strict=True):
        assert compared(work.result()) == compared(eager.generate(request))
