"""What the engine says of a text's own tokens, against `GPTNeoForCausalLM`'s loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import GPTNeoForCausalLM

from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.port import GenerationRequest
from neocaret_model.engine.score_windows import ScoreWindow, score_windows
from neocaret_model.errors import BrokenWeightsError, RequestError
from neocaret_model.loading import load_engine
from neocaret_model.tokenizer import TextTokenizer

SHORT = "import pandas as pd\n\ndef main():\n    return 'é 漢字 🎉'\n"
LONG = SHORT * 12
END_OF_TEXT = 0


def tokens_of(engine: LocalEngine[Any], text: str) -> list[int]:
    return [END_OF_TEXT, *engine._tokenizer.encode(text)]


def reference_logprobs(reference: GPTNeoForCausalLM, tokens: list[int]) -> list[float]:
    """Of each token but the first, in one pass."""
    with torch.inference_mode():
        logprobs = reference(torch.tensor([tokens[:-1]])).logits[0].log_softmax(-1)
    chosen: list[float] = logprobs[torch.arange(len(tokens) - 1), torch.tensor(tokens[1:])].tolist()
    return chosen


def test_mean_is_the_loss_of_transformers(engine: LocalEngine[Any], reference: GPTNeoForCausalLM) -> None:
    ids = torch.tensor([tokens_of(engine, SHORT)])
    with torch.inference_mode():
        loss = float(reference(ids, labels=ids).loss)
    scores = engine.score(SHORT)
    assert len(scores) == ids.shape[1] - 1
    assert -sum(scores) / len(scores) == pytest.approx(loss, abs=1e-5)


def test_each_token_of_a_long_text_is_predicted_by_its_window(
    engine: LocalEngine[Any], reference: GPTNeoForCausalLM
) -> None:
    tokens, positions = tokens_of(engine, LONG), engine.info.positions
    assert len(tokens) > 2 * positions
    expected: list[float] = []
    for window in score_windows(len(tokens), positions):
        fed = reference_logprobs(reference, tokens[window.start : window.stop])
        expected += fed[window.first - window.start - 1 :]
    assert engine.score(LONG) == pytest.approx(expected, abs=1e-4)


def test_what_was_generated_before_changes_no_score(engine: LocalEngine[Any]) -> None:
    before = engine.score(SHORT)
    engine.generate(GenerationRequest(SHORT, max_new_tokens=4))
    assert engine.score(SHORT) == before


def test_empty_text_has_no_tokens(engine: LocalEngine[Any]) -> None:
    assert engine.score("") == ()


def test_tokenizer_that_begins_texts_itself_is_not_helped(
    engine: LocalEngine[Any], make_tokenizer: Callable[..., Tokenizer]
) -> None:
    begins = TextTokenizer(make_tokenizer(begins_with_end_of_text=True))
    other = LocalEngine(engine._runner, begins, [END_OF_TEXT], engine._vocabulary, engine.info)
    assert other.score(SHORT) == engine.score(SHORT)


def test_without_an_end_of_text_the_first_token_is_left_out(
    engine: LocalEngine[Any], reference: GPTNeoForCausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TextTokenizer, "token_id", lambda *_: None)
    assert engine.score(SHORT) == pytest.approx(reference_logprobs(reference, tokens_of(engine, SHORT)[1:]), abs=1e-5)


def test_text_that_is_none_is_refused(engine: LocalEngine[Any]) -> None:
    with pytest.raises(RequestError, match="surrogate"):
        engine.score("\ud800")


def test_weights_that_are_not_finite_are_told(make_checkpoint: Callable[..., Path]) -> None:
    broken = load_engine(str(make_checkpoint(initializer_range=1e30)), device="cpu")
    with pytest.raises(BrokenWeightsError, match="not finite"):
        broken.score(SHORT)


# The windows


@pytest.mark.parametrize("positions", [2, 3, 8, 9])
@pytest.mark.parametrize("length", [*range(12), 40])
def test_windows_score_each_token_once_within_the_positions(length: int, positions: int) -> None:
    windows = list(score_windows(length, positions))
    assert [token for window in windows for token in range(window.first, window.stop)] == list(range(1, length))
    for window in windows:
        assert 0 <= window.start < window.first
        assert window.stop - 1 - window.start <= positions
        context = window.first - window.start
        assert window.start == 0 or context > positions // 2


def test_text_that_fits_is_one_window() -> None:
    assert list(score_windows(9, 8)) == [ScoreWindow(0, 1, 9)]
    assert list(score_windows(10, 8)) == [ScoreWindow(0, 1, 9), ScoreWindow(1, 9, 10)]
