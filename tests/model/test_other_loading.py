"""Folders of other architectures as they are found in the wild, and what is told of those that cannot be loaded."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import DynamicCache

from neocaret_model import continuation_test
from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.port import GenerationRequest, SharedEngine
from neocaret_model.errors import (
    BrokenWeightsError,
    DeviceError,
    LoadCancelledError,
    ModelError,
    UnsupportedModelError,
)
from neocaret_model.loading import load_engine
from neocaret_model.recomputing import RecomputingRunner

PROMPT = "import pandas as pd\n"
MakeOther = Callable[..., Path]


def load(folder: Path, **options: Any) -> SharedEngine:
    return load_engine(str(folder), **({"device": "cpu", "dtype": "float32"} | options))


def answer(folder: Path, **options: Any) -> str:
    return load(folder, **options).generate(GenerationRequest(PROMPT, max_new_tokens=12)).continuations[0].text


def network_of(engine: SharedEngine) -> Any:
    assert isinstance(engine, LocalEngine)
    runner: Any = engine._runner
    return runner._network


def changed(folder: Path, file: str = "config.json", **fields: Any) -> Path:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return folder


@pytest.fixture
def copied(other_folders: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda kind: Path(shutil.copytree(other_folders[kind], tmp_path / f"{kind}-copy"))


# What is found in the wild


def test_shards_are_read_by_their_index(copied: Callable[[str], Path], other_folders: dict[str, Path]) -> None:
    folder = copied("qwen2")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    files = {name: f"model-{place % 3:05}-of-00003.safetensors" for place, name in enumerate(tensors)}
    for file in set(files.values()):
        save_file({name: tensors[name] for name in tensors if files[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    assert answer(folder) == answer(other_folders["qwen2"])


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["gpt2", "qwen2", "codegen"])
def test_the_output_head_may_be_the_embedding(make_other: MakeOther, kind: str, tied: bool) -> None:
    folder = make_other(kind, tie_word_embeddings=tied)
    tensors = load_file(folder / "model.safetensors")
    assert ("lm_head.weight" in tensors) is not tied
    engine = load(folder)
    assert engine.info.parameters == sum(tensor.numel() for tensor in tensors.values())
    assert engine.generate(GenerationRequest(PROMPT, max_new_tokens=2)).continuations[0].tokens == 2


def test_gpt_2_as_it_was_published_is_loaded(copied: Callable[[str], Path], other_folders: dict[str, Path]) -> None:
    """Without the prefix of its names, and with the masks of its attention."""
    folder = copied("gpt2")
    tensors = load_file(folder / "model.safetensors")
    older = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    masks = {f"h.{layer}.attn.bias": torch.ones(1, 1, 160, 160).tril() for layer in range(3)}
    flags = {"h.0.attn.masked_bias": torch.ones(2, dtype=torch.uint8)}
    save_file(older | masks | flags, folder / "model.safetensors")
    assert answer(folder) == answer(other_folders["gpt2"])


def test_the_formats_of_checkpoint_and_network_are_independent(make_other: MakeOther) -> None:
    folder = make_other("qwen2", dtype=torch.bfloat16)
    for dtype in ("float32", "bfloat16", "float16"):
        engine = load(folder, dtype=dtype)
        assert {parameter.dtype for parameter in network_of(engine).parameters()} == {getattr(torch, dtype)}
        assert engine.info.dtype == dtype
        assert engine.generate(GenerationRequest(PROMPT, max_new_tokens=2)).continuations[0].tokens == 2


@pytest.mark.parametrize(
    ("in_config", "generation", "expected"),
    [
        (0, {"eos_token_id": [5, 7]}, (5, 7)),
        (0, {"eos_token_id": 9}, (9,)),
        (3, {"do_sample": True}, (3,)),
        ([3, 4], None, (3, 4)),
        (None, None, (0,)),  # the tokenizer's <|endoftext|>
    ],
)
def test_all_end_tokens_are_known(
    make_other: MakeOther, in_config: Any, generation: dict[str, Any] | None, expected: tuple[int, ...]
) -> None:
    folder = changed(make_other("starcoder2"), eos_token_id=in_config)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if generation is not None:
        (folder / "generation_config.json").write_text(json.dumps(generation))
    engine = load(folder)
    assert isinstance(engine, LocalEngine)
    assert engine._stepper._eos_ids == frozenset(expected)


@pytest.mark.parametrize(
    ("kind", "fields", "positions"),
    [
        ("qwen2", {"max_position_embeddings": 32768}, 4096),
        ("qwen2", {"max_position_embeddings": 100}, 100),
        ("gpt2", {}, 160),
        ("bloom", {"seq_length": 64}, 64),
        ("mamba", {}, 512),
    ],
)
def test_positions_are_found_under_their_names_and_are_no_more_than_are_of_use(
    make_other: MakeOther, kind: str, fields: dict[str, Any], positions: int
) -> None:
    assert load(make_other(kind, **fields)).info.positions == positions


def test_keys_turned_by_other_angles_in_long_texts_are_never_mixed(make_other: MakeOther) -> None:
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 48}
    rope |= {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4}
    engine = load(make_other("qwen2", rope_parameters=rope))
    assert engine.info.positions == 48


def test_a_tokenizer_of_two_files_is_converted(copied: Callable[[str], Path], other_folders: dict[str, Path]) -> None:
    folder = copied("gpt2")
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in model["merges"]))
    assert answer(folder) == answer(other_folders["gpt2"])


def test_nothing_is_fetched_and_nothing_printed(
    copied: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("somebody asks the network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    kernel = {"attn_implementation": "kernels-community/x", "_attn_implementation": "kernels-community/x"}
    folder = changed(copied("qwen2"), **kernel, transformers_weights="other.safetensors", experts_implementation="x/y")
    assert answer(folder)
    assert capfd.readouterr() == ("", "")


def test_code_that_comes_with_a_model_is_never_run(
    copied: Callable[[str], Path], other_folders: dict[str, Path]
) -> None:
    folder = copied("qwen2")
    (folder / "modeling_evil.py").write_text("raise SystemExit('model code was run')")
    remote = {f"Auto{name}": "modeling_evil.Evil" for name in ("Config", "ModelForCausalLM", "Tokenizer")}
    changed(folder, auto_map=remote)
    (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": remote}))
    assert answer(folder) == answer(other_folders["qwen2"])


def test_progress_tells_of_the_import_and_ends_with_all_bytes(other_folders: dict[str, Path]) -> None:
    told: list[tuple[str, int, int]] = []
    folder = other_folders["gpt2"]
    load(folder, progress=lambda *step: told.append(step))
    size = (folder / "model.safetensors").stat().st_size
    assert told[0] == ("Importing transformers", 0, 0)
    assert told[-1] == (f"Loading {folder}", size, size)


@pytest.mark.parametrize("asked", [1, 2, 6])
def test_loading_can_be_cancelled(other_folders: dict[str, Path], asked: int) -> None:
    times = 0

    def cancelled() -> bool:
        nonlocal times
        times += 1
        return times >= asked

    with pytest.raises(LoadCancelledError):
        load(other_folders["gpt2"], cancelled=cancelled)


# What cannot be loaded


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model_type": "gpt_quantum"}, r"type 'gpt_quantum', and transformers [\d.]+ knows no causal language model"),
        ({"model_type": "gpt_quantum", "auto_map": {}}, "code that comes with a model is never run: use another model"),
        ({"model_type": "vit"}, "knows no causal language model of this type"),
        ({"model_type": "t5", "is_encoder_decoder": True}, "holds an encoder with a decoder .*'t5'.*use a causal"),
        ({"model_type": "bart", "is_encoder_decoder": True}, "holds an encoder with a decoder"),
        ({"model_type": None}, "of no stated type: its config.json needs a model_type"),
        ({"model_type": ["gpt2"]}, "of no stated type"),
        ({"model_type": "gemma3", "text_config": {}}, "a model of more than text"),
        ({"quantization_config": {"quant_method": "gptq"}}, r"quantised weights \(gptq\), .* they were made from"),
        ({"quantization_config": {"load_in_4bit": True}}, "quantised weights, which cannot be loaded"),
    ],
)
def test_what_is_no_causal_language_model_is_told(
    copied: Callable[[str], Path], fields: dict[str, Any], sentence: str
) -> None:
    folder = changed(copied("gpt2"), **fields)
    with pytest.raises(UnsupportedModelError, match=sentence):
        load(folder)


def test_a_network_that_looks_ahead_is_refused(other_folders: dict[str, Path]) -> None:
    with pytest.raises(UnsupportedModelError, match="does not read from left to right"):
        load(other_folders["bert"])


@pytest.mark.parametrize(
    "fields",
    [
        {"hidden_size": "32"},
        {"hidden_size": 10**9},
        {"num_hidden_layers": -1},
        {"num_hidden_layers": 10**12, "layer_types": None},
        {"num_attention_heads": 0},
        {"vocab_size": 10**13},
        {"max_position_embeddings": 1},
        {"max_position_embeddings": "many"},
        {"rope_parameters": {"rope_type": "nonsense"}},
        {"hidden_act": "os.system"},
        {"layer_types": ["full_attention"]},
        {"eos_token_id": "end"},
        {"get_text_config": 3},
    ],
    ids=str,
)
def test_a_damaged_configuration_is_one_sentence(copied: Callable[[str], Path], fields: dict[str, Any]) -> None:
    folder = changed(copied("qwen2"), **fields)
    with pytest.raises(BrokenWeightsError, match=r"config\.json is damaged") as raised:
        load(folder)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400 + len(str(folder))


@pytest.mark.parametrize("position", [0, 1, 7, -1])
def test_a_tensor_that_is_missing_is_named_and_never_made_up(copied: Callable[[str], Path], position: int) -> None:
    folder = copied("qwen2")
    tensors = load_file(folder / "model.safetensors")
    missing = sorted(tensors)[position]
    del tensors[missing]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(BrokenWeightsError, match=f"has no tensor {missing}"):
        load(folder)


def test_a_tensor_that_is_missing_beside_one_too_many_is_named_too(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen2")
    tensors = load_file(folder / "model.safetensors")
    tensors["of_another_network"] = tensors.pop("model.norm.weight")
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(BrokenWeightsError, match=r"has no tensor model\.norm\.weight"):
        load(folder)


def test_weights_of_other_sizes_than_the_configurations_cost_a_sentence_and_no_memory(
    copied: Callable[[str], Path],
) -> None:
    folder = changed(copied("qwen2"), hidden_size=65_536, vocab_size=4_000_000)
    with pytest.raises(
        BrokenWeightsError, match=r"in shape \[.*\], where the configuration asks for .* belong together"
    ):
        load(folder)


def test_a_matrix_turned_round_is_no_match(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen2")
    tensors = load_file(folder / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    save_file(tensors | {name: tensors[name].T.contiguous()}, folder / "model.safetensors")
    with pytest.raises(BrokenWeightsError, match=rf"{name} in shape \[32, 48\], .* \[48, 32\]"):
        load(folder)


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return (pytest.fail, ("a pickle was opened",))


def test_a_pickle_is_named_and_never_opened(copied: Callable[[str], Path]) -> None:
    folder = copied("gpt2")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UnsupportedModelError, match="only pickled weights, which can run code"):
        load(folder)


@pytest.mark.parametrize("cut", [0, 60, -1])
def test_a_truncated_file_is_told(copied: Callable[[str], Path], cut: int) -> None:
    folder = copied("gpt2")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:cut])
    with pytest.raises(BrokenWeightsError, match=r"model\.safetensors is truncated or damaged"):
        load(folder)


@pytest.mark.parametrize("found", [{}, {"tokenizer.model": b"\x0a\x0e"}, {"vocab.json": b"{", "merges.txt": b""}])
def test_a_tokenizer_that_nobody_can_convert_is_told_with_what_to_do(
    copied: Callable[[str], Path], found: dict[str, bytes]
) -> None:
    folder = copied("starcoder2")
    (folder / "tokenizer.json").unlink()
    for name, content in found.items():
        (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=r"has no tokenizer\.json.* save it with transformers' AutoTokenizer"):
        load(folder)


def test_int8_is_refused_before_anything_is_read(other_folders: dict[str, Path]) -> None:
    with pytest.raises(DeviceError, match="do not compute with int8: use auto, float32 or bfloat16"):
        load(other_folders["gpt2"], dtype="int8")


# The test at load


def test_a_network_that_continues_wrongly_is_run_anew_for_each_token_and_that_is_told(
    other_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = answer(other_folders["qwen2"])

    class Forgetful(DynamicCache):
        """Cuts a token too many."""

        def crop(self, tokens_to_remove: int) -> None:
            super().crop(tokens_to_remove - 1)

    assert not caplog.text
    monkeypatch.setattr("neocaret_model.reference.DynamicCache", Forgetful)
    engine = load(other_folders["qwen2"])
    assert isinstance(engine, LocalEngine)
    assert isinstance(engine._runner, RecomputingRunner)
    assert "Qwen2ForCausalLM does not continue from what it keeps: all is computed anew." in caplog.text
    assert engine.generate(GenerationRequest(PROMPT, max_new_tokens=12)).continuations[0].text == right


def test_what_the_test_at_load_allows_is_far_from_a_right_networks_error(other_folders: dict[str, Path]) -> None:
    for dtype, most in ((torch.float32, 1e-4), (torch.bfloat16, 0.05)):
        engine = load(other_folders["gemma2"], dtype=str(dtype).removeprefix("torch."))
        assert isinstance(engine, LocalEngine)
        sequences = continuation_test._sequences(300)
        with torch.inference_mode():
            expected = continuation_test._expected(network_of(engine), sequences)
            found = continuation_test._found(engine._runner, sequences)
        assert found.shape == expected.shape == (7, 300)
        assert float((found - expected).norm() / expected.norm()) < most


def test_weights_that_are_no_numbers_are_told_when_asked(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen2")
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {"model.norm.weight": torch.full((32,), torch.nan)}, folder / "model.safetensors")
    with pytest.raises(BrokenWeightsError, match="numbers that are not finite"):
        answer(folder)


# Tokenizers


def saved(tokenizer: Tokenizer, folder: Path) -> Path:
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def pieces_tokenizer() -> Tokenizer:
    """Spelled as Llama's: a mark for a space, and a token for each byte that is in no piece."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    pieces = ["▁", "▁x", "x", "=", "▁=", "\n", "▁▁▁▁"]
    vocabulary = {spelling: number for number, spelling in enumerate(["<unk>", "<s>", *bytes_, *pieces])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("▁", "x"), ("▁", "=")], unk_token="<unk>", byte_fallback=True))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<s>"])
    return tokenizer


def test_spaces_at_the_beginning_of_a_continuation_are_kept(make_other: MakeOther) -> None:
    engine = load(saved(pieces_tokenizer(), make_other("qwen2")))
    assert isinstance(engine, LocalEngine)
    stream = engine._tokenizer.stream()
    for token in engine._tokenizer.encode("x =é x"):
        stream.take(token)
    assert stream.text == " x =é x"
    assert engine._tokenizer.decode(engine._tokenizer.encode("x =é x")) == "x =é x"
    healed = engine._heal(engine._tokenizer.encode("x ="))
    assert healed.text == " ="


def test_runs_of_spaces_added_to_a_vocabulary_are_text(copied: Callable[[str], Path]) -> None:
    folder = copied("codegen")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens([AddedToken(" " * 7, normalized=False), AddedToken("\t\t", normalized=False)])
    changed(saved(tokenizer, folder), vocab_size=tokenizer.get_vocab_size())
    tensors = load_file(folder / "model.safetensors")
    grown = {
        name: torch.cat([tensor, tensor[:2]]) if tensor.shape[0] == 300 else tensor for name, tensor in tensors.items()
    }
    save_file(grown, folder / "model.safetensors")
    engine = load(folder)
    assert isinstance(engine, LocalEngine)
    stream = engine._tokenizer.stream()
    tokens = engine._tokenizer.encode("x\n       y\t\tz")
    assert {300, 301} <= set(tokens)
    for token in tokens:
        stream.take(token)
    assert stream.text == "x\n       y\t\tz"


def test_transformers_logs_again_what_it_logged_before(other_folders: dict[str, Path]) -> None:
    from transformers.utils import logging as transformers_logging

    before = transformers_logging.get_verbosity()
    assert before < logging.CRITICAL
    load(other_folders["gpt2"])
    assert transformers_logging.get_verbosity() == before
    assert transformers_logging.is_progress_bar_enabled()
