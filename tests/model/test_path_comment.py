"""A file's path before its text: which models are told, and what stays when a prompt is cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.plan import plan_request
from neocaret_model.engine.port import GenerationRequest
from neocaret_model.errors import BrokenWeightsError
from neocaret_model.loading import load_engine
from neocaret_model.path_comment import TRAITS_FILE, path_comment, reads_path_comment


@pytest.mark.parametrize(("traits", "expected"), [(None, False), ("{}", False), ('{"path_comment": false}', False)])
def test_model_that_says_nothing_was_not_trained_so(tmp_path: Path, traits: str | None, *, expected: bool) -> None:
    if traits is not None:
        (tmp_path / TRAITS_FILE).write_text(traits)
    assert reads_path_comment(tmp_path) is expected


@pytest.mark.parametrize("traits", ["", "[]", '{"path_comment": "yes"}'])
def test_damaged_traits_are_told(tmp_path: Path, traits: str) -> None:
    (tmp_path / TRAITS_FILE).write_text(traits)
    with pytest.raises(BrokenWeightsError, match=TRAITS_FILE):
        reads_path_comment(tmp_path)


@pytest.mark.parametrize(
    ("path", "comment"),
    [("a/b.py", "# a/b.py"), ("", ""), ("a\nb.py", ""), ("a" * 200 + ".py", ""), ("é.py", "# é.py")],
)
def test_only_an_ordinary_path_becomes_a_comment(path: str, comment: str) -> None:
    assert path_comment(path) == comment


def by_character(text: str) -> list[int]:
    return [0, *map(ord, text)]


@pytest.mark.parametrize("length", [1, 30, 60, 61, 100, 1000])
def test_the_comment_stays_whatever_is_cut(length: int) -> None:
    text = "x" * (length - 1) + "y"
    plan = plan_request(GenerationRequest(text, max_new_tokens=10), by_character, 80, header="# a.py")
    fed = "".join(map(chr, plan.tokens[1:]))
    assert plan.tokens[0] == 0
    assert fed.startswith("# a.py")
    assert fed.endswith("y")
    assert len(plan.tokens) + plan.new_tokens <= 80


def test_a_comment_that_melts_into_the_text_is_left_out() -> None:
    def melting(text: str) -> list[int]:
        return by_character(text.replace("y\n", "Z"))

    assert plan_request(GenerationRequest("ab"), melting, 80, header="# a.py").tokens == by_character("ab")


def test_only_a_model_that_was_trained_so_is_told_the_path(make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint()
    request = GenerationRequest("import os\n", max_new_tokens=2, path="a.py")
    plain = load_engine(str(folder), device="cpu").generate(request)
    (folder / TRAITS_FILE).write_text('{"path_comment": true}')
    engine = load_engine(str(folder), device="cpu")
    assert isinstance(engine, LocalEngine)
    assert engine.generate(request).prompt_tokens == len(engine._tokenizer.encode("# a.py\nimport os\n"))
    assert plain.prompt_tokens == len(engine._tokenizer.encode("import os\n"))
