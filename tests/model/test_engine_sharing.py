"""Several requests in one engine: each gets what it would get alone, in its turn, and nothing is lost or leaked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.port import CancelToken, GenerationRequest, GenerationResult, Sampling
from neocaret_model.engine.stepper import CHUNK
from neocaret_model.errors import BrokenWeightsError
from neocaret_model.loading import load_engine

AnyEngine = LocalEngine[Any]

BEGINNINGS = ("import pandas as pd\n", "def main():\n    for i in range(10):\n", "x = 1\n" * 30)
requests = st.builds(
    lambda beginning, end, rows, most, weight: GenerationRequest(
        beginning + end,
        tuple(Sampling(temperature=0.4 * row, top_p=0.9, seed=row, document_weight=weight) for row in range(rows)),
        max_new_tokens=most,
        heal=True,
    ),
    st.sampled_from(BEGINNINGS),
    st.sampled_from(["", "p", "    print(i)\n", "    print(i)\n    ret"]),
    st.integers(1, 3),
    st.integers(1, 12),
    st.sampled_from([0.0, 1.0]),
)


def texts(result: GenerationResult) -> list[str]:
    return [one.text for one in result.continuations]


def finish(engine: AnyEngine, *works: Any) -> None:
    for _ in range(1000):
        if all(work.done for work in works):
            return
        engine.advance(works)
    raise AssertionError("it does not end")


def cold(folder: Path) -> AnyEngine:
    engine = load_engine(str(folder), device="cpu", dtype="float32")
    assert isinstance(engine, LocalEngine)
    return engine


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_requests_beside_others_get_what_they_get_alone(engine: AnyEngine, data: Any) -> None:
    engine.clear_cache()  # an example that hypothesis gives up leaves its requests unfinished
    asked = data.draw(st.lists(requests, min_size=1, max_size=5))
    works: list[tuple[GenerationRequest, CancelToken, Any]] = []
    for request in asked:
        cancel = CancelToken()
        works.append((request, cancel, engine.begin(request, cancel)))
        for _ in range(data.draw(st.integers(0, 3))):
            engine.advance([work for _, _, work in works])
        if data.draw(st.booleans()) and data.draw(st.booleans()):
            data.draw(st.sampled_from(works))[1].cancel()
    finish(engine, *(work for _, _, work in works))
    engine._stepper.prefixes.check()
    assert not any(slot.lent for slot in engine._stepper.prefixes._slots)
    for request, cancel, work in works:
        if not cancel.cancelled:
            engine.clear_cache()
            assert texts(work.result()) == texts(engine.generate(request))


def test_a_short_prompt_waits_for_no_long_one(engine: AnyEngine) -> None:
    long, short = "x = 1\n" * 60, "import pan"
    works = [engine.begin(GenerationRequest(long, max_new_tokens=2))]
    engine.advance(works)
    told: list[int] = []
    works.append(engine.begin(GenerationRequest(short, max_new_tokens=2), progress=lambda done, _: told.append(done)))
    engine.advance(works)
    assert told
    assert works[0].feeding
    finish(engine, *works)


def test_a_long_generation_goes_on_beside_short_ones(engine: AnyEngine) -> None:
    long = engine.begin(GenerationRequest("def f():", max_new_tokens=40))
    engine.advance([long])
    for prompt in ("import a", "import b", "import c"):
        before = len(long.rows[0].tokens)
        short = engine.begin(GenerationRequest(prompt, max_new_tokens=3))
        for _ in range(3):
            engine.advance([long, short])
        assert short.done
        assert not long.done
        assert len(long.rows[0].tokens) == before + 3
    finish(engine, long)
    assert long.result().continuations[0].tokens == 40


def test_two_requests_for_one_text_do_not_disturb_each_other(engine: AnyEngine) -> None:
    prompt = "x = 1\n" * 14
    rows = tuple(Sampling(temperature=1.0, seed=seed) for seed in range(3))
    request = GenerationRequest(prompt, rows, max_new_tokens=12)
    expected = texts(engine.generate(request))
    engine.clear_cache()
    first = engine.begin(request)
    while first.feeding:
        engine.advance([first])
    engine.advance([first])
    second = engine.begin(replace(request, prompt=prompt[:-12] + "y = 2\n", max_new_tokens=20))
    finish(engine, first, second)
    assert second.result().reused_tokens >= CHUNK
    assert texts(first.result()) == expected


def test_what_is_cancelled_beside_others_keeps_its_prompt_and_ends_alone(engine: AnyEngine) -> None:
    cancel = CancelToken()
    long = engine.begin(GenerationRequest("x = 1\n" * 60, max_new_tokens=2), cancel)
    other = engine.begin(GenerationRequest("import", max_new_tokens=3))
    engine.advance([long, other])
    cancel.cancel()
    finish(engine, long, other)
    assert [one.finish_reason for one in long.result().continuations] == ["cancelled"]
    assert other.result().continuations[0].tokens == 3
    assert engine.generate(GenerationRequest("x = 1\n" * 60, max_new_tokens=1)).reused_tokens == CHUNK


def test_what_fails_ends_alone(engine: AnyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    prefill = engine._runner.prefill

    def broken(tokens: list[int], kept: Any, _given_up: Any) -> torch.Tensor:
        logits = prefill(tokens, kept)
        return torch.full_like(logits, torch.nan) if tokens[-1] == bad else logits

    bad = engine._tokenizer.encode("def")[-1]
    monkeypatch.setattr(engine._runner, "prefill", broken)
    failing, other = engine.begin(GenerationRequest("def")), engine.begin(GenerationRequest("import", max_new_tokens=3))
    finish(engine, failing, other)
    with pytest.raises(BrokenWeightsError, match="not finite"):
        failing.result()
    assert other.result().continuations[0].tokens == 3


def test_rows_of_different_prompts_have_the_logits_of_each_alone(tiny_folder: Path) -> None:
    engine = cold(tiny_folder)
    runner = engine._runner
    with torch.inference_mode():
        logits = []
        for together in (True, False):
            kept = [runner.empty() for _ in range(2)]
            for tokens, prefix in zip(([1, 2, 3], [7, 8, 9, 10]), kept, strict=True):
                runner.prefill(tokens, prefix)
            fed = [(runner.rows(prefix, 2), [[5], [6, 4]]) for prefix in kept]
            steps = [fed] if together else [[one] for one in fed]
            logits.append([each.clone() for step in steps for each in runner.step(step)])
    for one, other in zip(*logits, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
