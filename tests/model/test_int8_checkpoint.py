"""Checkpoints written in int8: the same numbers as quantising at load, and whole or not there."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import GPTNeoForCausalLM

from neocaret_model import quantisation
from neocaret_model.config import read_config
from neocaret_model.errors import LoadCancelledError, OutputError
from neocaret_model.int8_checkpoint import Written, write_int8
from neocaret_model.loading import load_engine
from neocaret_model.network import tensor_shapes
from neocaret_model.quantisation import as_int8
from neocaret_model.weights import read_weights

MODES = {"tied": {}, "untied": {"tie_word_embeddings": False}, "odd": {"vocab_size": 301, "hidden_size": 36}}


def write(model: Path, folder: Path, *, overwrite: bool = False, **watch: Any) -> Written:
    watched: dict[str, Any] = {"progress": lambda *_: None, "cancelled": lambda: False, **watch}
    return write_int8(str(model), folder, overwrite=overwrite, **watched)


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    config = read_config(folder)
    return read_weights(folder, tensor_shapes(config), as_int8(tied=config.tied), lambda *_: None, lambda: False)


@pytest.mark.parametrize("changes", MODES.values(), ids=MODES)
def test_what_is_stored_is_what_is_quantised_at_load_and_nothing_is_quantised_then(
    make_checkpoint: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    source = make_checkpoint(**changes)
    folder = tmp_path / "int8"
    written = write(source, folder)
    at_load = tensors(source)
    monkeypatch.setattr(quantisation, "quantise", lambda _: pytest.fail("quantised at load"))
    stored = tensors(folder)
    assert at_load.keys() == stored.keys()
    for name, tensor in at_load.items():
        assert tensor.dtype == stored[name].dtype
        assert torch.equal(tensor, stored[name])
    assert written.bytes == (folder / "model.safetensors").stat().st_size < written.bytes_before


def test_a_model_in_int8_scores_as_its_source_and_counts_as_many_parameters(tiny_folder: Path, tmp_path: Path) -> None:
    write(tiny_folder, tmp_path / "int8")
    ours, theirs = (load_engine(str(folder), "cpu", "int8") for folder in (tmp_path / "int8", tiny_folder))
    text = "import pandas as pd\n\ndef main():\n"
    assert ours.score(text) == theirs.score(text)
    assert ours.info.parameters == theirs.info.parameters


def test_an_int8_model_is_written_as_it_is(tiny_folder: Path, tmp_path: Path) -> None:
    write(tiny_folder, tmp_path / "a")
    write(tmp_path / "a", tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_file_is_plain_safetensors_in_little_memory(tiny_folder: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    write(tiny_folder, tmp_path / "int8", progress=lambda *each: told.append(each))
    assert (
        load_file(tmp_path / "int8" / "model.safetensors").keys() > load_file(tiny_folder / "model.safetensors").keys()
    )
    with safe_open(tmp_path / "int8" / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
    assert told[-1][1] == told[-1][2] > 0
    assert {message for message, *_ in told} == {f"Quantising {tiny_folder}"}


def test_transformers_refuses_what_it_would_read_without_scales(tiny_folder: Path, tmp_path: Path) -> None:
    write(tiny_folder, tmp_path / "int8")
    with pytest.raises((TypeError, ValueError)):
        GPTNeoForCausalLM.from_pretrained(tmp_path / "int8")


def test_what_is_there_is_kept_unless_it_may_be_overwritten(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "int8"
    write(tiny_folder, folder)
    (folder / "neocaret.json").write_text("{}")
    with pytest.raises(OutputError, match="exists already"):
        write(tiny_folder, folder)
    assert (folder / "neocaret.json").exists()
    write(tiny_folder, folder, overwrite=True)
    assert not (folder / "neocaret.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["int8"]


@pytest.mark.parametrize("kind", ["file", "others", "link"])
def test_what_is_no_checkpoint_is_never_overwritten(tiny_folder: Path, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "x"
    if kind == "file":
        folder.write_text("precious")
    elif kind == "link":
        folder.symlink_to(tiny_folder)
    else:
        folder.mkdir()
        (folder / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not overwritten"):
        write(tiny_folder, folder, overwrite=True)
    assert (folder if kind == "file" else folder / ("config.json" if kind == "link" else "thesis.txt")).read_text()


def test_a_cancelled_one_leaves_nothing(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LoadCancelledError):
        write(tiny_folder, tmp_path / "int8", cancelled=iter([False, False, False, True]).__next__)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="no permission is refused to root")
def test_a_read_only_folder_is_told(tiny_folder: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            write(tiny_folder, tmp_path / "int8")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_in_what_is_no_folder_is_told(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"):
        write(tiny_folder, tmp_path / "file" / "int8")
    with pytest.raises(OutputError, match="No such file or directory"):
        write(tiny_folder, tmp_path / "nowhere" / "int8")


@pytest.mark.skipif(sys.platform == "win32", reason="sizes of files are limited by resource limits")
def test_a_full_disk_leaves_nothing(tiny_folder: Path, tmp_path: Path) -> None:
    # A file that may grow no more fails as a full disk does: in the middle of a write.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="File too large"):
            write(tiny_folder, tmp_path / "int8")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_killed_midway_leaves_no_folder_of_that_name(tiny_folder: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from neocaret_model.int8_checkpoint import write_int8\n"
        "def die(_message, done, total):\n"
        "    if total // 2 < done: os._exit(9)\n"
        "write_int8(sys.argv[1], Path(sys.argv[2]), overwrite=True, progress=die, cancelled=lambda: False)"
    )
    target = tmp_path / "int8"
    for before in ([], ["config.json"]):
        done = subprocess.run([sys.executable, "-P", "-c", code, str(tiny_folder), str(target)], check=False)
        assert done.returncode == 9
        assert target.exists() == bool(before)
        if before:
            assert [path.name for path in target.iterdir()] == before
        else:
            target.mkdir()
            (target / "config.json").write_text("{}")
