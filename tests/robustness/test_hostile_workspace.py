"""A workspace with files that are named like all that the server imports, starts or reads: nothing of it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from raw_client import EXPLICIT, RawClient, Start, at

MARKER = "MARKER_OF_THIS_TEST"
MODULES = sorted(
    {
        *sys.stdlib_module_names,
        *("attr", "attrs", "cattrs", "filelock", "huggingface_hub", "lsprotocol", "numpy", "pygls", "regex", "rich"),
        *("safetensors", "tokenizers", "torch", "transformers", "tree_sitter", "tree_sitter_python", "typer", "yaml"),
        *("sitecustomize", "usercustomize", "conftest", "modeling_gpt_neo", "setup"),
    }
)
PACKAGES = ["neocaret_server", "neocaret_model", "torch", "lsprotocol", "pygls", "encodings"]
PROGRAMS = ["neocaret", "python", "python3", "git", "uname", "lscpu", "nvidia-smi", "ldconfig", "gcc", "cc", "sh"]
SETTINGS = {
    "server": {"path": "./neocaret", "command": "./neocaret", "package": "."},
    "server.path": "./neocaret",
    "cmd": ["./neocaret"],
    "python": "./python",
}
TEXT = "import torch\nimport dataclasses\nfrom neocaret_server import cli\nimport pygls.server\n\nx = "

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs are planted as scripts of a shell")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; each of its files writes its own name into the marker when it runs."""
    folder = tmp_path_factory.mktemp("hostile").resolve()
    code = f"import os\nopen(os.environ['{MARKER}'], 'a').write(__file__ + '\\n')\n"
    for module in MODULES:
        (folder / f"{module}.py").write_text(code)
    for package in PACKAGES:
        (folder / package).mkdir()
        for name in ("__init__", "__main__", "cli", "server"):
            (folder / package / f"{name}.py").write_text(code)
    for name in PROGRAMS:
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "$0" >>"${MARKER}"\n')
        program.chmod(0o755)
    here = f"{folder}:{folder}/lib"
    (folder / ".env").write_text(f"PYTHONPATH={here}\nPYTHONSTARTUP={folder}/torch.py\nNEOCARET_STATE_FOLDER={here}\n")
    (folder / "hostile.pth").write_text(f"import os; open(os.environ['{MARKER}'], 'a').write('pth')\n")
    (folder / "pyproject.toml").write_text(
        '[tool.neocaret]\nserver = "./neocaret"\nmodel = "./model"\npath = "./neocaret"\n'
    )
    for name in (".vscode/settings.json", "neocaret.json", ".neocaret.json", ".neoconf.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps({"neocaret": SETTINGS, "neocaret.server.path": "./neocaret"}))
    return folder


@pytest.fixture
def ran(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that names what has run."""
    monkeypatch.setenv(MARKER, str(tmp_path / "ran"))
    # As the packaged clients start the server: `editors/vscode/src/server/launch.ts`, `editors/neovim/lua`.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}.{os.pathsep}{workspace}")
    return tmp_path / "ran"


def script(name: str) -> str:
    """A console script of this environment."""
    return str(Path(sys.executable).with_name(name))


STARTS = [
    pytest.param((script("neocaret"),), id="console script"),
    pytest.param((sys.executable, "-P", "-m", "neocaret_server"), id="python -P -m"),
]


def session(client: RawClient, workspace: Path) -> None:
    """What an editor does in a day, in short."""
    client.initialize(
        rootUri=workspace.as_uri(),
        workspaceFolders=[{"uri": workspace.as_uri(), "name": "w"}],
        initializationOptions=SETTINGS,
    )
    uri = (workspace / "main.py").as_uri()
    client.open(TEXT, uri)
    client.notify("workspace/didChangeConfiguration", {"settings": {"neocaret": SETTINGS}})
    answer = client.ask("textDocument/completion", at(5, 4, uri, **EXPLICIT))
    assert answer["result"]["items"]
    for name in ("models", "status"):
        assert "result" in client.command(f"neocaret.{name}")
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0


@pytest.mark.parametrize("command", STARTS)
def test_nothing_of_the_folder_runs(start: Start, workspace: Path, ran: Path, command: tuple[str, ...]) -> None:
    if not Path(command[0]).exists():
        pytest.skip("neocaret is not installed here as a program")
    session(start(command=command, folder=workspace), workspace)
    assert not ran.exists(), ran.read_text()


@pytest.mark.parametrize("arguments", [["--version"], ["settings"], ["models"]])
def test_nothing_of_the_folder_runs_at_the_command_line(workspace: Path, ran: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-P", "-m", "neocaret_server", *arguments]
    subprocess.run(command, cwd=workspace, check=True, capture_output=True, timeout=120)
    assert not ran.exists(), ran.read_text()


def test_the_planted_files_would_tell(workspace: Path, ran: Path) -> None:
    """Without -P the folder's own files are found first: so these tests can fail."""
    subprocess.run([sys.executable, "-m", "neocaret_server"], cwd=workspace, capture_output=True, check=False)
    assert str(workspace) in ran.read_text()
    subprocess.run(["./uname"], cwd=workspace, check=False)
    assert "uname" in ran.read_text()


def test_a_folder_that_nobody_trusts_names_no_program_in_vs_code() -> None:
    manifest = json.loads((Path(__file__).parents[2] / "editors" / "vscode" / "package.json").read_text())
    assert manifest["capabilities"]["untrustedWorkspaces"]["supported"] is False
    settings = manifest["contributes"]["configuration"]["properties"]
    for name in ("neocaret.server.path", "neocaret.server.package"):
        assert settings[name]["scope"] in {"machine", "machine-overridable"}
