"""The engine against `GPTNeoForCausalLM`: equal logits, cached equal to cold, batch equal to single, and the port."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPTNeoForCausalLM

from neocaret_model.engine import stepper
from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.plan import Plan
from neocaret_model.engine.port import CancelToken, Continuation, GenerationRequest, GenerationResult, Sampling
from neocaret_model.engine.sampling import sample
from neocaret_model.engine.stepper import CHUNK
from neocaret_model.errors import BrokenWeightsError, RequestError
from neocaret_model.loading import load_engine, load_reference_engine
from neocaret_model.neo_runner import NeoRunner
from neocaret_model.network import Network
from neocaret_model.reference import TransformersRunner

PROMPT = "import pandas as pd\n\ndef main():\n    for i in range(10):\n        print(i)\n    return"
LADDER = tuple(Sampling(temperature=0.3 * row, top_p=0.9, seed=row) for row in range(1, 5))


AnyEngine = LocalEngine[Any]


def load(folder: Path) -> AnyEngine:
    engine = load_engine(str(folder), device="cpu", dtype="float32")
    assert isinstance(engine, LocalEngine)
    return engine


def with_eos(engine: AnyEngine, *eos_ids: int) -> AnyEngine:
    """A second engine over the same network, with nothing kept."""
    return LocalEngine(
        engine._runner, engine._tokenizer, eos_ids, engine._vocabulary, engine.info, choice=engine._choice
    )


def generate_greedily(network: Any, ids: torch.Tensor, count: int) -> torch.Tensor:
    """transformers' own `generate`: `ids` and the new tokens, 1 x T."""
    output: torch.Tensor = network.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count, pad_token_id=0
    )
    return output


def without_times(result: GenerationResult) -> GenerationResult:
    return replace(result, prefill_ms=0.0, decode_ms=0.0, reused_tokens=0)


@contextmanager
def watched(engine: AnyEngine, on_prefill: Callable[[], None]) -> Iterator[list[int]]:
    """Collects how many tokens each step of a prefill is fed."""
    fed: list[int] = []
    prefill = engine._runner.prefill

    def watching(tokens: Sequence[int], kept: Any, _given_up: Any) -> torch.Tensor:
        fed.append(len(tokens))
        on_prefill()
        return prefill(tokens, kept)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine._runner, "prefill", watching)
        yield fed


@pytest.mark.parametrize(
    "changes",
    [
        {"attention_types": [[["global"], 3]]},
        {"attention_types": [[["local"], 3]], "window_size": 1},
        {"hidden_size": 21, "num_heads": 3, "intermediate_size": 13},
        {"num_layers": 1, "attention_types": [[["local"], 1]], "window_size": 150, "num_heads": 1},
        {"tie_word_embeddings": False},
        {"activation_function": "relu", "layer_norm_epsilon": 1e-3},
    ],
    ids=str,
)
def test_logits_equal_those_of_transformers(make_checkpoint: Callable[..., Path], changes: dict[str, Any]) -> None:
    folder = make_checkpoint(**changes)
    reference = GPTNeoForCausalLM.from_pretrained(folder)
    tokens = [token % 290 for token in range(120)]
    transformers_engine = load_reference_engine(str(folder), device="cpu", dtype="float32")
    assert isinstance(transformers_engine, LocalEngine)
    with torch.inference_mode():
        expected = reference(torch.tensor([tokens])).logits[0]
        assert torch.equal(transformers_engine._runner.score(tokens, 120), expected)
        torch.testing.assert_close(load(folder)._runner.score(tokens, 120), expected, rtol=0, atol=2e-5)


def test_chunked_prefill_gives_the_logits_of_one_pass(engine: AnyEngine, reference: GPTNeoForCausalLM) -> None:
    tokens = [token % 290 for token in range(2 * CHUNK + 9)]
    with torch.inference_mode():
        kept = engine._runner.empty()
        for begin in range(0, len(tokens), CHUNK):
            logits = engine._runner.prefill(tokens[begin : begin + CHUNK], kept)
        expected = reference(torch.tensor([tokens])).logits[:, -1]
    assert torch.allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("prompt", ["i", PROMPT, PROMPT + "\n" + PROMPT], ids=["short", "middle", "cut"])
def test_greedy_equals_generate(engine: AnyEngine, reference: GPTNeoForCausalLM, prompt: str) -> None:
    result = engine.generate(GenerationRequest(prompt, max_new_tokens=24))
    ids = torch.tensor([engine._tokenizer.encode(prompt)])[:, -result.used_tokens :]
    output = generate_greedily(reference, ids, 24)
    new = output[0, ids.shape[1] :].tolist()
    with torch.inference_mode():
        logprobs = reference(output).logits[0, ids.shape[1] - 1 : -1].log_softmax(-1)
    expected = float(logprobs[torch.arange(len(new)), torch.tensor(new)].mean())
    (only,) = result.continuations
    assert only.text == engine._tokenizer.decode(new)
    assert only.tokens == len(new)
    assert only.mean_logprob == pytest.approx(expected, abs=1e-4)


def test_warm_answers_equal_cold_ones_whatever_was_asked_before(engine: AnyEngine) -> None:
    edits, text, reused = random.Random(3), PROMPT * 2, 0  # noqa: S311, no secret
    cold = with_eos(engine, *engine._stepper._eos_ids)
    for step in range(25):
        place = edits.randrange(len(text))
        text = {0: text[:place] + "x" + text[place:], 1: text[:place] + text[place + 9 :], 2: text + "\n    value = 1"}[
            step % 3
        ]
        request = GenerationRequest(text, LADDER[:2], max_new_tokens=5)
        cold.clear_cache()
        warm = engine.generate(request)
        engine._stepper.prefixes.check()
        assert without_times(warm) == without_times(cold.generate(request))
        reused += warm.reused_tokens
    assert reused > 0


def test_a_prompt_typed_on_is_not_computed_again(engine: AnyEngine) -> None:
    long = PROMPT * 3
    engine.generate(GenerationRequest(long, max_new_tokens=2))
    with watched(engine, lambda: None) as fed:
        result = engine.generate(GenerationRequest(long + "x", max_new_tokens=1))
    assert result.reused_tokens % CHUNK == 0
    assert result.reused_tokens >= result.used_tokens - 1 - CHUNK
    assert sum(fed) == result.used_tokens - result.reused_tokens


def test_the_same_prompt_again_still_feeds_its_last_token(engine: AnyEngine) -> None:
    tokens = 2 * CHUNK
    prompt = "q" * tokens
    first = engine.generate(GenerationRequest(prompt, max_new_tokens=3))
    second = engine.generate(GenerationRequest(prompt, max_new_tokens=3))
    assert first.used_tokens == tokens
    assert second.reused_tokens == CHUNK
    assert first.continuations == second.continuations


def test_many_prompts_keep_no_more_than_their_bytes(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = load(tiny_folder)
    one.generate(GenerationRequest("a" * 70, max_new_tokens=1))
    monkeypatch.setattr("neocaret_model.engine.stepper.CACHE_BYTES", 3 * one._stepper.prefixes.bytes)
    engine = load(tiny_folder)
    for start in "abcdefgh":
        engine.generate(GenerationRequest(start * 70, max_new_tokens=1))
    assert engine._stepper.prefixes.bytes == 3 * one._stepper.prefixes.bytes
    assert engine.generate(GenerationRequest("h" * 70, max_new_tokens=1)).reused_tokens > 0
    assert engine.generate(GenerationRequest("a" * 70, max_new_tokens=1)).reused_tokens == 0


def test_a_cleared_cache_reuses_nothing(engine: AnyEngine) -> None:
    engine.generate(GenerationRequest(PROMPT * 2, max_new_tokens=1))
    engine.clear_cache()
    assert engine.generate(GenerationRequest(PROMPT * 2, max_new_tokens=1)).reused_tokens == 0


def test_a_row_is_the_same_alone_and_beside_others(engine: AnyEngine) -> None:
    rows = (Sampling(), *LADDER, Sampling(temperature=1.0, repetition_penalty=1.4, top_k=20, seed=9))
    together = engine.generate(GenerationRequest(PROMPT, rows, max_new_tokens=16, stop=("e", "\n")))
    assert len({one.tokens for one in together.continuations}) > 1, "no row left the batch before another"
    for sampling, beside in zip(rows, together.continuations, strict=True):
        (alone,) = engine.generate(
            GenerationRequest(PROMPT, (sampling,), max_new_tokens=16, stop=("e", "\n"))
        ).continuations
        assert replace(alone, mean_logprob=0.0, logprob=0.0) == replace(beside, mean_logprob=0.0, logprob=0.0)
        assert alone.mean_logprob == pytest.approx(beside.mean_logprob, abs=1e-4)


def test_one_seed_gives_one_text_and_another_seed_another(engine: AnyEngine) -> None:
    warm = Sampling(temperature=2.0, seed=1)
    request = GenerationRequest(PROMPT, (warm, warm, replace(warm, seed=2)), max_new_tokens=12)
    first, second, other = (one.text for one in engine.generate(request).continuations)
    assert first == second != other


@pytest.mark.parametrize(
    "prompt", ["def mai", "import pand", "import pandas as ", PROMPT, PROMPT + "\n    ", "print('é"]
)
def test_a_healed_prompt_is_written_again_and_not_shown(engine: AnyEngine, prompt: str) -> None:
    rows = (Sampling(), *LADDER)
    healed = engine._heal(engine._tokenizer.encode(prompt))
    assert prompt.endswith(healed.text)
    assert healed.text
    result = engine.generate(GenerationRequest(prompt, rows, max_new_tokens=12, heal=True))
    assert result.used_tokens == result.prompt_tokens
    for one in result.continuations:
        assert one.text
        assert not one.text.startswith(healed.text * 2)


def test_the_first_token_of_a_healed_prompt_is_the_best_that_agrees_with_it(
    engine: AnyEngine, reference: GPTNeoForCausalLM
) -> None:
    healed = engine._heal(engine._tokenizer.encode("def mai"))
    assert engine._texts is not None
    allowed = list(engine._texts.allowed(healed.text.encode()))
    with torch.inference_mode():
        logits = reference(torch.tensor([healed.tokens])).logits[0, -1]
    best = allowed[int(logits[allowed].argmax())]
    (row,) = [engine._row(GenerationRequest("def mai", heal=True), Sampling(), Plan([1], 1, 1, healed.text), None)]
    assert sample(logits, row.sampler, len(logits)).token == best


def test_rows_of_a_healed_prompt_are_the_same_alone_and_beside_others(engine: AnyEngine) -> None:
    together = engine.generate(GenerationRequest("import pand", LADDER, max_new_tokens=10, heal=True)).continuations
    for sampling, beside in zip(LADDER, together, strict=True):
        (alone,) = engine.generate(
            GenerationRequest("import pand", (sampling,), max_new_tokens=10, heal=True)
        ).continuations
        assert alone.text == beside.text


def test_a_stop_text_in_what_is_written_again_does_not_stop(engine: AnyEngine) -> None:
    request = GenerationRequest("def main():\n    ", (Sampling(),), max_new_tokens=8, stop=("\n",), heal=True)
    (only,) = engine.generate(request).continuations
    assert only.tokens > 1
    assert "\n" not in only.text


# The document's n-grams

FOLLOWED = Sampling(document_weight=100.0)


@pytest.mark.parametrize("stop", ["zz", " "], ids=["never", "soon"])
def test_drafts_change_nothing_but_the_steps(engine: AnyEngine, monkeypatch: pytest.MonkeyPatch, stop: str) -> None:
    rows = tuple(replace(sampling, document_weight=1.0) for sampling in (Sampling(), *LADDER))
    request = GenerationRequest(PROMPT + PROMPT[:40], rows, max_new_tokens=30, stop=(stop,), heal=True)
    drafted, greedy = engine.generate(request), engine.generate(replace(request, rows=rows[:1]))
    monkeypatch.setattr(stepper, "DRAFT", 0)
    plain = engine.generate(request)
    assert [(one.text, one.finish_reason) for one in drafted.continuations] == [
        (one.text, one.finish_reason) for one in plain.continuations
    ]
    assert plain.steps == max(one.tokens for one in plain.continuations) - 1
    assert drafted.steps <= plain.steps
    if stop == "zz":
        assert (greedy.steps < plain.steps) != isinstance(engine._runner, TransformersRunner)


def distinct_lines(count: int) -> str:
    return "".join(f"{chr(97 + line % 26)}{line} = {line * 7919 % 1000}\n" for line in range(count))


@pytest.mark.parametrize("lines", [20, 200], ids=["seen by the network", "cut"])
def test_what_followed_in_the_document_follows_again(engine: AnyEngine, lines: int) -> None:
    document = distinct_lines(lines)
    begun, rest = document[:40].rpartition(" = ")[::2]
    request = GenerationRequest(document + begun, (Sampling(), FOLLOWED), max_new_tokens=12, stop=("\n",))
    plain, followed = (one.text for one in engine.generate(request).continuations)
    assert f"{begun}{followed}\n" in document
    assert rest
    assert plain != followed


def test_rows_with_a_document_are_the_same_alone_and_beside_others_and_warm_and_cold(engine: AnyEngine) -> None:
    rows = (Sampling(), FOLLOWED, *(replace(sampling, document_weight=1.0) for sampling in LADDER))
    together = engine.generate(GenerationRequest(PROMPT * 2, rows, max_new_tokens=16, heal=True)).continuations
    assert len({one.text for one in together}) > 2
    for sampling, beside in zip(rows, together, strict=True):
        for _ in ("warm", "cold"):
            request = GenerationRequest(PROMPT * 2, (sampling,), max_new_tokens=16, heal=True)
            (alone,) = engine.generate(request).continuations
            assert alone.text == beside.text
            engine.clear_cache()


def test_what_followed_elsewhere_follows_here_and_is_not_fed(engine: AnyEngine) -> None:
    elsewhere = ("quartz = sphinx\n", "zebra = 12345\n")
    request = GenerationRequest("x\nzeb", (Sampling(), FOLLOWED), 12, stop=("\n",), elsewhere=elsewhere)
    alone = replace(request, elsewhere=())
    plain, followed = engine.generate(request).continuations
    assert followed.text == "ra = 12345"
    assert plain.text == engine.generate(alone).continuations[0].text
    assert engine.generate(request).used_tokens == engine.generate(alone).used_tokens


def test_a_text_elsewhere_is_tokenized_once_while_it_stays(engine: AnyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []
    encode = engine._tokenizer.encode

    def watching(text: str) -> list[int]:
        encoded.append(text)
        return encode(text)

    monkeypatch.setattr(engine._documents, "_encode", watching)
    for prompt, elsewhere in (("a", ("x", "y")), ("ab", ("x", "y")), ("abc", ("x", "z")), ("abc", ("x", "y"))):
        engine.generate(GenerationRequest(prompt, (FOLLOWED,), max_new_tokens=1, elsewhere=elsewhere))
    assert encoded == ["x", "y", "z", "y"]


def test_another_document_leaves_nothing_behind(engine: AnyEngine) -> None:
    request = GenerationRequest(PROMPT, (replace(LADDER[3], document_weight=1.0),) * 2, max_new_tokens=16)
    first = engine.generate(request)
    engine.generate(GenerationRequest(distinct_lines(40), (FOLLOWED,), max_new_tokens=1))
    assert without_times(engine.generate(request)) == without_times(first)


def test_a_cleared_cache_holds_no_document(engine: AnyEngine) -> None:
    engine.generate(GenerationRequest(PROMPT, (FOLLOWED,), max_new_tokens=1))
    assert engine._documents._free
    engine.clear_cache()
    assert not engine._documents._free


def test_a_stop_text_ends_the_text_before_it_even_across_tokens(engine: AnyEngine) -> None:
    free = engine.generate(GenerationRequest(PROMPT, max_new_tokens=24)).continuations[0]
    stop = free.text[5:8]
    end = free.text.index(stop)
    (stopped,) = engine.generate(GenerationRequest(PROMPT, max_new_tokens=24, stop=(stop, "never"))).continuations
    assert (stopped.text, stopped.finish_reason) == (free.text[:end], "stop")
    assert stopped.tokens < free.tokens


def test_the_end_of_text_token_counts_and_is_not_shown(engine: AnyEngine, reference: GPTNeoForCausalLM) -> None:
    greedy = GenerationRequest(PROMPT, max_new_tokens=12)
    free = engine.generate(greedy).continuations[0]
    ids = torch.tensor([engine._tokenizer.encode(PROMPT)])
    tokens = generate_greedily(reference, ids, 3)[0, -3:].tolist()
    (ended,) = with_eos(engine, tokens[-1]).generate(greedy).continuations
    assert ended.finish_reason == "eos"
    assert ended.tokens == tokens.index(tokens[-1]) + 1
    assert free.text.startswith(ended.text)


def test_cancelling_is_obeyed_within_one_token(engine: AnyEngine) -> None:
    cancel = CancelToken()
    seen: list[tuple[int, int]] = []

    def progress(done: int, most: int) -> None:
        seen.append((done, most))
        if done == 3:
            cancel.cancel()

    result = engine.generate(GenerationRequest(PROMPT, (Sampling(), LADDER[0]), max_new_tokens=40), cancel, progress)
    assert [one.tokens for one in result.continuations] == [3, 3]
    assert {one.finish_reason for one in result.continuations} == {"cancelled"}
    assert seen == [(1, 40), (2, 40), (3, 40)]


def test_cancelling_is_obeyed_within_one_chunk_and_what_was_computed_is_kept(engine: AnyEngine) -> None:
    cancel = CancelToken()
    request = GenerationRequest("z" * 140, max_new_tokens=4)
    with watched(engine, cancel.cancel) as fed:
        result = engine.generate(request, cancel)
    assert fed == [CHUNK]
    assert result.continuations == (Continuation("", 0, 0.0, "cancelled", 0.0),)
    assert engine.generate(request).reused_tokens == CHUNK


class CancelledLater(CancelToken):
    """Is cancelled once it has been asked so many times."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self._left = asked

    @property
    def cancelled(self) -> bool:
        self._left -= 1
        return self._left < 0


@pytest.mark.parametrize("asked", range(1, 5))
def test_cancelling_is_obeyed_within_a_layer_and_leaves_nothing_wrong(engine: AnyEngine, asked: int) -> None:
    request = GenerationRequest("z" * 140, max_new_tokens=4)
    cold = engine.generate(request)
    engine.clear_cache()
    assert engine.generate(request, CancelledLater(asked)).continuations[0].finish_reason == "cancelled"
    # Our own forward asks in each of its three layers, transformers' modules only between chunks.
    chunks = asked if isinstance(engine._runner, TransformersRunner) else asked // (1 + 3)
    warm = engine.generate(request)
    assert warm.reused_tokens == chunks * CHUNK
    assert warm.continuations == cold.continuations
    engine._stepper.prefixes.check()


def test_a_request_cancelled_beforehand_computes_nothing(engine: AnyEngine) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with watched(engine, lambda: None) as fed:
        result = engine.generate(GenerationRequest(PROMPT), cancel)
    assert fed == []
    assert result.continuations[0].finish_reason == "cancelled"


def test_a_long_prompt_is_cut_and_never_an_error(engine: AnyEngine) -> None:
    result = engine.generate(GenerationRequest("ab" * 500, max_new_tokens=60))
    assert result.prompt_tokens == 1000
    assert result.used_tokens + 60 <= engine.info.positions
    assert result.continuations[0].tokens == 60


def test_a_prompt_of_a_million_characters_is_answered(engine: AnyEngine) -> None:
    result = engine.generate(GenerationRequest("def f(x):\n    return x\n" * 43_500, max_new_tokens=3))
    assert result.used_tokens + 3 <= engine.info.positions


def test_more_new_tokens_than_positions_are_as_many_as_there_is_room_for(engine: AnyEngine) -> None:
    result = engine.generate(GenerationRequest(PROMPT, max_new_tokens=10**9))
    assert result.used_tokens == result.prompt_tokens
    assert result.continuations[0].tokens == engine.info.positions - result.prompt_tokens
    assert result.continuations[0].finish_reason == "length"


def test_max_length_counts_the_prompt(engine: AnyEngine) -> None:
    prompt_tokens = len(engine._tokenizer.encode(PROMPT))
    result = engine.generate(GenerationRequest(PROMPT, max_length=prompt_tokens + 5))
    assert result.continuations[0].tokens == 5


def test_max_length_without_room_says_both_numbers(engine: AnyEngine) -> None:
    prompt_tokens = len(engine._tokenizer.encode(PROMPT))
    with pytest.raises(RequestError, match=f"max_length 7 leaves no room after a prompt of {prompt_tokens} tokens"):
        engine.generate(GenerationRequest(PROMPT, max_length=7))


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [("", "The prompt is empty"), ("ab\ud83dc", r"character 3 is a lone surrogate \(U\+D83D\)")],
)
def test_a_prompt_that_cannot_be_continued_is_refused(engine: AnyEngine, prompt: str, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        engine.generate(GenerationRequest(prompt))


@pytest.mark.parametrize("prompt", ["🎉", "\0", "a\0b", "漢字\r\n\t", "\ufffd", "\u2028", " "])
def test_odd_characters_are_continued_like_any_others(engine: AnyEngine, prompt: str) -> None:
    warm = Sampling(temperature=3.0, seed=4)
    for one in engine.generate(GenerationRequest(prompt, (warm,) * 3, max_new_tokens=20)).continuations:
        assert not one.text.endswith("\ufffd")


def test_nothing_is_printed(tiny_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load(tiny_folder).generate(GenerationRequest(PROMPT, LADDER, max_new_tokens=3))
    assert capfd.readouterr() == ("", "")


def test_generating_leaves_torchs_global_state_alone(engine: AnyEngine) -> None:
    before = (torch.random.get_rng_state(), torch.get_num_threads(), torch.is_grad_enabled())
    engine.generate(GenerationRequest(PROMPT, LADDER, max_new_tokens=3))
    after = (torch.random.get_rng_state(), torch.get_num_threads(), torch.is_grad_enabled())
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


@pytest.mark.usefixtures("torch_alone")
def test_weights_that_are_no_numbers_are_told(tiny_folder: Path) -> None:
    engine = load(tiny_folder)
    assert isinstance(engine._runner, NeoRunner)
    assert isinstance(engine._runner._network, Network)
    engine._runner._network._norm.weight[0] = float("nan")
    with pytest.raises(BrokenWeightsError, match="numbers that are not finite"):
        engine.generate(GenerationRequest(PROMPT))


@pytest.mark.usefixtures("torch_alone")
def test_a_model_with_more_tokens_than_its_tokenizer_writes_only_known_ones(
    make_checkpoint: Callable[..., Path],
) -> None:
    engine = load(make_checkpoint(vocab_size=400))
    assert isinstance(engine._runner, NeoRunner)
    network = engine._runner._network
    assert isinstance(network, Network)
    head, unknown = network._head, 100.0 * (torch.arange(400) >= 350)
    network._head = lambda hidden: head(hidden) + unknown
    result = engine.generate(GenerationRequest(PROMPT, (Sampling(), *LADDER), max_new_tokens=20))
    assert all(one.text for one in result.continuations)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_answers_warm_as_it_does_cold(tiny_folder: Path, dtype: str) -> None:
    engine = load_engine(str(tiny_folder), device="cpu", dtype=dtype)
    request = GenerationRequest(PROMPT * 2, LADDER[:2], max_new_tokens=8)
    cold, warm = engine.generate(request), engine.generate(request)
    assert engine.info.dtype == dtype
    assert warm.reused_tokens > 0
    assert without_times(warm) == without_times(cold)


def test_what_stays_kept_is_not_changed_by_those_who_use_it(engine: AnyEngine) -> None:
    request = GenerationRequest("y" * 150, LADDER, max_new_tokens=8)
    before = engine.generate(request)
    engine.generate(GenerationRequest("y" * 70 + "x" * 30, LADDER, max_new_tokens=12, stop=("e",)))
    again = engine.generate(request)
    assert again.reused_tokens == 4 * CHUNK
    assert without_times(again) == without_times(before)
