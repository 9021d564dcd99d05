from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from neocaret_model import catalogue, hub
from neocaret_model.catalogue import KnownModel, list_models
from neocaret_model.hub import resolve
from neocaret_model.loading import load_engine

COMMIT = "0123456789" * 4


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def put_in_cache(cache: Path, name: str, folder: Path) -> Path:
    directory = cache / f"models--{name.replace('/', '--')}"
    (directory / "refs").mkdir(parents=True)
    (directory / "refs" / "main").write_text(COMMIT)
    return Path(shutil.copytree(folder, directory / "snapshots" / COMMIT))


def by_name() -> dict[str, KnownModel]:
    return {model.name: model for model in list_models()}


def test_the_published_models_are_known_and_not_here() -> None:
    published = [model for model in list_models() if model.name.startswith("EleutherAI/")]
    assert [(model.parameters, model.licence, model.here) for model in published] == [
        (125_198_592, "MIT", False),
        (1_315_575_808, "MIT", False),
        (2_651_307_008, "MIT", False),
    ]
    assert all(3.9 * model.parameters < model.bytes < 4.3 * model.parameters for model in published)


def test_the_bundled_model_comes_first_and_is_measured(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "BUNDLED_FOLDER", tiny_folder)
    monkeypatch.setattr(hub, "BUNDLED_FOLDER", tmp_path / "nowhere")
    first = list_models()[0]
    assert (first.name, first.here) == ("bundled", True)
    assert first.bytes == (tiny_folder / "model.safetensors").stat().st_size


def test_the_bundled_model_may_be_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "BUNDLED_FOLDER", tmp_path)
    assert by_name()["bundled"].here is False


def test_a_published_model_in_the_cache_is_here_and_measured(cache: Path, tiny_folder: Path) -> None:
    folder = put_in_cache(cache, "EleutherAI/gpt-neo-125m", tiny_folder)
    model = by_name()["EleutherAI/gpt-neo-125m"]
    assert model.here
    assert model.bytes == (folder / "model.safetensors").stat().st_size
    assert resolve("gpt-neo-125M", lambda *_: None, lambda: False) == folder


def test_every_other_model_in_the_cache_that_may_be_loaded_is_listed_with_what_it_runs_on(
    cache: Path, tiny_folder: Path, other_folders: dict[str, Path]
) -> None:
    put_in_cache(cache, "someone/my-neo", tiny_folder)
    put_in_cache(cache, "someone/my-qwen", other_folders["qwen2"])
    for kind in ('{"model_type": "vit", "architectures": ["ViTModel"]}', '{"model_type": "llama"}', "{}"):
        other = put_in_cache(cache, f"someone/other-{len(kind)}", tiny_folder)
        (other / "config.json").write_text(kind)
    listed = {name: model for name, model in by_name().items() if name.startswith("someone/")}
    assert {name: (model.here, model.own) for name, model in listed.items()} == {
        "someone/my-neo": (True, True),
        "someone/my-qwen": (True, False),
    }
    assert listed["someone/my-qwen"].parameters == load_engine(str(other_folders["qwen2"]), "cpu").info.parameters


def test_of_the_published_models_only_gpt_neo_runs_on_our_own_network() -> None:
    assert {model.name.partition("/")[0]: model.own for model in list_models()} == {
        "bundled": True,
        "EleutherAI": True,
        "Qwen": False,
    }


def test_what_is_damaged_or_half_there_is_not_here(cache: Path, tiny_folder: Path) -> None:
    half = put_in_cache(cache, "EleutherAI/gpt-neo-125m", tiny_folder)
    (half / "model.safetensors").unlink()
    (half / "model.safetensors.index.json").write_text("{")
    cut = put_in_cache(cache, "EleutherAI/gpt-neo-1.3B", tiny_folder)
    (cut / "model.safetensors").write_bytes(b"\x08")
    (cache / "models--").mkdir()
    (cache / "models--a b--c").mkdir()
    assert not any(model.here for model in list_models() if model.name != "bundled")
