"""Training on a corpus of a few lines: interruptions change nothing, and what is exported is GPT-Neo."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, GPTNeoForCausalLM

from neocaret_model.training import checkpoint, corpus
from neocaret_model.training.__main__ import main
from neocaret_model.training.data import Batches, TokenStore, encode
from neocaret_model.training.export import export
from neocaret_model.training.loop import Run, RunOptions
from neocaret_model.training.network import Network, folded_state, load_folded_state
from neocaret_model.training.optimizer import learning_rate_factor
from neocaret_model.training.recipe import Optimization, Recipe, Shape, load_recipe
from neocaret_model.training.tokenizer import save_tokenizer, train_tokenizer

SOURCES = [
    "import pandas as pd\n\n\ndef main():\n    for i in range(10):\n        print(i)\n" * 20,
    "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n" * 20,
]
PLAIN = RunOptions(device="cpu", compiled=False, checkpoint_steps=1, validation_steps=2)


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    small = load_recipe("small")
    shape = Shape(layers=2, width=32, heads=2, positions=64, vocabulary=320)
    settings = dataclasses.replace(small.optimization, tokens=6 * 64, sequence_length=32, batch_tokens=64)
    return dataclasses.replace(small, shape=shape, optimization=settings)


@pytest.fixture
def folder(recipe: Recipe, tmp_path: Path) -> Path:
    tokenizer = train_tokenizer(SOURCES, recipe.shape.vocabulary)
    save_tokenizer(tokenizer, tmp_path, recipe.shape.positions)
    for split in ("train", "validation"):
        encode(SOURCES, tokenizer).save(tmp_path / f"{split}.npz")
    return tmp_path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return dict(run._network.state_dict())


def test_an_interrupted_run_learns_what_an_uninterrupted_one_does(
    recipe: Recipe, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Run(recipe, folder, PLAIN)
    whole.train()
    (folder / "checkpoint.pt").unlink()

    interrupted = Run(recipe, folder, PLAIN)
    batches_at = Batches.at

    def stop_at_third(self: Batches, step: int) -> object:
        if step == 3:
            raise KeyboardInterrupt
        return batches_at(self, step)

    with monkeypatch.context() as patched:
        patched.setattr(Batches, "at", stop_at_third)
        with pytest.raises(KeyboardInterrupt):
            interrupted.train()
    resumed = Run(recipe, folder, PLAIN)
    assert resumed.resume() == 3
    resumed.train()

    for name, weight in weights(whole).items():
        torch.testing.assert_close(weights(resumed)[name], weight, rtol=0, atol=0)


def test_training_lowers_the_loss_on_held_out_text(recipe: Recipe, folder: Path) -> None:
    longer = dataclasses.replace(recipe, optimization=dataclasses.replace(recipe.optimization, tokens=40 * 64))
    run = Run(longer, folder, PLAIN)
    before = run.validation_loss()
    run.train()
    assert run.validation_loss() < before - 0.5
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 40
    assert last["seconds_left"] == 0


def test_exported_folder_computes_what_was_trained(recipe: Recipe, folder: Path) -> None:
    run = Run(recipe, folder, PLAIN)
    run.train()
    export(recipe, folder, folder / "exported")
    model = GPTNeoForCausalLM.from_pretrained(folder / "exported", dtype=torch.float32)
    tokens = torch.randint(0, recipe.shape.vocabulary, (2, 48))
    with torch.no_grad():
        expected = run._network.logits(tokens)
        actual = model(tokens).logits
    torch.testing.assert_close(actual, expected, rtol=0, atol=2e-3)


def test_a_run_can_start_from_exported_weights_alone(recipe: Recipe, folder: Path) -> None:
    run = Run(recipe, folder, PLAIN)
    run.train()
    export(recipe, folder, folder / "exported")
    (folder / "checkpoint.pt").unlink()
    fresh = Run(dataclasses.replace(recipe, seed=99), folder, PLAIN)
    assert abs(fresh.validation_loss() - run.validation_loss()) > 0.01
    fresh.start_from(folder / "exported")
    assert fresh.validation_loss() == pytest.approx(run.validation_loss(), abs=1e-3)


def test_exported_tokenizer_is_the_same_in_transformers(recipe: Recipe, folder: Path) -> None:
    Run(recipe, folder, PLAIN).train()
    export(recipe, folder, folder / "exported")
    loaded = AutoTokenizer.from_pretrained(folder / "exported")
    text = "for i in range(3):\n\n\tprint('é 🐍')\n"
    ids = loaded(text)["input_ids"]
    assert ids[0] == loaded.eos_token_id == 0
    assert loaded.decode(ids[1:]) == text


def test_weights_folded_and_unfolded_are_the_same_network(recipe: Recipe) -> None:
    first, second = Network(recipe.shape), Network(recipe.shape)
    load_folded_state(second, folded_state(first))
    for name, weight in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], weight)


def test_export_without_a_checkpoint_says_what_to_do(
    recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError, match="train first"):
        export(recipe, tmp_path, tmp_path / "out")
    assert main(["--folder", str(tmp_path), "export", str(tmp_path / "out")]) == 1
    assert "train first" in capsys.readouterr().err


def test_each_window_comes_once_an_epoch() -> None:
    tokens = encode(SOURCES, train_tokenizer(SOURCES, 300)).tokens
    store = TokenStore(tokens, starts=encode(SOURCES, train_tokenizer(SOURCES, 300)).starts, text_bytes=1)
    batches = Batches(store, batch_size=1, sequence_length=16, file_start_share=0.0, seed=7)
    count = (len(tokens) - 17) // 16
    epoch = sorted(batches.at(step)[0].tolist() for step in range(count))
    assert epoch == sorted(tokens[i * 16 : i * 16 + 17].tolist() for i in range(count))


def test_an_unfinished_checkpoint_never_replaces_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save({"step": 1}, path)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save({"step": 2}, path)
    assert checkpoint.load(path, torch.device("cpu")) == {"step": 1}


def test_learning_rate_rises_stays_and_falls_to_nothing() -> None:
    settings = Optimization(
        tokens=1000,
        sequence_length=1,
        batch_tokens=1,
        matrix_learning_rate=1,
        vector_learning_rate=1,
        weight_decay=0,
        warmup_share=0.1,
        decay_share=0.2,
        gradient_clip=1,
        file_start_share=0,
    )
    factors = [learning_rate_factor(step, settings) for step in range(1001)]
    assert factors[0] < factors[50] < factors[100] == factors[700] == 1.0
    assert factors[900] == pytest.approx(0.5)
    assert factors[1000] == 0


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"x = 1\n" * 10, False),
        (b"def area(radius):\n    return radius * radius\n" * 10, True),
        (b"def broken(:\n    return None\n" * 10, False),
        (b"# Generated by a tool, do not edit\ndef area(radius):\n    return radius\n" * 10, False),
        (b"values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]\n" * 10, False),
        (b"\xff\xfe" * 200, False),
        (("name = '" + "a" * 500 + "'\n").encode(), False),
    ],
    ids=["short", "code", "syntax", "generated", "table", "encoding", "long-line"],
)
def test_only_files_worth_learning_from_are_kept(raw: bytes, kept: bool) -> None:
    assert (corpus.clean(raw) is not None) == kept


def test_licence_banner_is_dropped_and_other_comments_stay() -> None:
    body = "def area(radius):\n    return radius * radius\n" * 10
    banner = "# Copyright 2020 Somebody\n# Licensed under some licence\n\n"
    assert corpus.clean((banner + body).encode()) == body
    assert corpus.clean(("# How areas are computed\n" + body).encode()) == "# How areas are computed\n" + body


def test_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"nothing\.toml; those of the package are: .*small"):
        load_recipe("nothing")


def test_recipes_of_the_package_name_a_licence_for_each_source() -> None:
    recipe = load_recipe("small")
    assert all(package.licence and "GPL" not in package.licence for package in recipe.corpus.packages)
    assert {package.split for package in recipe.corpus.packages} == {"train", "validation"}
