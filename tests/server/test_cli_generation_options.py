from __future__ import annotations

import math
from typing import Any

import pytest

from neocaret_server.backend import CompletionRequest
from neocaret_server.cli.errors import UsageError
from neocaret_server.cli.generation_options import GenerationOptions, to_request


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, {}),
        ({"candidates": 5}, {"candidates": 5}),
        ({"max_new_tokens": 7}, {"max_new_tokens": 7}),
        ({"max_length": 500}, {"max_new_tokens": 500, "max_length": 500}),
        ({"temperature": 0.9}, {"temperature": 0.9, "greedy_first": False}),
        ({"temperature": 0.0}, {"temperature": 0.0, "greedy_first": False, "candidates": 1}),
        ({"greedy": True}, {"temperature": 0.0, "candidates": 1}),
        ({"greedy": True, "candidates": 1}, {"temperature": 0.0, "candidates": 1}),
        ({"top_p": 0.5, "top_k": 9, "repetition_penalty": 1.3}, {"top_p": 0.5, "top_k": 9, "repetition_penalty": 1.3}),
        ({"document_ngrams": False}, {"document_ngrams": False}),
        ({"seed": 0, "stop": ("\n",)}, {"seed": 0, "stop": ("\n",)}),
        ({"stop_repeating": False}, {"stop_repeating": False}),
    ],
)
def test_options_mean_a_request(given: dict[str, Any], asked: dict[str, Any]) -> None:
    assert to_request(GenerationOptions(**given), "x") == CompletionRequest("x", **asked)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"candidates": 0}, "-n must be at least 1 and at most 8, not 0"),
        ({"candidates": 9}, "-n must be"),
        ({"max_new_tokens": 0}, "--max-new-tokens must be at least 1, not 0"),
        ({"max_length": -1}, "--max-length"),
        ({"temperature": -1.0}, "--temperature"),
        ({"temperature": math.nan}, "--temperature"),
        ({"temperature": math.inf}, "--temperature"),
        ({"top_p": 0.0}, "--top-p must be above 0 and at most 1"),
        ({"top_p": 1.1}, "--top-p"),
        ({"top_k": -1}, "--top-k"),
        ({"repetition_penalty": 0.0}, "--repetition-penalty"),
        ({"seed": -1}, "--seed"),
        ({"seed": 2**32}, "--seed"),
        ({"stop": ("a", "")}, "--stop"),
        ({"max_new_tokens": 5, "max_length": 5}, "--max-new-tokens or --max-length, not both"),
        ({"greedy": True, "temperature": 0.5}, "--greedy or --temperature, not both"),
        ({"greedy": True, "candidates": 2}, "leave out -n"),
        ({"temperature": 0.0, "candidates": 2}, "leave out -n"),
    ],
)
def test_refused_options_are_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        to_request(GenerationOptions(**given), "x")
