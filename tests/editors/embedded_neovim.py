"""Neovim without a screen, driven through its own interface; the plugin in it, and a server behind it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
from waiting import wait_for

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "editors" / "neovim"
FAKE_SERVER = ROOT / "tests" / "e2e" / "fake_server.py"


def found() -> str | None:
    """Return the Neovim to test with: the one that NEOCARET_NVIM names, else that on the search path."""
    return os.environ.get("NEOCARET_NVIM") or shutil.which("nvim")


class RemoteCalls:
    """Calls of Neovim's own interface, over the pipes of an embedded one; see `:help rpc`."""

    def __init__(self, argv: list[str]) -> None:
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._messages = msgpack.Unpacker(raw=False, strict_map_key=False)
        self._calls = 0

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a function and return what it returns.

        Raises:
            RuntimeError: the function failed, with its own words.
            EOFError: Neovim has ended.
        """
        assert self._process.stdin is not None
        self._calls += 1
        self._process.stdin.write(msgpack.packb([0, self._calls, method, arguments]))
        self._process.stdin.flush()
        while True:
            message = self._next()
            if message[:2] == [1, self._calls]:
                if message[2] is not None:
                    raise RuntimeError(message[2][1])
                return message[3]

    def _next(self) -> list[Any]:
        assert self._process.stdout is not None
        for message in self._messages:
            return list(message)
        while data := os.read(self._process.stdout.fileno(), 65536):
            self._messages.feed(data)
            for message in self._messages:
                return list(message)
        raise EOFError("Neovim has ended")

    def close(self) -> None:
        """End Neovim."""
        self._process.kill()
        self._process.communicate()


class Neovim:
    """One Neovim with the plugin, in a workspace of its own."""

    def __init__(self, program: str, workspace: Path, options: dict[str, Any], *, enable: bool = True) -> None:
        """`options` are those of the plugin; the server is enabled unless `enable` says otherwise."""
        self.workspace = workspace
        start = workspace.parent / "init.lua"
        lines = [
            f"vim.opt.runtimepath:prepend({_lua(str(PLUGIN))})",
            f"vim.g.neocaret = vim.json.decode({_lua(json.dumps(options))})",
            "vim.notify = function(text) _G.notes = vim.list_extend(_G.notes or {}, { text }) end",
            "vim.lsp.enable('neocaret')" if enable else "",
        ]
        start.write_text("\n".join(lines), encoding="utf-8")
        argv = [program, "--embed", "--headless", "--clean", "-u", str(start)]
        self._calls = RemoteCalls(argv)
        self.command(f"cd {workspace}")

    def open(self, text: str, name: str = "a.py") -> None:
        """Edit a file of this text, and wait for the server."""
        (self.workspace / name).write_bytes(text.encode())
        self.command(f"edit {name}")
        wait_for(lambda: self.lua("local c = vim.lsp.get_clients({ bufnr = 0 })[1]; return c and c.initialized"))
        wait_for(lambda: self.status()["state"], lambda state: state == "ready")

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua and return what it returns."""
        return self._calls.call("nvim_exec_lua", code, arguments)

    def keys(self, keys: str) -> None:
        """Press keys, as a user would."""
        self._calls.call("nvim_input", keys)

    def command(self, command: str) -> None:
        """Run an Ex command."""
        self._calls.call("nvim_command", command)

    def status(self) -> dict[str, Any]:
        """Ask the server how it is."""
        answer: dict[str, Any] = self.lua(
            "local c = vim.lsp.get_clients({ name = 'neocaret' })[1]\n"
            "local command = { command = 'neocaret.status', arguments = { vim.empty_dict() } }\n"
            "return c:request_sync('workspace/executeCommand', command, 10000, 0).result"
        )
        return answer

    def ghost(self) -> str:
        """Return the ghost text on the screen."""
        marks = self.lua(
            "local space = vim.api.nvim_create_namespace('nvim.lsp.inline_completion')\n"
            "return vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })"
        )
        if not marks:
            return ""
        details = marks[0][3]
        lines = [details.get("virt_text", []), *details.get("virt_lines", [])]
        return "\n".join("".join(chunk[0] for chunk in line) for line in lines)

    def popup(self) -> list[str]:
        """Return what stands in the popup."""
        return [item["abbr"] or item["word"] for item in self.lua("return vim.fn.complete_info({ 'items' })")["items"]]

    def lines(self) -> list[str]:
        """Return the buffer's lines."""
        return list(self._calls.call("nvim_buf_get_lines", 0, 0, -1, True))

    def notes(self) -> list[str]:
        """Return what the user was told."""
        return list(self.lua("return _G.notes or {}"))

    def answer(self, *, select: int = 1, inputs: tuple[str, ...] = ()) -> None:
        """Have questions answered: a list by its item of this number, each input by the next of these."""
        self.lua(
            "local number, inputs = ...\n"
            "vim.ui.select = function(items, options, done)\n"
            "  _G.offered = vim.tbl_map(options.format_item or tostring, items)\n"
            "  done(items[number], number)\n"
            "end\n"
            "vim.ui.input = function(options, done) done(table.remove(inputs, 1) or options.default) end",
            select,
            list(inputs),
        )

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._calls.close()


def scripted(**script: Any) -> list[str]:
    """Return the command of a server over a scripted model."""
    return [sys.executable, "-P", str(FAKE_SERVER), json.dumps(script)]


def _lua(text: str) -> str:
    return "[==[" + text + "]==]"
