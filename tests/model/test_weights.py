from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from neocaret_model.config import read_config
from neocaret_model.engine.port import GenerationRequest
from neocaret_model.errors import BrokenWeightsError, LoadCancelledError, ModelError, UnsupportedModelError
from neocaret_model.loading import load_engine
from neocaret_model.weights import read_weights, stored_parameters, weight_files

SHAPES = {"transformer.a": (2, 3), "transformer.b": (4,)}
TENSORS = {"transformer.a": torch.arange(6.0).view(2, 3), "transformer.b": torch.ones(4)}


def cloned(name: str, tensor: torch.Tensor, _scales: torch.Tensor | None) -> dict[str, torch.Tensor]:
    return {name: tensor.clone()}


def read(folder: Path) -> dict[str, torch.Tensor]:
    return read_weights(folder, SHAPES, cloned, lambda _done, _total: None, lambda: False)


def copied(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


def write_shards(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    weight_map = {name: f"model-{place:05}.safetensors" for place, name in enumerate(tensors)}
    for name, file in weight_map.items():
        save_file({name: tensors[name]}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors")
    tensors = read(tmp_path)
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {
        name: tensor.tolist() for name, tensor in TENSORS.items()
    }


def test_names_may_lack_the_prefix_and_what_is_not_needed_is_left(tmp_path: Path) -> None:
    save_file({"a": TENSORS["transformer.a"], "b": torch.ones(4), "c": torch.ones(9)}, tmp_path / "model.safetensors")
    assert read(tmp_path).keys() == SHAPES.keys()


def test_shards_are_read_by_their_index(tmp_path: Path) -> None:
    write_shards(tmp_path, TENSORS)
    assert len(weight_files(tmp_path)) == 2
    assert read(tmp_path)["transformer.a"].tolist() == TENSORS["transformer.a"].tolist()


def test_progress_ends_with_all_the_bytes(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors")
    told: list[tuple[int, int]] = []
    read_weights(tmp_path, SHAPES, cloned, lambda done, total: told.append((done, total)), lambda: False)
    size = (tmp_path / "model.safetensors").stat().st_size
    assert told[-1] == (size, size)
    assert told == sorted(told)


def test_reading_stops_when_cancelled(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors")
    with pytest.raises(LoadCancelledError):
        read_weights(tmp_path, SHAPES, cloned, lambda _done, _total: None, lambda: True)


def test_a_missing_tensor_is_an_error_and_never_made_up(tmp_path: Path) -> None:
    save_file({"transformer.a": TENSORS["transformer.a"]}, tmp_path / "model.safetensors")
    with pytest.raises(BrokenWeightsError, match=r"model\.safetensors has no tensor transformer\.b"):
        read(tmp_path)


def test_a_tensor_of_another_shape_is_named_with_both(tmp_path: Path) -> None:
    save_file(TENSORS | {"transformer.b": torch.ones(5)}, tmp_path / "model.safetensors")
    with pytest.raises(BrokenWeightsError, match=r"transformer\.b in shape \[5\].* asks for \[4\]"):
        read(tmp_path)


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    save_file(TENSORS | {"transformer.b": torch.ones(4, dtype=torch.int8)}, tmp_path / "model.safetensors")
    with pytest.raises(UnsupportedModelError, match=r"transformer\.b in torch\.int8"):
        read(tmp_path)


@pytest.mark.parametrize("cut", [0, 4, 8, 60, -1])
def test_a_truncated_file_is_told(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BrokenWeightsError, match=r"model\.safetensors is truncated or damaged"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"\xff" * 64, b"\x10" + b"\0" * 7 + b'{"a": {"dtype":', b"PK\x03\x04" * 20])
def test_a_file_of_something_else_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(BrokenWeightsError, match=r"model\.safetensors is truncated or damaged"):
        read(tmp_path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    write_shards(tmp_path, TENSORS)
    (tmp_path / "model-00001.safetensors").unlink()
    with pytest.raises(BrokenWeightsError, match=r"lacks model-00001\.safetensors"):
        read(tmp_path)


@pytest.mark.parametrize(
    "index", ["{}", '{"weight_map": {}}', '{"weight_map": {"a": "../a.safetensors"}}', '{"weight_map": {"a": 3}}', "["]
)
def test_an_index_that_names_no_files_beside_it_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(BrokenWeightsError, match=r"index\.json"):
        read(tmp_path)


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_a_pickle_is_named_and_never_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UnsupportedModelError, match=r"only pickled weights, which can run code and are not opened"):
        read(tmp_path)


def test_a_folder_without_weights_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=r"has no model\.safetensors"):
        read(tmp_path)


def test_masks_and_a_tied_head_are_no_parameters(tmp_path: Path) -> None:
    masks = {"transformer.h.0.attn.attention.bias": torch.ones(9), "lm_head.weight": torch.ones(5)}
    save_file(TENSORS | masks, tmp_path / "model.safetensors")
    assert stored_parameters([tmp_path / "model.safetensors"], tied=True) == 10
    assert stored_parameters([tmp_path / "model.safetensors"], tied=False) == 15


def test_a_checkpoint_saved_by_older_transformers_is_loaded(tiny_folder: Path, tmp_path: Path) -> None:
    """Without the prefix, with masks, with the tied head written out, and in shards."""
    folder = copied(tiny_folder, tmp_path / "older")
    tensors = {
        name.removeprefix("transformer."): value for name, value in load_file(folder / "model.safetensors").items()
    }
    (folder / "model.safetensors").unlink()
    masks = {f"h.{layer}.attn.attention.masked_bias": torch.tensor(-1e9) for layer in range(3)}
    write_shards(folder, tensors | masks | {"lm_head.weight": tensors["wte.weight"].clone()})
    request = GenerationRequest("import pandas", max_new_tokens=8)
    assert (
        load_engine(str(folder)).generate(request).continuations
        == load_engine(str(tiny_folder)).generate(request).continuations
    )


@pytest.mark.parametrize("position", [0, 1, 5, 9])
def test_a_checkpoint_without_one_of_its_tensors_never_answers(
    tiny_folder: Path, tmp_path: Path, position: int
) -> None:
    folder = copied(tiny_folder, tmp_path / "incomplete")
    tensors = load_file(folder / "model.safetensors")
    missing = sorted(tensors)[position]
    del tensors[missing]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(BrokenWeightsError, match=missing):
        load_engine(str(folder))


def test_a_configuration_larger_than_the_file_costs_a_sentence_and_no_memory(tiny_folder: Path, tmp_path: Path) -> None:
    folder = copied(tiny_folder, tmp_path / "huge")
    fields = json.loads((folder / "config.json").read_text())
    fields |= {"max_position_embeddings": 65_536, "hidden_size": 65_536, "vocab_size": 4_000_000}
    (folder / "config.json").write_text(json.dumps(fields))
    assert read_config(folder).positions == 65_536
    with pytest.raises(ModelError, match="belong together"):
        load_engine(str(folder))
