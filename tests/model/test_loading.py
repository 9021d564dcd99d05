from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import GPTNeoForCausalLM

from neocaret_model import hub
from neocaret_model.engine.port import GenerationRequest
from neocaret_model.errors import (
    BrokenWeightsError,
    DeviceError,
    LoadCancelledError,
    ModelNotFoundError,
    UnsupportedModelError,
)
from neocaret_model.loading import load_engine


def test_what_is_loaded_is_told(tiny_folder: Path, reference: GPTNeoForCausalLM) -> None:
    info = load_engine(str(tiny_folder), device="cpu", dtype="bfloat16").info
    assert (info.name, info.folder) == (str(tiny_folder), str(tiny_folder))
    assert (info.device, info.dtype, info.positions) == ("cpu", "bfloat16", 160)
    assert info.parameters == sum(parameter.numel() for parameter in reference.parameters())


def test_a_folder_may_be_given_relative_to_here(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_folder.parent)
    assert load_engine(tiny_folder.name).info.folder == str(tiny_folder)
    assert load_engine(f"./{tiny_folder.name}/").info.folder == str(tiny_folder)


def test_a_folder_may_be_given_from_home(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tiny_folder.parent))
    monkeypatch.setenv("USERPROFILE", str(tiny_folder.parent))
    assert load_engine(f"~/{tiny_folder.name}").info.folder == str(tiny_folder)


def test_progress_names_the_model_and_ends_with_all_its_bytes(tiny_folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    load_engine(str(tiny_folder), progress=lambda *step: told.append(step))
    size = (tiny_folder / "model.safetensors").stat().st_size
    assert told[-1] == (f"Loading {tiny_folder}", size, size)


def test_loading_can_be_cancelled(tiny_folder: Path) -> None:
    with pytest.raises(LoadCancelledError):
        load_engine(str(tiny_folder), cancelled=lambda: True)


def test_the_bundled_model_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "BUNDLED_FOLDER", tmp_path)
    with pytest.raises(ModelNotFoundError, match=r"The bundled model is missing from .*: install neocaret again"):
        load_engine("bundled")


@pytest.mark.parametrize(
    "name", ["./nowhere", "/nowhere/at/all", "~/nowhere-at-all", "../no\\where", "~nobody-of-this-name/x", "./a\0b"]
)
def test_a_folder_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match=r"There is no folder|names no folder"):
        load_engine(name)


def test_a_file_is_no_folder(tiny_folder: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="is a file: give the folder"):
        load_engine(str(tiny_folder / "model.safetensors"))


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b/c", "x--y", "-x", "é", "a\0b", "x" * 200])
def test_a_name_that_no_model_can_have_is_told(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match="is no model's name: use 'bundled', a folder, or a name like"):
        load_engine(name)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=r"has no config\.json"):
        load_engine(str(tmp_path))


def test_a_folder_without_tokenizer_is_told(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "mute"))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UnsupportedModelError, match="has no tokenizer"):
        load_engine(str(folder))


def test_a_tokenizer_larger_than_the_embedding_is_told(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "mismatched"))
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(fields | {"vocab_size": 299}))
    with pytest.raises(BrokenWeightsError, match="tokenizer of 300 tokens for a model of 299"):
        load_engine(str(folder))


@pytest.mark.parametrize(("device", "dtype"), [("gpu", "auto"), ("cpu", "int4")])
def test_an_unknown_device_or_format_is_told(tiny_folder: Path, device: str, dtype: str) -> None:
    with pytest.raises(DeviceError, match=f"'{device if dtype == 'auto' else dtype}' is no"):
        load_engine(str(tiny_folder), device=device, dtype=dtype)


def test_code_that_comes_with_a_model_is_never_run(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "trojan"))
    (folder / "modeling_evil.py").write_text("raise SystemExit('model code was run')")
    fields = json.loads((folder / "config.json").read_text())
    remote = {"auto_map": {"AutoModelForCausalLM": "modeling_evil.Evil", "AutoConfig": "modeling_evil.Evil"}}
    (folder / "config.json").write_text(json.dumps(fields | remote))
    result = load_engine(str(folder)).generate(GenerationRequest("x", max_new_tokens=1))
    assert result.continuations[0].tokens == 1


def test_naming_models_and_requests_imports_no_torch() -> None:
    program = (
        "import sys; import neocaret_model, neocaret_model.catalogue, neocaret_model.loading, neocaret_model.errors; "
        "import neocaret_model.engine.port, neocaret_model.engine.plan, neocaret_model.engine.row; "
        "import neocaret_model.engine.prefix_cache; neocaret_model.catalogue.list_models(); "
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
