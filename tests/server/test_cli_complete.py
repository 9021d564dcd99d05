from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from neocaret_server.backend import BackendError, CancelToken, Completion, CompletionRequest, ModelChoice, ModelInfo
from neocaret_server.cli import main
from neocaret_server.cli.output import visible
from neocaret_server.cli.services import Services
from neocaret_server.fake_backend import FakeBackend

ESCAPE = "\x1b"


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


Neocaret = Callable[..., Run]


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend({"import pandas as pd": ["\nimport numpy as np", "\nprint(pd)"]})


@pytest.fixture
def neocaret(
    backend: FakeBackend, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Neocaret:
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "NEOCARET_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Run:
        code = main(arguments, Services(new_backend=lambda: backend))
        return Run(code, *capfd.readouterr())

    return run


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="ascii"))


def assert_refused(run: Run, code: int, says: str) -> None:
    """One plain sentence on standard error, and nothing else."""
    assert (run.code, run.out) == (code, "")
    assert run.err.startswith("neocaret: ")
    assert run.err.count("\n") == 1
    assert run.err.endswith((".\n", "`.\n"))
    assert says in run.err


# The result


def test_prompt_and_continuations_are_shown_apart(neocaret: Neocaret) -> None:
    run = neocaret("complete", "import pandas as pd", "-n", "2")
    assert (run.code, run.err) == (0, "")
    assert run.out == (
        "==> prompt <==\n"
        "import pandas as pd\n"
        "\n"
        "==> 1 of 2: mean log-probability -0.10, 4 tokens, ended by end of text <==\n"
        "\nimport numpy as np\n"
        "\n"
        "==> 2 of 2: mean log-probability -0.20, 1 token, ended by end of text <==\n"
        "\nprint(pd)\n"
    )


def test_json_holds_everything_and_nothing_else(neocaret: Neocaret) -> None:
    run = neocaret("complete", "import pandas as pd", "-n", "2", "--json", "--model", "m")
    result = json.loads(run.out)
    assert list(result) == ["model", "device", "dtype", "prompt", "candidates", "timing_ms"]
    assert (result["model"], result["device"], result["dtype"]) == ("m", "cpu", "float32")
    assert result["prompt"] == "import pandas as pd"
    assert result["candidates"][0] == {
        "text": "\nimport numpy as np",
        "generated_text": "import pandas as pd\nimport numpy as np",
        "mean_logprob": -0.1,
        "tokens": 4,
        "finish_reason": "eos",
    }
    assert sorted(result["timing_ms"]) == ["decode", "load", "prefill"]


def test_options_reach_the_backend(neocaret: Neocaret, backend: FakeBackend) -> None:
    options = "--device cpu --dtype float32 -n 5 --max-new-tokens 9 --temperature 0.7 --top-p 0.8 --top-k 7"
    more = "--repetition-penalty 1.2 --seed 3 --stop a --stop b --no-stop-repeating --no-document-ngrams"
    assert neocaret("complete", "x", "--model", "m", *options.split(), *more.split()).code == 0
    assert backend.loads == [ModelChoice("m", "cpu", "float32")]
    request = CompletionRequest("x", 5, 9, None, 0.7, 0.8, 7, 1.2, 3, False, ("a", "b"), False, document_ngrams=False)
    assert backend.requests == [request]


def test_defaults_are_those_of_the_port(neocaret: Neocaret, backend: FakeBackend) -> None:
    neocaret("complete", "x")
    assert backend.loads == [ModelChoice()]
    assert backend.requests == [CompletionRequest("x")]


def test_what_a_library_prints_stays_out_of_the_result(neocaret: Neocaret, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = FakeBackend.complete

    def chatty(self: FakeBackend, request: CompletionRequest, cancel: CancelToken, *_: Any) -> Completion:
        sys.stdout.write("chatter")
        return whole(self, request, cancel)

    monkeypatch.setattr(FakeBackend, "complete", chatty)
    run = neocaret("complete", "x", "--json")
    assert json.loads(run.out)["candidates"][0]["text"] == "pass"
    assert "chatter" in run.err


def test_cut_prompt_is_told(neocaret: Neocaret, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = FakeBackend.complete

    def cut(self: FakeBackend, request: CompletionRequest, cancel: CancelToken, *_: Any) -> Completion:
        return replace(whole(self, request, cancel), prompt_tokens=5000, used_tokens=1984)

    monkeypatch.setattr(FakeBackend, "complete", cut)
    run = neocaret("complete", "x")
    assert run.code == 0
    assert run.err == ("neocaret: the prompt is too long for the model's 2048 tokens: only its last 1984 were used.\n")


def test_narrow_encoding_does_not_stop_the_output(
    neocaret: Neocaret, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.otherwise = ["é→🐍"]
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    assert neocaret("complete", "x").code == 0
    assert "é??".encode("cp1252") in stream.buffer.getvalue()


def test_json_survives_a_narrow_encoding_whole(
    neocaret: Neocaret, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.otherwise = ["é→🐍"]
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert neocaret("complete", "x", "--json").code == 0
    assert json.loads(stream.buffer.getvalue())["candidates"][0]["text"] == "é→🐍"


# On a terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("rich.console.Console.is_terminal", True)


@pytest.mark.usefixtures("terminal")
def test_terminal_gets_colours_and_a_bar(neocaret: Neocaret) -> None:
    run = neocaret("complete", "import pandas as pd")
    assert ESCAPE in run.out
    assert ESCAPE in run.err


@pytest.mark.usefixtures("terminal")
def test_no_color_means_no_escape_codes_in_the_result(neocaret: Neocaret, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert ESCAPE not in neocaret("complete", "import pandas as pd").out


@pytest.mark.usefixtures("terminal")
def test_generated_text_cannot_steer_the_terminal(neocaret: Neocaret, backend: FakeBackend) -> None:
    backend.otherwise = ["\x1b]0;title\x07"]
    assert "\\x1b]0;title\\x07" in neocaret("complete", "x").out


def test_visible_text_keeps_lines_and_tabs() -> None:
    assert visible("a\tb\r\nc\rd\n\x9b\x00é") == "a\tb\nc\\x0dd\n\\x9b\\x00é"


def test_pipe_gets_the_text_as_it_is(neocaret: Neocaret, backend: FakeBackend) -> None:
    backend.otherwise = ["\ta\x1b[1m [bold]x[/bold] :snake:" + " y" * 200]
    assert backend.otherwise[0] + "\n" in neocaret("complete", "x", "--max-new-tokens", "300").out


# The prompt


def test_a_file_keeps_its_line_ends_and_the_model_sees_line_feeds(
    neocaret: Neocaret, backend: FakeBackend, tmp_path: Path
) -> None:
    (tmp_path / "p.py").write_bytes(b"\xef\xbb\xbfa\r\nimport pandas as pd")
    assert neocaret("complete", "--prompt-file", "p.py", "--export", "out.py").code == 0
    assert backend.requests[0].prompt == "a\nimport pandas as pd"
    assert (tmp_path / "out.py").read_bytes() == b"a\r\nimport pandas as pd\r\nimport numpy as np"


def test_prompt_comes_from_standard_input(
    neocaret: Neocaret, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, "sélect\n🐍".encode())
    assert neocaret("complete", "--prompt-file", "-").code == 0
    assert backend.requests[0].prompt == "sélect\n🐍"


def test_prompt_may_begin_with_a_dash(neocaret: Neocaret, backend: FakeBackend) -> None:
    assert neocaret("complete", "--", "--x").code == 0
    assert backend.requests[0].prompt == "--x"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("complete",), 2, "--prompt-file"),
        (("complete", "x", "--prompt-file", "p"), 2, "not both"),
        (("complete", ""), 1, "The prompt is empty"),
        (("complete", "a\udcffb"), 1, "not valid UTF-8 at character 1"),
        (("complete", "--prompt-file", "missing"), 1, "missing cannot be read: No such file"),
        (("complete", "--prompt-file", "."), 1, "cannot be read"),
        (("complete", "--prompt-file", "nul\0"), 1, "cannot be read"),
        (("complete", "--prompt-file", "latin"), 1, "not valid UTF-8 at character 1"),
        (("complete", "--prompt-file", "empty"), 1, "is empty"),
        (("complete", "x", "--export", "taken"), 1, "exists already"),
        (("complete", "x", "--export", "."), 1, "folder"),
        (("complete", "x", "--export", ""), 1, "no name"),
        (("complete", "x", "--export", "missing/y"), 1, "create the folder first"),
        (("complete", "x", "--append"), 2, "--export"),
        (("complete", "x", "--export", "y", "--append", "--overwrite"), 2, "not both"),
        (("complete", "x", "--max-length", "5", "--max-new-tokens", "5"), 2, "not both"),
        (("complete", "x", "-n", "0"), 2, "-n must be"),
        (("complete", "x", "-n", "many"), 2, "-n"),
        (("complete", "x", "--temperature", "nan"), 2, "--temperature"),
        (("complete", "x", "--bogus"), 2, "--bogus"),
        (("complete", "x", "y"), 2, "y"),
        (("complete", "x", "--seed"), 2, "--seed"),
        (("bogus",), 2, "bogus"),
        (("lsp", "x"), 2, "x"),
        (("--clientProcessId=x",), 2, "--clientProcessId"),
    ],
)
def test_bad_input_gets_one_sentence_and_loads_nothing(
    neocaret: Neocaret, backend: FakeBackend, arguments: tuple[str, ...], code: int, says: str
) -> None:
    Path("p").write_text("prompt")
    Path("taken").write_text("old")
    Path("latin").write_bytes(b"s\xe9lect")
    Path("empty").write_bytes(b"")
    assert_refused(neocaret(*arguments), code, says)
    assert backend.loads == []


# The file


def test_best_candidate_is_exported_after_its_prompt(neocaret: Neocaret, tmp_path: Path) -> None:
    run = neocaret("complete", "import pandas as pd", "--export", "out.txt")
    assert (tmp_path / "out.txt").read_bytes() == b"import pandas as pd\nimport numpy as np"
    assert run.err == f"neocaret: wrote 38 bytes to {tmp_path / 'out.txt'}\n"


def test_existing_file_is_appended_to_or_overwritten_if_asked(neocaret: Neocaret, tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("old ")
    assert "appended 6 bytes" in neocaret("complete", "x ", "--export", "out.txt", "--append").err
    assert (tmp_path / "out.txt").read_text() == "old x pass"
    neocaret("complete", "y ", "--export", "out.txt", "--overwrite")
    assert (tmp_path / "out.txt").read_text() == "y pass"


def test_export_may_be_anywhere_the_user_points(neocaret: Neocaret, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    target = tmp_path / "out.txt"
    assert neocaret("complete", "x ", "--export", str(tmp_path / "here" / ".." / "out.txt")).code == 0
    assert target.read_text() == "x pass"


# Failures


def test_model_that_cannot_be_loaded_is_told(neocaret: Neocaret, backend: FakeBackend) -> None:
    backend.load_error = "There is no model x;\nname another."
    assert_refused(neocaret("complete", "x", "--export", "y"), 1, "There is no model x; name another.")
    assert not Path("y").exists()


def test_request_that_cannot_be_carried_out_is_told(neocaret: Neocaret, backend: FakeBackend) -> None:
    backend.complete_error = BackendError("max_length leaves no room.")
    assert_refused(neocaret("complete", "x"), 1, "max_length leaves no room.")


def test_unexpected_error_is_told_without_a_traceback(neocaret: Neocaret, backend: FakeBackend) -> None:
    backend.complete_error = RuntimeError("boom")
    assert_refused(neocaret("complete", "x"), 1, "Unexpected RuntimeError")


def test_who_debugs_gets_the_traceback(
    neocaret: Neocaret, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NEOCARET_DEBUG", "1")
    backend.complete_error = RuntimeError("boom")
    with caplog.at_level("DEBUG"):
        neocaret("complete", "x")
    assert "RuntimeError: boom" in caplog.text


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(32, "Broken pipe"), 1)])
def test_interrupt_and_broken_pipe_are_quiet(
    neocaret: Neocaret, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(FakeBackend, "complete", fail)
    assert neocaret("complete", "x") == Run(code, "", "")


def lose_interrupts() -> None:
    """As a compiled module does that is interrupted while it is imported."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_interrupt_that_the_loading_swallows_is_obeyed_all_the_same(
    neocaret: Neocaret, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = FakeBackend.load

    def load(self: FakeBackend, *arguments: Any) -> ModelInfo:
        lose_interrupts()
        return whole(self, *arguments)

    monkeypatch.setattr(FakeBackend, "load", load)
    assert neocaret("complete", "x", "--export", "y") == Run(130, "", "")
    assert backend.requests == []
    assert not Path("y").exists()


def test_interrupt_that_the_generation_swallows_is_obeyed_all_the_same(
    neocaret: Neocaret, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = FakeBackend.complete

    def complete(self: FakeBackend, *arguments: Any) -> Completion:
        lose_interrupts()
        return whole(self, *arguments)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(FakeBackend, "complete", complete)
    assert neocaret("complete", "x") == Run(130, "", "")
    assert signal.getsignal(signal.SIGINT) is before
