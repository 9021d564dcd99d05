"""Tiny random checkpoints of GPT-Neo and others, written by transformers itself, and engines over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neocaret_model.threads import let_waiting_threads_sleep

let_waiting_threads_sleep()  # before anything imports torch

import torch  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402
from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING, GPTNeoConfig, GPTNeoForCausalLM  # noqa: E402

from neocaret_model import self_test  # noqa: E402
from neocaret_model.captured import PlainCalls  # noqa: E402
from neocaret_model.engine.engine import LocalEngine  # noqa: E402
from neocaret_model.engine.lane_memory import Blocks  # noqa: E402
from neocaret_model.graph_runner import GraphRunner  # noqa: E402
from neocaret_model.loading import load_engine, load_reference_engine  # noqa: E402
from neocaret_model.neo_runner import NeoRunner  # noqa: E402
from neocaret_model.network import Network  # noqa: E402

TEXT = "import pandas as pd\n\ndef main():\n    for i in range(10):\n        print('é 漢字 🎉')\n"
VOCABULARY = 300

MakeCheckpoint = Callable[..., Path]


aten = torch.ops.aten
NOT_IN_A_GRAPH = {
    aten._local_scalar_dense.default: "reads a number",
    aten.item.default: "reads a number",
    aten.equal.default: "reads a number",
    aten.nonzero.default: "has a result of any shape",
    aten.masked_select.default: "has a result of any shape",
    aten.lift_fresh.default: "makes a tensor of Python's numbers",
    aten.scalar_tensor.default: "makes a tensor of Python's numbers",
    aten.where.Scalar: "makes a tensor of Python's numbers",
    aten.where.ScalarOther: "makes a tensor of Python's numbers",
    aten.where.ScalarSelf: "makes a tensor of Python's numbers",
}

Work = Callable[[], None]


class _Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Any]]] = []

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func not in NOT_IN_A_GRAPH, f"{func} {NOT_IN_A_GRAPH[func]}"
        if func in {aten.index.Tensor, aten.index_put_.default}:
            assert not any(index is not None and index.dtype == torch.bool for index in args[1]), "reads a mask"
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, tree_leaves(result)))
        return result


class RecordedCalls:
    """A stand-in for CUDA graphs on a CPU: calls of torch recorded once, and played again on the very same tensors.

    As in a graph, nothing of Python takes part when it is played: a number that Python has read, a shape that it has
    computed or a tensor that it has made anew is the recorded one for ever. What no graph could hold is refused.
    """

    def __init__(self) -> None:
        self.recordings = 0
        self.replays = 0

    def record(self, work: Work) -> Work:
        self.recordings += 1
        work()
        trace = _Trace()
        with trace:
            work()

        def replay() -> None:
            self.replays += 1
            for func, args, kwargs, recorded in trace.calls:
                _play(func, args, kwargs, recorded)

        return replay

    def wait(self) -> None:
        pass


def _play(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], recorded: list[Any]) -> None:
    for before, now in zip(recorded, tree_leaves(func(*args, **kwargs)), strict=True):
        if isinstance(before, Tensor) and isinstance(now, Tensor) and before.data_ptr() != now.data_ptr():
            assert before.shape == now.shape
            before.copy_(now)


def train_tokenizer(*, begins_with_end_of_text: bool = False) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [TEXT] * 5,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    if begins_with_end_of_text:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
        )
    return tokenizer


def write_checkpoint(folder: Path, **changes: Any) -> Path:
    tokenizer = train_tokenizer()
    fields: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 32,
        "num_heads": 4,
        "num_layers": 3,
        "attention_types": [[["global", "local", "local"], 1]],
        "window_size": 7,
        "max_position_embeddings": 160,
        "eos_token_id": 0,
        "bos_token_id": 0,
        "initializer_range": 0.2,  # large: a sharp distribution, whose greedy choices are no accidents of rounding
    }
    torch.manual_seed(0)
    GPTNeoForCausalLM(GPTNeoConfig(**fields | changes)).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


# As the architectures name their sizes; windows far below the prompts' lengths, on some layers or on all of them.
_GPT_2 = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 160, "initializer_range": 0.2}
_LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 160,
    "initializer_range": 0.2,
}
OTHERS: dict[str, dict[str, Any]] = {
    "gpt2": _GPT_2,
    "codegen": _GPT_2 | {"rotary_dim": 4},
    "qwen2": _LLAMA | {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1},
    "starcoder2": _LLAMA | {"sliding_window": 7},
    "gemma2": _LLAMA | {"sliding_window": 7, "head_dim": 8},
    "mixtral": _LLAMA | {"num_local_experts": 4, "sliding_window": None},
    "bloom": {"hidden_size": 32, "n_layer": 3, "n_head": 4, "initializer_range": 0.2},
    "opt": _LLAMA | {"ffn_dim": 48, "word_embed_proj_dim": 32, "init_std": 0.2},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 3, "initializer_range": 0.2},
    "lfm2": _LLAMA | {"layer_types": ["conv", "full_attention", "conv"]},
    "bert": _LLAMA,
}


def write_other(folder: Path, kind: str, dtype: torch.dtype = torch.float32, **changes: Any) -> Path:
    tokenizer = train_tokenizer()
    fields = {"vocab_size": tokenizer.get_vocab_size(), "eos_token_id": 0, "bos_token_id": 0, "pad_token_id": None}
    config = CONFIG_MAPPING[kind](**fields | OTHERS[kind] | changes)
    torch.manual_seed(0)
    network: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    network(config).to(dtype).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def make_other(tmp_path: Path) -> MakeCheckpoint:
    """Writes a checkpoint of the architecture that is named."""

    def make(kind: str, **changes: Any) -> Path:
        return write_other(tmp_path / kind, kind, **changes)

    return make


@pytest.fixture(scope="session")
def other_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: write_other(tmp_path_factory.mktemp(kind), kind) for kind in OTHERS}


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[..., Tokenizer]:
    return train_tokenizer


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> MakeCheckpoint:
    def make(**changes: Any) -> Path:
        return write_checkpoint(tmp_path / "checkpoint", **changes)

    return make


@pytest.fixture(scope="session")
def reference(tiny_folder: Path) -> GPTNeoForCausalLM:
    network: GPTNeoForCausalLM = GPTNeoForCausalLM.from_pretrained(tiny_folder)
    return network


@pytest.fixture
def torch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the library could not be compiled."""
    monkeypatch.setattr(self_test, "library", lambda: None)


@pytest.fixture(params=["compiled", "torch", "graphs", "transformers"])
def engine(tiny_folder: Path, request: pytest.FixtureRequest) -> Iterator[LocalEngine[Any]]:
    """Whatever computes, the engine keeps the same laws."""
    if request.param in {"torch", "graphs"}:
        request.getfixturevalue("torch_alone")
    load = load_reference_engine if request.param == "transformers" else load_engine
    loaded = load(str(tiny_folder), device="cpu", dtype="float32")
    assert isinstance(loaded, LocalEngine)
    if request.param == "graphs":
        assert isinstance(loaded._runner, NeoRunner)
        assert isinstance(loaded._runner._network, Network)
        runner = GraphRunner(loaded._runner._network, PlainCalls(), Blocks(prefix=64, tail=8))
        loaded = LocalEngine(runner, loaded._tokenizer, (0,), loaded._vocabulary, loaded.info)
    yield loaded
    loaded._stepper.prefixes.check()


@pytest.fixture(scope="session")
def recorded_calls() -> type[RecordedCalls]:
    return RecordedCalls
