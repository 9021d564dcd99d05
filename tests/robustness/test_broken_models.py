# ruff: noqa: TID253 - models are broken here, and no server is needed for it
"""Folders of models in which something is wrong: each costs a sentence, and no memory to speak of."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neocaret_model.hub import BUNDLED_FOLDER
from neocaret_server.backend import BackendError, CancelToken, Completion, CompletionRequest, ModelChoice
from neocaret_server.model_backend import ModelBackend

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
MOST_MEGABYTES = 600
"""That all of these loads together may take."""

Break = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that is well: a copy of the bundled one."""
    copy = tmp_path / "model"
    copy.mkdir()
    for name in (WEIGHTS, CONFIG, TOKENIZER, "tokenizer_config.json"):
        shutil.copyfile(BUNDLED_FOLDER / name, copy / name)
    return copy


def load(folder: Path, dtype: str = "auto") -> ModelBackend:
    backend = ModelBackend()
    backend.load(ModelChoice(str(folder), "cpu", dtype), lambda _: None, CancelToken())
    return backend


def complete(backend: ModelBackend, prompt: str = "import numpy as ") -> Completion:
    return backend.complete(CompletionRequest(prompt, candidates=1, max_new_tokens=3), CancelToken())


def cut(length: float) -> Break:
    """Leave so many bytes of the weights, or so large a share."""

    def to_length(folder: Path) -> None:
        data = (folder / WEIGHTS).read_bytes()
        (folder / WEIGHTS).write_bytes(data[: int(length if length >= 1 or length == 0 else length * len(data))])

    return to_length


def header(change: Callable[[dict[str, Any]], object]) -> Break:
    """Write a header that says something else of the same bytes."""

    def with_header(folder: Path) -> None:
        data = (folder / WEIGHTS).read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        entries = json.loads(data[8 : 8 + length])
        changed = change(entries) or entries
        text = (changed if isinstance(changed, str) else json.dumps(changed)).encode()
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])

    return with_header


def announced(length: int) -> Break:
    """Announce a header of another length."""

    def with_length(folder: Path) -> None:
        data = (folder / WEIGHTS).read_bytes()
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", length) + data[8:])

    return with_length


def first(entries: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = entries[next(name for name in entries if name != "__metadata__")]
    return entry


def written(name: str, content: bytes) -> Break:
    return lambda folder: (folder / name).write_bytes(content)


def config(**changes: Any) -> Break:
    def changed(folder: Path) -> None:
        found = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps(found | changes))

    return changed


def not_numbers(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-2_000_000:] = b"\xff\xff" * 1_000_000  # NaN in float16
    (folder / WEIGHTS).write_bytes(data)


def other_vocabulary(folder: Path) -> None:
    found = json.loads((folder / TOKENIZER).read_text())
    found["model"]["vocab"] |= {f"more{number}": 8192 + number for number in range(2000)}
    (folder / TOKENIZER).write_text(json.dumps(found))


def only_a_pickle(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")


SIZES: list[Any] = [-1, 0, 10**12, 2**200, 0.5, "12", None, [], float("nan")]
ABSURD: dict[str, list[Any]] = {
    **dict.fromkeys(("vocab_size", "hidden_size", "num_layers", "num_heads", "max_position_embeddings"), SIZES),
    "intermediate_size": [-1, 0, 7, 10**12, "x", []],
    "window_size": [-1, 0, "x", []],
    "layer_norm_epsilon": [-1, "x", float("nan")],
    "attention_types": [5, [], [[["sideways"], 6]]],
    "model_type": ["gpt2", "t5", "bert", "../x", "", None, 5, []],
    "activation_function": ["no such", "os.system", 5, None],
}
"""What a configuration says of a model of other sizes, or of none."""

BROKEN: dict[str, Break] = {
    **{f"weights cut at {length}": cut(length) for length in (0, 1, 7, 8, 9, 100, 5000, 0.3, 0.7, 0.99, 0.99999)},
    **{f"header of {length} bytes": announced(length) for length in (0, 1, 2, 2**31, 2**40, 2**63, 2**64 - 1)},
    "header no JSON": header(lambda _: "{"),
    "header a list": header(lambda _: "[]"),
    "header empty": header(lambda _: "{}"),
    "header deep": header(lambda _: '{"a":' * 5000 + "1" + "}" * 5000),
    "offsets beyond the file": header(lambda all_: first(all_).update(data_offsets=[0, 2**40])),
    "offsets below zero": header(lambda all_: first(all_).update(data_offsets=[-8, 0])),
    "offsets the wrong way": header(lambda all_: first(all_).update(data_offsets=[100, 10])),
    "shape huge": header(lambda all_: first(all_).update(shape=[2**31, 2**31])),
    "shape beyond numbers": header(lambda all_: first(all_).update(shape=[2**62, 2**62])),
    "shape other": header(lambda all_: first(all_).update(shape=[1])),
    "format unknown": header(lambda all_: first(all_).update(dtype="F17")),
    "format other": header(lambda all_: first(all_).update(dtype="I64")),
    "names other": header(lambda all_: {f"x.{name}": each for name, each in all_.items()}),
    "weights no numbers": not_numbers,
    "weights a pickle": written(WEIGHTS, pickle.dumps({"transformer.wte.weight": [0.0]})),
    "weights a page": written(WEIGHTS, b"<html>Not found</html>"),
    "only a pickle": only_a_pickle,
    **{
        f"config {content[:20]!r}": written(CONFIG, content) for content in (b"", b"{", b"[]", b"null", b'"x"', b"\xff")
    },
    "config deep": written(CONFIG, b'{"a":' * 5000 + b"1" + b"}" * 5000),
    **{
        f"config {name} = {value!r}"[:60]: config(**{name: value})
        for name, values in ABSURD.items()
        for value in values
    },
    "config attention without end": config(attention_types=[[["global"], 10**12]]),
    "another vocabulary": other_vocabulary,
    **{
        f"tokenizer {content[:20]!r}": written(TOKENIZER, content) for content in (b"", b"{}", b"[]", b"\xff\xfe", b"{")
    },
    "tokenizer cut": lambda folder: os.truncate(folder / TOKENIZER, 100_000),
}


@pytest.fixture(autouse=True, scope="module")
def _bounded() -> Iterator[None]:
    """All of these loads together take no memory to speak of, whatever numbers they were told."""
    import torch  # noqa: F401 - what it takes is not counted

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert taken < MOST_MEGABYTES * (2**20 if sys.platform == "darwin" else 2**10)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_costs_a_sentence(folder: Path, name: str) -> None:
    BROKEN[name](folder)
    with pytest.raises(BackendError) as told:
        complete(load(folder))
    sentence = str(told.value)
    assert sentence.endswith(".")
    assert "unexpected" not in sentence, "foreseen, and named"
    assert len(sentence) < 600


class Evil:
    """Runs when a pickle of it is opened."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_a_pickle_in_the_folder_is_never_opened(folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    evil = pickle.dumps(Evil(marker))
    for name in ("pytorch_model.bin", "model.pt", "model.pth", "training_args.bin", "optimizer.pt", "x.pkl", "x.ckpt"):
        (folder / name).write_bytes(evil)
    assert complete(load(folder)).candidates
    only_a_pickle(folder)
    (folder / "pytorch_model.bin").write_bytes(evil)
    with pytest.raises(BackendError, match="safetensors"):
        load(folder)
    (folder / WEIGHTS).write_bytes(evil)
    with pytest.raises(BackendError):
        load(folder)
    assert not marker.exists()
    pickle.loads(evil)  # noqa: S301 - so that it is known to be one
    assert marker.exists()


REPLACED = """
import os, sys
from pathlib import Path
from neocaret_server.backend import CancelToken, CompletionRequest, ModelChoice
from neocaret_server.model_backend import ModelBackend
folder, dtype = Path(sys.argv[1]), sys.argv[2]
backend = ModelBackend()
backend.load(ModelChoice(str(folder), "cpu", dtype), lambda _: None, CancelToken())
def text(prompt):
    request = CompletionRequest(prompt, candidates=1, max_new_tokens=8)
    return backend.complete(request, CancelToken()).candidates[0].text
before = text("import numpy as ")
weights = folder / "model.safetensors"
weights.write_bytes(b"x" * weights.stat().st_size)
os.truncate(weights, 10)
backend.clear_cache()
assert text("import numpy as ") == before, "the numbers are those that were loaded"
text("def main():" * 50)
"""


@pytest.mark.parametrize("dtype", ["auto", "float16", "float32", "int8"])
def test_weights_replaced_while_they_are_used_change_nothing(folder: Path, dtype: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPLACED, str(folder), dtype], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
