"""Secrets that are planted in files stay there, and with a local model nothing opens a connection."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from raw_client import EXPLICIT, RawClient, Start, at

RECORDING = Path(__file__).with_name("recording_server.py")
COMPLETION, INLINE = "textDocument/completion", "textDocument/inlineCompletion"
EXCLUDED = [
    ".env",
    ".env.local",
    "server.pem",
    "private.key",
    "id_rsa",
    ".ssh/config",
    ".aws/credentials",
    "private/keys.py",
    "private/deep/keys.py",
]
HELPER = "def helper(rows, columns):\n    return rows_of_the_helper(rows, columns)\n"
MAIN = """from helper import helper
from private.keys import key
from private.deep import keys
import linked
import outside_by_dots


def main(rows, columns):
    print("SECRET-of-main")
    """
SETTINGS = {"exclude": ["private/**"]}


def secret_of(name: str) -> str:
    return "SECRET-" + "".join(letter if letter.isalnum() else "-" for letter in name)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Files with a secret in each: excluded ones, one that a link leads to, and open ones."""
    folder = tmp_path / "workspace"
    for name in EXCLUDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"def helper(rows, columns):\n    return rows, '{secret_of(name)}'\n")
    (tmp_path / "elsewhere.py").write_text("def helper(rows, columns):\n    return rows, 'SECRET-elsewhere'\n")
    (folder / "linked.py").symlink_to("../elsewhere.py")
    (folder / "helper.py").write_text(HELPER)
    (folder / "main.py").write_text(MAIN)
    return folder


def opened(client: RawClient, workspace: Path, name: str) -> str:
    """Open a file of the workspace, and say how it is called."""
    uri = (workspace / name).as_uri()
    client.open((workspace / name).read_text(), uri)
    return uri


def initialize(client: RawClient, workspace: Path) -> None:
    folder = {"uri": workspace.as_uri(), "name": "w"}
    client.initialize(rootUri=workspace.as_uri(), workspaceFolders=[folder], initializationOptions=SETTINGS)


def secrets_in(text: str) -> list[str]:
    """The secrets in a text, less that of the open file."""
    every = [*map(secret_of, EXCLUDED), "SECRET-elsewhere"]
    return [secret for secret in every if secret in text]


def test_no_prompt_has_what_is_excluded(start: Start, workspace: Path, tmp_path: Path) -> None:
    record = tmp_path / "prompts"
    client = start(command=(sys.executable, str(RECORDING), str(record)))
    initialize(client, workspace)
    for name in (*EXCLUDED, "main.py"):
        uri = opened(client, workspace, name)
        for method, when in ((COMPLETION, EXPLICIT), (INLINE, EXPLICIT), (COMPLETION, {"context": {"triggerKind": 2}})):
            client.ask(method, at(2, 0, uri, **when))  # behind the secret
    for _ in range(10):
        time.sleep(0.6)  # what other files have is chosen while nothing is typed
        client.ask(COMPLETION, at(9, 4, uri, **EXPLICIT))
        if "rows_of_the_helper" in record.read_text():
            break
    prompts = record.read_text()
    assert "SECRET-of-main" in prompts
    assert "rows_of_the_helper" in prompts, "files that are not excluded are read: otherwise this proves nothing"
    assert secrets_in(prompts) == []


QUOTING = "SECRET-of-main"
MALFORMED: list[tuple[str, Any]] = [
    ("textDocument/didChange", {"textDocument": {"uri": QUOTING, "version": QUOTING}, "contentChanges": QUOTING}),
    ("textDocument/didChange", {"textDocument": QUOTING, "contentChanges": [{"text": {QUOTING: QUOTING}}]}),
    ("textDocument/didOpen", {"textDocument": {"uri": 1, "languageId": QUOTING, "version": QUOTING, "text": QUOTING}}),
    ("textDocument/didOpen", {"textDocument": {"uri": "file:///y", "languageId": 1, "version": 1, "text": [QUOTING]}}),
    ("workspace/didChangeConfiguration", {"settings": {"neocaret": {"candidates": QUOTING, QUOTING: 1}}}),
    ("notebookDocument/didChange", {"notebookDocument": {"uri": "x", "version": QUOTING}, "change": QUOTING}),
    ("textDocument/didShowCompletion", {"item": {"insertText": QUOTING, "data": QUOTING}}),
    ("textDocument/completion", {"textDocument": {"uri": "file:///x"}, "position": {"line": QUOTING}}),
    ("workspace/executeCommand", {"command": QUOTING, "arguments": [QUOTING]}),
    ("workspace/executeCommand", {"command": "neocaret.generate", "arguments": [{"prompt": QUOTING, "topP": QUOTING}]}),
    (
        "workspace/executeCommand",
        {"command": "neocaret.exportCompletion", "arguments": [{"text": QUOTING, "path": ""}]},
    ),
    ("workspace/executeCommand", {"command": "neocaret.accepted", "arguments": [{"completionId": [QUOTING]}]}),
]
"""Messages that do not fit, with text of a document where something else is expected."""


BREAKS = ["begin", "advance", "load", "panic at begin", "panic at advance", "panic at load"]


@pytest.mark.parametrize("breaks", BREAKS)
def test_failures_are_told_without_text(
    start: Start, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    monkeypatch.setenv("NEOCARET_STATE_FOLDER", str(tmp_path / "state"))
    client = start(command=(sys.executable, str(RECORDING), str(tmp_path / "prompts"), breaks))
    initialize(client, workspace)
    uri = opened(client, workspace, "main.py")
    for method in (COMPLETION, INLINE):
        client.ask(method, at(9, 4, uri, **EXPLICIT))
    client.command("neocaret.generate", {"prompt": MAIN})
    client.command("neocaret.reloadModel")
    client.command("neocaret.status", {"uri": uri})
    for method, params in MALFORMED:
        client.ask(method, params) if method.startswith(("workspace/e", COMPLETION)) else client.notify(method, params)
    client.send_body(f'{{"jsonrpc": "2.0", "id": 1, "method": "{QUOTING}'.encode())
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0
    client.join()
    assert QUOTING in (tmp_path / "prompts").read_text()
    errors = client.all_errors()
    assert "RuntimeError" in errors, "the log says what happened"
    assert "recording_server.py" in errors, "and where"
    assert QUOTING not in errors
    told = json.dumps([each for each in client.received if "method" in each or "error" in each])
    assert "Traceback" not in told
    assert QUOTING not in told.replace(f"{QUOTING} is not", "")  # what a client names, and nobody knows, is named
    for file in (tmp_path / "state").glob("*"):
        assert QUOTING not in file.read_text()


CRASH = """
import threading
from neocaret_server.wordless_log import set_up_log
def crash():
    raise RuntimeError("SECRET")
set_up_log()
thread = threading.Thread(target=crash)
thread.start()
thread.join()
crash()
"""


def test_a_crash_is_told_without_text() -> None:
    done = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("RuntimeError") == 2
    assert "SECRET" not in done.stderr


LOUD = """
import logging, sys
set_up = logging.basicConfig
def loud(**options):
    set_up(**options | {"level": logging.INFO})
    logging.info("this is loud")
logging.basicConfig = loud
from neocaret_server.cli import main
sys.exit(main())
"""


def test_the_log_has_no_text_at_any_level_but_debug(start: Start, workspace: Path) -> None:
    client = start(command=(sys.executable, "-P", "-c", LOUD), folder=workspace)
    initialize(client, workspace)
    uri = opened(client, workspace, "main.py")
    for method in (COMPLETION, INLINE):
        client.ask(method, at(9, 4, uri, **EXPLICIT))
    client.command("neocaret.generate", {"prompt": MAIN, "maxNewTokens": 4})
    for path in ("../outside", "inside"):
        client.command("neocaret.exportCompletion", {"path": path, "completionId": "last", "includePrompt": True})
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0
    client.join()
    assert "SECRET-of-main" in (workspace / "inside").read_text()
    assert "this is loud" in client.all_errors()
    assert "SECRET" not in client.all_errors()


def test_statistics_have_no_text(
    start: Start, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEOCARET_STATE_FOLDER", str(tmp_path / "state"))
    client = start(command=(sys.executable, str(RECORDING), str(tmp_path / "prompts")))
    initialize(client, workspace)
    uri = opened(client, workspace, "main.py")
    item = client.ask(COMPLETION, at(9, 4, uri, **EXPLICIT))["result"]["items"][0]
    client.command("neocaret.accepted", {"completionId": item["data"]["completionId"]})
    client.ask("shutdown", None)
    client.notify("exit", None)
    client.end()
    client.join()
    written = "".join(file.read_text() for file in (tmp_path / "state").iterdir())
    assert '"counts"' in written
    for text in ("SECRET", "continued", "main.py", str(workspace), "helper"):
        assert text not in written
    assert "SECRET" not in client.all_errors()


NO_NETWORK = """
import sys
tried = sys.argv.pop(1)
REFUSED = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
           "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo", "urllib.Request"}
def refuse(event, arguments):
    if event in REFUSED or (event == "socket.__new__" and arguments[1] not in (-1, 1)):
        with open(tried, "a") as file:
            file.write(f"{event} {arguments[1:]}\\n")
        raise PermissionError(event)
sys.addaudithook(refuse)
from neocaret_server.cli import main
sys.exit(main())
"""


def day(client: RawClient, model: str = "bundled") -> None:
    """A short day with the bundled model; another model at its end, if one is named."""
    client.initialize(initializationOptions={"seed": 1})
    client.open("import numpy as np\n\nx = np.", "file:///x.py")
    assert client.ask(COMPLETION, at(2, 7, **EXPLICIT))["result"]["items"]
    assert client.command("neocaret.generate", {"prompt": "def main():", "maxNewTokens": 4})["result"]["candidates"]
    for name in ("models", "status", "candidates", "clearCache", "pause", "resume"):
        assert "result" in client.command(f"neocaret.{name}")
    if model != "bundled":
        client.notify("workspace/didChangeConfiguration", {"settings": {"neocaret": {"model": model}}})
        while client.command("neocaret.status")["result"]["state"] != "failed":
            time.sleep(0.05)
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HF_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_proxy")
def test_a_local_model_needs_no_connection_and_tries_none(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    tried = tmp_path / "tried"
    command = (sys.executable, "-P", "-c", NO_NETWORK, str(tried))
    day(start(command=command))
    assert not tried.exists(), tried.read_text()
    day(start(command=command), "EleutherAI/gpt-neo-125m")
    assert "socket" in tried.read_text(), "the one connection that the user asks for is seen, so the others would be"


@pytest.mark.usefixtures("no_proxy")
def test_a_local_model_runs_where_there_is_no_network(start: Start) -> None:
    unshare = shutil.which("unshare")
    apart = [unshare or "", "--map-root-user", "--net"]
    if unshare is None or subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace may be made here")
    day(start(command=(*apart, sys.executable, "-P", "-m", "neocaret_server")))
