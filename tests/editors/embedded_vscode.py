"""VS Code without a screen: code-server with the packed extension, driven through a browser's keyboard.

`NEOCARET_CODE_SERVER` names code-server's `entry.js` or command, `NEOCARET_PLAYWRIGHT` a folder with playwright-core in
its `node_modules`, `NEOCARET_SCREENSHOTS` a folder for pictures of the main steps.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from waiting import wait_for

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "editors" / "vscode"
FAKE_SERVER = ROOT / "tests" / "e2e" / "fake_server.py"
_DRIVER = Path(__file__).with_name("vscode_driver.mjs")
_QUIET = {
    "files.autoSave": "off",
    "editor.wordBasedSuggestions": "off",
    "editor.inlineSuggest.showToolbar": "never",
    "editor.minimap.enabled": False,
    "workbench.startupEditor": "none",
    "window.autoDetectColorScheme": False,
    "files.simpleDialog.enable": True,
}

ACCEPT_LINE = "Control+Alt+l"
_KEYS = [
    {"key": ACCEPT_LINE.replace("Control", "ctrl").lower(), "command": "editor.action.inlineSuggest.acceptNextLine"}
]
"""VS Code has no key of its own for this command."""


def missing() -> str | None:
    """Say what these tests lack here; None where all is at hand."""
    if not os.environ.get("NEOCARET_CODE_SERVER"):
        return "there is no VS Code; NEOCARET_CODE_SERVER may name code-server's entry.js"
    if not os.environ.get("NEOCARET_PLAYWRIGHT"):
        return "NEOCARET_PLAYWRIGHT names no folder with playwright-core"
    if chromium() is None or shutil.which("node") is None:
        return "node and chromium are needed to look at VS Code"
    if not packed():
        return "the extension is not packed; `npm ci && npm run package` in editors/vscode does it"
    return None


def chromium() -> str | None:
    """Return the browser: the one that NEOCARET_CHROMIUM names, else that on the search path."""
    return os.environ.get("NEOCARET_CHROMIUM") or shutil.which("chromium")


def packed() -> list[Path]:
    """Return the packed extension."""
    return sorted(EXTENSION.glob("*.vsix"))


def scripted(folder: Path, **script: Any) -> Path:
    """Write a console script that serves a scripted model; with arguments it is the real one."""
    python = shlex.quote(sys.executable)
    path = folder / "neocaret"
    fake = f"{python} -P {shlex.quote(str(FAKE_SERVER))} {shlex.quote(json.dumps(script))}"
    path.write_text(
        f'#!/bin/sh\n[ "$1" = stats ] && exec {python} -P -m neocaret_server "$@"\n'
        f'[ -n "$PYTHONPATH" ] && exit 3\necho $$ >> {shlex.quote(str(folder / "started"))}\nexec {fake}\n'
    )
    path.chmod(0o755)
    return path


_PYTHON_EXTENSION = """
const fs = require('node:fs');
const vscode = require('vscode');
const file = SELECTION;
exports.activate = () => {
  const changed = new vscode.EventEmitter();
  fs.watchFile(file, { interval: 100 }, () => changed.fire({}));
  return {
    environments: {
      getActiveEnvironmentPath: () => ({ id: 'selected', path: fs.readFileSync(file, 'utf8') }),
      resolveEnvironment: async ({ path }) => ({ executable: { uri: vscode.Uri.file(path + '/bin/python') } }),
      onDidChangeActiveEnvironmentPath: changed.event,
    },
  };
};
"""


def python_extension(folder: Path, selection: Path) -> Path:
    """Pack a stand-in for the Python extension: what its documented interface says of environments, and no more.

    The environment that is selected is the folder whose path stands in the file `selection`.
    """
    manifest = {"name": "python", "publisher": "ms-python", "version": "2025.1.0", "engines": {"vscode": "^1.91.0"}}
    path = folder / "python.vsix"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("extension/package.json", json.dumps(manifest | {"main": "main.js", "activationEvents": []}))
        archive.writestr("extension/main.js", _PYTHON_EXTENSION.replace("SELECTION", json.dumps(str(selection))))
    return path


class CodeServer:
    """A code-server of its own folders, with the extension and these settings."""

    def __init__(self, folder: Path, *others: Path, trusting: bool = True, **settings: Any) -> None:
        """`others` are packed extensions beside ours; one that is not `trusting` asks about its workspace."""
        self.workspace = folder / "workspace"
        self._user = folder / "data" / "User" / "settings.json"
        self._machine = folder / "data" / "Machine" / "settings.json"
        self.workspace.mkdir()
        for file in (self._user, self._machine):
            file.parent.mkdir(parents=True)
        self._user.write_text(json.dumps(_QUIET), encoding="utf-8")
        self._user.with_name("keybindings.json").write_text(json.dumps(_KEYS), encoding="utf-8")
        self._written = 0
        self.settings(**settings)
        entry = os.environ["NEOCARET_CODE_SERVER"]
        self._program = ["node", entry] if entry.endswith(".js") else [entry]
        self._folders = ["--user-data-dir", str(folder / "data"), "--extensions-dir", str(folder / "extensions")]
        # A search path without any server on it, whatever the shell's own start brings.
        (folder / "home").mkdir(exist_ok=True)
        path = os.pathsep.join({str(Path(shutil.which("node") or "").parent), "/usr/bin", "/bin"})
        self._environment = os.environ | {"HOME": str(folder / "home"), "PATH": path, "PYTHONPATH": "/nowhere"}
        self._environment |= {"NEOCARET_STATE_FOLDER": str(folder / "state"), "SHELL": "/bin/sh"}
        for extension in (packed()[-1], *others):
            install = [*self._program, *self._folders, "--install-extension", str(extension)]
            subprocess.run(install, check=True, capture_output=True, env=self._environment)
        self._trust = ["--disable-workspace-trust"] if trusting else []
        self.address = f"http://127.0.0.1:{_free_port()}"
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        options = ["--bind-addr", self.address.removeprefix("http://"), "--auth", "none", *self._trust]
        quiet = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"]
        process = subprocess.Popen(
            [*self._program, *options, *quiet, *self._folders, str(self.workspace)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,
        )
        wait_for(self._answers)
        return process

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=5):  # noqa: S310 - our own
                return True
        except (urllib.error.URLError, OSError):
            return False

    def settings(self, **settings: Any) -> str:
        """Write the settings; `__` in a name stands for a dot. The window's title is what it returns when it has them.

        They are those of the machine that the browser looks at: files of the user's are read at the start only.
        """
        self._written += 1
        given = {name.replace("__", "."): value for name, value in settings.items()}
        title = f"settings {self._written}"
        self._machine.write_text(json.dumps(given | {"window.title": title}), encoding="utf-8")
        return title

    def chosen(self) -> dict[str, Any]:
        """Return what the user has chosen in the editor."""
        read: dict[str, Any] = json.loads(self._user.read_text(encoding="utf-8"))
        return read

    def close(self) -> None:
        """End it with all that it started."""
        os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        # It keeps servers alive for minutes after itself.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Window:
    """A browser's window on a code-server."""

    def __init__(self, address: str) -> None:
        argv = ["node", str(_DRIVER), address, str(chromium()), os.environ["NEOCARET_PLAYWRIGHT"]]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.do("start")

    def do(self, action: str, *given: Any) -> Any:
        """Have the driver do one thing, and return what it saw."""
        answer = self._ask(action, *given)
        if "error" in answer:
            self.picture(_failed())
        assert "error" not in answer, f"{action} {given}: {answer['error']}"
        return answer["result"]

    def _ask(self, action: str, *given: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": action, "with": given}).encode() + b"\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"error": "the driver has ended"}')
        return answer

    def see(self, action: str, is_there: Callable[[Any], bool] = bool) -> Any:
        """Look until something is there."""
        try:
            return wait_for(lambda: self.do(action), is_there, every=0.1)
        except AssertionError:
            self.picture(_failed())
            raise

    def picture(self, name: str) -> None:
        """Take a screenshot, where a folder for them is named."""
        if folder := os.environ.get("NEOCARET_SCREENSHOTS"):
            self._ask("screenshot", str(Path(folder) / f"{name}.png"))

    def close(self) -> None:
        """End the browser."""
        try:
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def _failed() -> str:
    """Return the name of a failure's picture."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].split(" ")[0]
    return f"failed-{test}"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
