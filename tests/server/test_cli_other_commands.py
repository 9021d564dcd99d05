from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from neocaret_server.backend import Backend, KnownModel
from neocaret_server.cli import main
from neocaret_server.cli.lsp import ServerArguments, parse
from neocaret_server.cli.services import Services
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.model_backend import Machine

KNOWN = (
    KnownModel("bundled", 9_876_543, 19_800_000, "MIT", here=True),
    KnownModel("EleutherAI/gpt-neo-125m", 125_198_592, 526_000_000, "MIT", here=False),
    KnownModel("EleutherAI/gpt-neo-2.7B", 2_651_307_520, 10_700_000_000, "MIT", here=False),
    KnownModel("someone/qwen", 494_032_768, 988_000_000, "Apache-2.0", here=True, own=False),
)


def services(tmp_path: Path, **changes: Any) -> Services:
    machine = Machine(2, "AVX2", None, False, "cpu", str(tmp_path / "missing" / "hub"))
    given: dict[str, Any] = {
        "new_backend": FakeBackend,
        "known_models": lambda: KNOWN,
        "inspect_machine": lambda: machine,
    }
    return Services(**(given | changes))


# neocaret, neocaret lsp


@pytest.mark.parametrize(
    ("arguments", "process"),
    [
        ([], None),
        (["lsp"], None),
        (["--stdio"], None),
        (["lsp", "--stdio"], None),
        (["--stdio", "--clientProcessId=42"], 42),
        (["lsp", "--clientProcessId=42", "--stdio"], 42),
        (["--clientProcessId", "42"], 42),
    ],
)
def test_server_starts_as_editors_start_it(arguments: list[str], process: int | None, tmp_path: Path) -> None:
    served: list[int | None] = []

    def serve(_: Backend, client_process_id: int | None) -> int:
        served.append(client_process_id)
        return 7

    assert parse(arguments) == ServerArguments(process)
    assert main(arguments, services(tmp_path, serve=serve)) == 7
    assert served == [process]


def test_options_on_both_sides_of_lsp_start_the_server_too(tmp_path: Path) -> None:
    assert main(["--stdio", "lsp", "--stdio"], services(tmp_path, serve=lambda *_: 7)) == 7


@pytest.mark.parametrize(
    "arguments",
    [["complete"], ["--help"], ["lsp", "--help"], ["--clientProcessId"], ["--clientProcessId=x"], ["lsp", "lsp"]],
)
def test_anything_else_is_no_start_of_the_server(arguments: list[str]) -> None:
    assert parse(arguments) is None


SERVER_START = """
import sys
from neocaret_server.cli import main
from neocaret_server.cli.services import Services
main(["lsp", "--stdio"], Services(serve=lambda *_: 0))
print(sorted({"typer", "rich", "torch", "transformers", "neocaret_model"} & set(sys.modules)))
"""


def test_start_of_the_server_waits_for_no_library_of_the_other_commands() -> None:
    done = subprocess.run([sys.executable, "-c", SERVER_START], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_interrupted_server_ends_quietly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def serve(_: Backend, __: int | None) -> int:
        raise KeyboardInterrupt

    assert main(["lsp"], services(tmp_path, serve=serve)) == 130
    assert capfd.readouterr() == ("", "")


# --version, --help


def test_version_is_that_of_the_distribution(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--version"], services(tmp_path)) == 0
    assert capfd.readouterr().out == f"neocaret {metadata.version('neocaret')}\n"


@pytest.mark.parametrize("command", [[], ["lsp"], ["complete"], ["models"], ["doctor"], ["eval"]])
def test_every_command_has_help_that_fits_a_screen(
    command: list[str], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*command, "--help"], services(tmp_path)) == 0
    out, err = capfd.readouterr()
    assert out.startswith("Usage: neocaret")
    assert len(out.splitlines()) < 40
    assert err == ""


# neocaret models


def test_models_are_listed_in_columns(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["models"], services(tmp_path)) == 0
    assert capfd.readouterr().out == (
        "name                     parameters  on disk  licence     here      runs on\n"
        "bundled                  9.88 M      19.8 MB  MIT         yes       Neocaret\n"
        "EleutherAI/gpt-neo-125m  125 M       526 MB   MIT         download  Neocaret\n"
        "EleutherAI/gpt-neo-2.7B  2.65 B      10.7 GB  MIT         download  Neocaret\n"
        "someone/qwen             494 M       988 MB   Apache-2.0  yes       transformers\n"
        "Any causal language model that transformers knows can be named, on the hub or by its folder. All but GPT-Neo"
        " run through transformers' modules, slower than on Neocaret's own network.\n"
    )


def test_models_are_listed_as_json(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["models", "--json"], services(tmp_path)) == 0
    listed = json.loads(capfd.readouterr().out)["models"]
    assert [model["name"] for model in listed] == [model.name for model in KNOWN]
    assert listed[0] == {
        "name": "bundled",
        "parameters": 9_876_543,
        "bytes": 19_800_000,
        "licence": "MIT",
        "here": True,
        "own": True,
    }


# neocaret doctor


def test_healthy_installation_has_no_problem(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["doctor"], services(tmp_path)) == 0
    lines = capfd.readouterr().out.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    for name in ("python", "torch", "transformers", "tokenizers", "pygls", "cuda", "mps", "model cache", "bundled"):
        assert any(line[9:].startswith(name) for line in lines), name


def test_doctor_tells_all_as_json(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["doctor", "--json"], services(tmp_path)) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["ok"] is True
    assert {"name": "device auto", "ok": True, "detail": "cpu", "advice": ""} in report["checks"]


def test_doctor_tries_a_model_that_is_named_and_tells_how_it_runs(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    note = "Runs through transformers."
    assert main(["doctor", "--model", "qwen"], services(tmp_path, new_backend=lambda: FakeBackend(note=note))) == 0
    (line,) = [line for line in capfd.readouterr().out.splitlines() if "named model" in line]
    assert line.endswith(f" ms. {note}")


def broken_torch() -> Machine:
    raise OSError("libtorch.so: cannot open shared object file")


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"new_backend": lambda: FakeBackend(load_error="weights.safetensors is cut off.")}, "bundled model"),
        ({"inspect_machine": broken_torch}, "torch works"),
    ],
)
def test_problem_is_named_with_what_to_do(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, changes: dict[str, Any], names: str
) -> None:
    assert main(["doctor", "--json"], services(tmp_path, **changes)) == 1
    report = json.loads(capfd.readouterr().out)
    assert report["ok"] is False
    (problem,) = [check for check in report["checks"] if not check["ok"]]
    assert problem["name"] == names
    assert "pip install" in problem["advice"]
    assert main(["doctor"], services(tmp_path, **changes)) == 1
    assert "problem" in capfd.readouterr().out


def test_full_disk_is_a_problem(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    assert main(["doctor"], services(tmp_path)) == 1
    assert "HF_HOME" in capfd.readouterr().out


def test_missing_package_is_a_problem(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert main(["doctor"], services(tmp_path)) == 1
    assert "not installed" in capfd.readouterr().out
