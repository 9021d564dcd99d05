from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

PROGRAM = str(Path(sysconfig.get_path("scripts")) / ("neocaret.exe" if sys.platform == "win32" else "neocaret"))
SECONDS = 120
ESCAPE = b"\x1b"

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals, terminals and raw arguments of Unix")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-Neo of random weights with a byte-level tokenizer of its own, and room for 64 tokens."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPTNeoConfig, GPTNeoForCausalLM

    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["import pandas as pd\n", "for i in range(10):\n    print(i)\n"], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = GPTNeoConfig(
            vocab_size=tokenizer.get_vocab_size(),
            max_position_embeddings=64,
            hidden_size=16,
            num_layers=2,
            num_heads=2,
            attention_types=[[["global", "local"], 1]],
            window_size=8,
            bos_token_id=0,
            eos_token_id=0,
        )
        GPTNeoForCausalLM(config).save_pretrained(folder)
    return folder


def environment() -> dict[str, str]:
    unwanted = {"FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "NEOCARET_DEBUG"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    # No hub is asked for anything here.
    return kept | {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "error::ResourceWarning"}


def neocaret(
    *arguments: str | bytes, folder: Path | None = None, stdin: bytes = b"", **changes: Any
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [PROGRAM, *arguments],
        input=stdin,
        capture_output=True,
        cwd=folder,
        env=environment(),
        timeout=SECONDS,
        check=False,
        **changes,
    )


def assert_refused(done: subprocess.CompletedProcess[bytes], code: int, says: str) -> None:
    error = done.stderr.decode()
    assert (done.returncode, done.stdout) == (code, b""), error
    assert re.fullmatch(r"neocaret: [^\n]*\.\r?\n", error)
    assert says in error


# With a model: each of these starts torch


def test_prompt_is_completed_and_exported(tiny_model: Path, tmp_path: Path) -> None:
    prompt = "import pandas as pd"
    options = ["--model", str(tiny_model), "--max-length", "40", "--temperature", "0.9", "--seed", "1"]
    done = neocaret("complete", prompt, *options, "--export", "gpt_text.txt", folder=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    out = done.stdout.decode().replace("\r\n", "\n")
    assert out.startswith(f"==> prompt <==\n{prompt}\n\n==> 1 of 3: ")
    assert [line[:4] for line in out.splitlines() if re.match(r"==> \d of 3: ", line)] == ["==> "] * 3
    written = (tmp_path / "gpt_text.txt").read_bytes()
    best = re.search(r"==> 1 of 3: .* <==\n(.*?)\n\n==> 2 of 3: ", out, re.DOTALL)
    assert best is not None
    assert written.decode().rstrip("\n") == prompt + best[1].rstrip("\n")
    assert done.stderr.decode().strip() == f"neocaret: wrote {len(written)} bytes to {tmp_path / 'gpt_text.txt'}"


def test_long_prompt_on_standard_input_becomes_json_and_is_appended(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"# \xc3\xa9\r\n")
    prompt = "SELECT 'é🐍\0' FROM x;\n" * 40
    options = ["--model", str(tiny_model), "-n", "2", "--max-new-tokens", "4", "--stop", "zzzz"]
    export = ["--export", "out", "--append"]
    done = neocaret(
        "complete", "--prompt-file", "-", "--json", *options, *export, folder=tmp_path, stdin=prompt.encode()
    )
    assert done.returncode == 0, done.stderr.decode()
    result = json.loads(done.stdout)
    assert (result["model"], result["device"], result["prompt"]) == (str(tiny_model), result["device"], prompt)
    first, second = result["candidates"]
    assert first["mean_logprob"] >= second["mean_logprob"]
    assert first["generated_text"] == prompt + first["text"]
    assert set(first) == {"text", "generated_text", "mean_logprob", "tokens", "finish_reason"}
    assert (tmp_path / "out").read_bytes() == f"# é\r\n{first['generated_text']}".encode()
    cut, wrote = done.stderr.decode().splitlines()
    assert "only its last" in cut
    assert wrote.startswith("neocaret: appended ")


@unix_only
def test_terminal_gets_colours_and_a_bar_that_goes_away(tiny_model: Path) -> None:
    import pty

    screen, terminal = pty.openpty()
    arguments = ["complete", "for i in", "--greedy", "--max-new-tokens", "4", "--model", str(tiny_model)]
    with subprocess.Popen(
        [PROGRAM, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment() | {"TERM": "xterm-256color"},
    ) as running:
        os.close(terminal)
        shown = b""
        # Linux ends a terminal that nobody holds open with an error.
        try:
            while part := os.read(screen, 65536):
                shown += part
        except OSError:
            pass
        os.close(screen)
        assert running.wait(SECONDS) == 0, shown
    assert b"Loading" in shown
    assert re.search(rb"\x1b\[[0-9;]*m==> prompt <==\x1b\[0m", shown)


def test_damaged_weights_are_told(tiny_model: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        data = (tiny_model / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2] if name == "model.safetensors" else data)
    assert_refused(neocaret("complete", "x", "--model", str(tmp_path)), 1, str(tmp_path))


# Without a model


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["complete"], 2, "--prompt-file"),
        (["complete", ""], 1, "empty"),
        (["complete", "x", "--bogus"], 2, "--bogus"),
        (["complete", "x", "--export", "taken"], 1, "exists already"),
        (["complete", "x", "--model", "no/such/folder"], 1, "no/such/folder"),
        (["complete", "x", "--model", "."], 1, "config.json"),
        pytest.param(["complete", b"\xff\xfe"], 1, "not valid UTF-8", marks=unix_only),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, arguments: list[str | bytes], code: int, says: str) -> None:
    (tmp_path / "taken").write_text("old")
    assert_refused(neocaret(*arguments, folder=tmp_path), code, says)
    assert (tmp_path / "taken").read_text() == "old"


def test_models_are_plain_in_a_pipe() -> None:
    done = neocaret("models")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == b"name parameters on disk licence here runs on".split()
    assert b"EleutherAI/gpt-neo-2.7B" in done.stdout
    assert ESCAPE not in done.stdout
    assert done.stderr == b""


@unix_only
def test_reader_that_leaves_is_no_error_to_talk_about() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [PROGRAM, "models"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=SECONDS,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [PROGRAM, "--version"], stdout=full, stderr=subprocess.PIPE, env=environment(), timeout=SECONDS, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"neocaret: Reading or writing failed: No space left on device.\n"


@unix_only
def test_closed_output_is_no_error() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" --version >&- 2>&-', PROGRAM],  # noqa: S607 - every Unix has sh
        env=environment(),
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0


@unix_only
def test_interrupt_is_quiet() -> None:
    with subprocess.Popen(
        [PROGRAM, "complete", "--prompt-file", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment() | {"NEOCARET_DEBUG": "1"},
    ) as running:
        assert running.stderr is not None
        assert b"prompt" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        out, error = running.communicate(timeout=SECONDS)
    assert (running.returncode, out, error) == (130, b"", b"")
