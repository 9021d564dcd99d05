"""Training on a corpus of a few lines: interruptions change nothing, and what is exported is GPT-Neo."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, GPTNeoForCausalLM

from neocaret_model.training import checkpoint
from neocaret_model.training.__main__ import main
from neocaret_model.training.attention import BLOCK, causal_attention
from neocaret_model.training.average import average
from neocaret_model.training.data import Batch, Batches, encode
from neocaret_model.training.embedding import embedded
from neocaret_model.training.export import export, write_weights
from neocaret_model.training.gradients import BatchSource, Gradients, SharedBatch, WholeBatch
from neocaret_model.training.loop import ANNEALED, PLATEAU, Phase, Run, RunOptions
from neocaret_model.training.network import Network, folded_state, load_folded_state
from neocaret_model.training.recipe import Recipe, Shape, load_recipe, with_settings
from neocaret_model.training.shaping import ShapedText
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
    settings = dataclasses.replace(
        small.optimization,
        tokens=6 * 64,
        anneal_tokens=4 * 64,
        warmup_tokens=64,
        sequence_length=32,
        batch_tokens=64,
    )
    return dataclasses.replace(small, shape=shape, optimization=settings)


@pytest.fixture
def folder(recipe: Recipe, tmp_path: Path) -> Path:
    tokenizer = train_tokenizer(SOURCES, recipe.shape.vocabulary)
    save_tokenizer(tokenizer, tmp_path, recipe.shape.positions)
    for split in ("train", "validation"):
        encode([ShapedText("", (source,)) for source in SOURCES], tokenizer).save(tmp_path / f"{split}.npz")
    return tmp_path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return dict(run._network.state_dict())


def stop_at(step: int) -> Callable[[Batches, int], Batch]:
    batches_at = Batches.at

    def at(self: Batches, asked: int) -> Batch:
        if asked == step:
            raise KeyboardInterrupt
        return batches_at(self, asked)

    return at


@pytest.mark.parametrize("interruption", [3, 8], ids=["training", "annealing"])
def test_an_interrupted_run_learns_what_an_uninterrupted_one_does(
    recipe: Recipe, folder: Path, monkeypatch: pytest.MonkeyPatch, interruption: int
) -> None:
    whole = Run(recipe, folder, PLAIN)
    whole.train()
    whole.anneal()
    for file in (PLATEAU, ANNEALED):
        (folder / file).unlink()

    with monkeypatch.context() as patched:
        patched.setattr(Batches, "at", stop_at(interruption))
        interrupted = Run(recipe, folder, PLAIN)
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - whichever of the two it hits
            interrupted.train()
            interrupted.anneal()
    resumed = Run(recipe, folder, PLAIN)
    resumed.train()
    resumed.anneal()

    for name, weight in weights(whole).items():
        torch.testing.assert_close(weights(resumed)[name], weight, rtol=0, atol=0)


def test_several_short_runs_add_up_to_a_long_one(recipe: Recipe, folder: Path) -> None:
    Run(recipe, folder, PLAIN).train()
    whole = torch.load(folder / PLATEAU)["network"]
    (folder / PLATEAU).unlink()
    for tokens in (2 * 64, 5 * 64, 6 * 64):
        part = Run(with_settings(recipe, {"tokens": str(tokens)}), folder, PLAIN)
        part.train()
        part.anneal()
    summed = torch.load(folder / PLATEAU)["network"]
    for name, weight in whole.items():
        torch.testing.assert_close(summed[name], weight, rtol=0, atol=0)


def test_a_run_from_weights_that_have_seen_a_part_goes_on_behind_it(recipe: Recipe, folder: Path) -> None:
    further = with_settings(recipe, {"seen_tokens": str(3 * 64)})
    batches = BatchSource(folder / "train.npz", recipe.optimization, recipe.seed).open()
    continued = BatchSource(folder / "train.npz", further.optimization, recipe.seed).open()
    for step in range(4):
        assert (continued.at(step) == batches.at(3 + step)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"token": "3"}, r"\[optimization\] has no token; its settings are: tokens, "),
        ({"tokens": "0.5"}, r"tokens must be a number such as \d+, not 0.5"),
    ],
)
def test_a_setting_that_a_recipe_has_not_is_named(recipe: Recipe, settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_settings(recipe, settings)


def test_settings_come_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--set", "anneal_tokens=many", "plot"]) == 1
    assert "anneal_tokens must be a number such as" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--set", "anneal_tokens", "plot"])
    assert "must be NAME=NUMBER, as tokens=2000000, not anneal_tokens" in capsys.readouterr().err


def test_processes_that_share_a_batch_have_its_gradients_whatever_their_number(recipe: Recipe, folder: Path) -> None:
    settings = dataclasses.replace(recipe.optimization, batch_tokens=5 * 32)
    source = BatchSource(folder / "train.npz", settings, recipe.seed)

    def gradients(make: Callable[[Network], Gradients]) -> list[torch.Tensor]:
        torch.manual_seed(1)
        network = Network(recipe.shape)
        with closing(make(network)) as maker:
            loss = maker.at(3)
        return [
            torch.tensor(loss),
            *(parameter.grad for parameter in network.parameters() if parameter.grad is not None),
        ]

    alone = gradients(lambda network: WholeBatch(network, source, torch.device("cpu")))
    two = gradients(lambda network: SharedBatch(network, source, 2, compiled=False))
    three = gradients(lambda network: SharedBatch(network, source, 3, compiled=False))
    assert len(alone) == len(two) == 1 + len(list(Network(recipe.shape).parameters()))
    for one, other, third in zip(alone, two, three, strict=True):
        torch.testing.assert_close(other, one, rtol=0.02, atol=2e-4)
        torch.testing.assert_close(third, other, rtol=0, atol=0)


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--processes", number])
    assert f"--processes: must be 1 or more, not {number}" in capsys.readouterr().err


def test_a_process_that_dies_ends_the_run_with_a_sentence(recipe: Recipe, folder: Path) -> None:
    source = BatchSource(folder / "train.npz", recipe.optimization, recipe.seed)
    shared = SharedBatch(Network(recipe.shape), source, 2, compiled=False)
    shared.at(0)
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(RuntimeError, match="the same command goes on"):  # noqa: PT012 - the first may yet be answered
        shared.at(1)
        shared.at(2)


def test_annealing_begins_again_after_more_training(recipe: Recipe, folder: Path) -> None:
    Run(with_settings(recipe, {"tokens": str(2 * 64)}), folder, PLAIN).train()
    Run(recipe, folder, PLAIN).anneal()
    assert torch.load(folder / ANNEALED)["step"] == 2 + 4
    Run(recipe, folder, PLAIN).train()
    Run(recipe, folder, PLAIN).anneal()
    assert torch.load(folder / ANNEALED)["step"] == 6 + 4


def test_annealing_without_training_says_what_to_do(recipe: Recipe, folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train first"):
        Run(recipe, folder, PLAIN).anneal()


def test_training_lowers_the_loss_on_held_out_text(recipe: Recipe, folder: Path) -> None:
    run = Run(with_settings(recipe, {"tokens": str(40 * 64)}), folder, PLAIN)
    before = run.validation_loss()
    run.train()
    assert run.validation_loss() < before - 0.5
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert (last["phase"], last["step"], last["seconds_left"]) == ("training", 40, 0)


def test_exported_folder_computes_what_was_trained(recipe: Recipe, folder: Path) -> None:
    run = Run(recipe, folder, PLAIN)
    run.train()
    export(recipe, folder, folder / "exported")
    model = GPTNeoForCausalLM.from_pretrained(folder / "exported", dtype=torch.float32)
    assert json.loads((folder / "exported/neocaret.json").read_text()) == {"path_comment": True}
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


def test_the_average_of_models_has_each_weight_between_theirs(recipe: Recipe, folder: Path) -> None:
    states = []
    for seed, name in enumerate(("one", "other")):
        torch.manual_seed(seed)
        network = Network(recipe.shape)
        (folder / name).mkdir()
        write_weights(folded_state(network), folder / name)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(folder / file, folder / name / file)
        states.append(load_file(folder / name / "model.safetensors"))
    average(recipe, {folder / "one": 3, folder / "other": 1}, folder / "average")
    averaged = load_file(folder / "average/model.safetensors")
    for name, weight in averaged.items():
        expected = 0.75 * states[0][name].float() + 0.25 * states[1][name].float()
        torch.testing.assert_close(weight.float(), expected, atol=1e-3, rtol=1e-3)
    assert GPTNeoForCausalLM.from_pretrained(folder / "average").config.max_position_embeddings == 64


def test_what_has_no_average_is_refused(recipe: Recipe, folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other/tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="different tokenizers"):
        average(recipe, {folder: 1, folder / "other": 1}, folder / "average")
    with pytest.raises(ValueError, match="above zero"):
        average(recipe, {folder: 0}, folder / "average")


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


def test_a_network_of_more_positions_begins_with_the_last_half_repeated(recipe: Recipe) -> None:
    short = Network(recipe.shape)
    long = Network(dataclasses.replace(recipe.shape, positions=100))
    load_folded_state(long, folded_state(short))
    tokens = torch.randint(recipe.shape.vocabulary, (2, 64))
    torch.testing.assert_close(long.logits(tokens), short.logits(tokens))
    assert torch.equal(long.wpe.weight[64:96], short.wpe.weight[32:])
    assert torch.equal(long.wpe.weight[96:], long.wpe.weight[48:52])


@pytest.mark.parametrize("times", [2, 3])
def test_a_wider_network_begins_with_what_the_narrow_one_computes(recipe: Recipe, times: int) -> None:
    narrow = Network(recipe.shape)
    for name, weight in narrow.named_parameters():  # norms and biases begin as ones and zeros
        if weight.dim() == 1:
            torch.nn.init.normal_(weight, mean=float("ln" in name), std=0.2)
    shape = dataclasses.replace(recipe.shape, width=times * recipe.shape.width, heads=times * recipe.shape.heads)
    wide = Network(shape)
    load_folded_state(wide, folded_state(narrow))
    tokens = torch.randint(recipe.shape.vocabulary, (2, 64))
    torch.testing.assert_close(wide.logits(tokens), narrow.logits(tokens))


def test_copies_of_a_wider_network_learn_different_things(recipe: Recipe) -> None:
    shape = dataclasses.replace(recipe.shape, width=2 * recipe.shape.width, heads=2 * recipe.shape.heads)
    wide = Network(shape)
    load_folded_state(wide, folded_state(Network(recipe.shape)))
    tokens = torch.randint(recipe.shape.vocabulary, (2, 65))
    wide(tokens[:, :-1], tokens[:, 1:]).backward()
    for name in ("wte.weight", "h.0.c_fc.weight", "h.1.out_proj.bias"):
        gradient = wide.get_parameter(name).grad
        assert gradient is not None
        one, other = gradient.chunk(2, dim=gradient.dim() - 1 if name == "wte.weight" else 0)
        assert not torch.allclose(one, other, rtol=0.01)


def test_a_model_with_heads_of_another_size_is_no_beginning(recipe: Recipe, folder: Path) -> None:
    Run(recipe, folder, PLAIN).train()
    export(recipe, folder, folder / "exported")
    shape = dataclasses.replace(recipe.shape, width=2 * recipe.shape.width)
    with pytest.raises(ValueError, match="heads of 16 numbers, and the recipe asks for 32"):
        Run(dataclasses.replace(recipe, shape=shape), folder, PLAIN).start_from(folder / "exported")


@pytest.mark.parametrize("tokens", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_attention_in_blocks_is_that_of_torch(tokens: int) -> None:
    ours, theirs = (torch.randn(3, 2, 2, tokens, 8).requires_grad_() for _ in range(2))
    theirs.data.copy_(ours.data)
    upstream = torch.randn(2, 2, tokens, 8)
    causal_attention(*ours).backward(upstream)  # type: ignore[no-untyped-call]
    query, key, value = theirs
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    expected.backward(upstream)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(causal_attention(*ours), expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_embedding_and_its_gradient_are_those_of_torch() -> None:
    weight = torch.randn(7, 5, requires_grad=True)
    tokens = torch.tensor([[0, 3, 3], [6, 3, 1]])
    torch.library.opcheck(embedded, (weight, tokens))
    upstream = torch.randn(2, 3, 5)
    expected = torch.nn.functional.embedding(tokens, weight)
    (theirs,) = torch.autograd.grad(expected, weight, upstream)
    (ours,) = torch.autograd.grad(embedded(weight, tokens), weight, upstream)
    torch.testing.assert_close(embedded(weight, tokens), expected)
    torch.testing.assert_close(ours, theirs)


def test_export_without_a_checkpoint_says_what_to_do(
    recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError, match="train first"):
        export(recipe, tmp_path, tmp_path / "out")
    assert main(["--folder", str(tmp_path), "export", str(tmp_path / "out")]) == 1
    assert "train first" in capsys.readouterr().err


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
    plateau = Phase("training", PLATEAU, 0, 1000)
    factors = [plateau.factor(step, 100) for step in range(1000)]
    assert factors[0] < factors[50] < factors[99] == factors[999] == 1.0
    fall = Phase("annealing", ANNEALED, 1000, 1100)
    assert fall.factor(1000, 100) == 1.0
    assert fall.factor(1050, 100) == pytest.approx(0.5)
    assert 0 < fall.factor(1099, 100) < 0.02


def test_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"nothing\.toml; those of the package are: .*small"):
        load_recipe("nothing")


def test_recipes_of_the_package_name_a_licence_for_each_source() -> None:
    recipe = load_recipe("small")
    assert len(recipe.corpus.packages) <= 30
    assert all(package.licence and "GPL" not in package.licence for package in recipe.corpus.packages)
    assert {package.split for package in recipe.corpus.packages} == {"train", "validation", "test"}


def test_log_is_drawn_as_a_picture(recipe: Recipe, folder: Path) -> None:
    run = Run(recipe, folder, PLAIN)
    run.train()
    run.anneal()
    assert main(["--folder", str(folder), "plot"]) == 0
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_plot_without_a_log_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path), "plot"]) == 1
    assert "train first" in capsys.readouterr().err
