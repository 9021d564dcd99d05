"""The answer to `initialize` without the protocol's library, whose import is most of the server's start.

What it says is what the real server says of itself, and a test holds the two equal. It speaks only where the real
server is certain to agree: anything out of the ordinary is left to that one.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from neocaret_server import __version__
from neocaret_server.stdio import decoded

_ENCODINGS = ("utf-8", "utf-16", "utf-32")
_COMMANDS = (
    "neocaret.accepted",
    "neocaret.candidates",
    "neocaret.clearCache",
    "neocaret.exportCompletion",
    "neocaret.generate",
    "neocaret.models",
    "neocaret.pause",
    "neocaret.reloadModel",
    "neocaret.resume",
    "neocaret.status",
)
_INCREMENTAL = 2

_T = TypeVar("_T")


class _DoubtfulError(Exception):
    """Not what a well-behaved client sends."""


def answer_to(body: bytes) -> bytes | None:
    """Return the body of the answer to an ordinary `initialize`; None for every other message."""
    try:
        message = decoded(body)
        msg_id, params = _request(message)
        answer = {"jsonrpc": "2.0", "id": msg_id, "result": _result(params)}
    except (ValueError, RecursionError, _DoubtfulError):
        return None
    return json.dumps(answer).encode()


def trigger_characters(client_name: str, *, ghost_text: bool) -> list[str]:
    """Choose the characters after which the client asks for the popup.

    Neovim asks after nothing else. Where ghost text shows the suggestions anyway, a popup after each space or bracket
    would only be in the way of the Enter key.
    """
    return ["."] if ghost_text and client_name != "Neovim" else [".", "(", "[", "{", "=", ",", " "]


def _request(message: Any) -> tuple[int | str, dict[str, Any]]:
    if not isinstance(message, dict) or (message.get("jsonrpc"), message.get("method")) != ("2.0", "initialize"):
        raise _DoubtfulError
    msg_id, params = message.get("id"), message.get("params")
    if isinstance(msg_id, bool) or not isinstance(msg_id, int | str) or not isinstance(params, dict):
        raise _DoubtfulError
    _member(params, "processId", int)
    _member(params, "rootPath", str)
    _member(params, "rootUri", str)
    for folder in _member(params, "workspaceFolders", list) or []:
        if not isinstance(folder, dict) or not all(isinstance(folder.get(name), str) for name in ("uri", "name")):
            raise _DoubtfulError
    return msg_id, params


def _result(params: dict[str, Any]) -> dict[str, Any]:
    capabilities = _member(params, "capabilities", dict) or {}
    document = _member(capabilities, "textDocument", dict) or {}
    ghost_text = _member(document, "inlineCompletion", dict) is not None
    triggers = trigger_characters(_client_name(params), ghost_text=ghost_text)
    return {
        "capabilities": {
            "positionEncoding": _encoding(capabilities),
            **_notebooks(capabilities),
            "textDocumentSync": {"openClose": True, "change": _INCREMENTAL, "save": False, **_saving(document)},
            "completionProvider": {"triggerCharacters": triggers, "resolveProvider": False},
            "inlineCompletionProvider": {},
            "executeCommandProvider": {"commands": _COMMANDS},
            "workspace": {
                "workspaceFolders": {"supported": True, "changeNotifications": True},
                "fileOperations": {},
            },
        },
        "serverInfo": {"name": "neocaret", "version": __version__},
    }


def _client_name(params: dict[str, Any]) -> str:
    info = _member(params, "clientInfo", dict)
    if info is None:
        return ""
    if (name := _member(info, "name", str)) is None:
        raise _DoubtfulError
    return name


def _encoding(capabilities: dict[str, Any]) -> str:
    """Take the first that the client wants and the server knows."""
    offered = _member(_member(capabilities, "general", dict) or {}, "positionEncodings", list) or []
    if not all(isinstance(each, str) for each in offered):
        raise _DoubtfulError
    return next((each for each in offered if each in _ENCODINGS), "utf-16")


def _saving(document: dict[str, Any]) -> dict[str, bool]:
    # pygls says no only to those who asked.
    asked = _member(document, "synchronization", dict) or {}
    return {name: False for name in ("willSave", "willSaveWaitUntil") if _member(asked, name, bool) is not None}


def _notebooks(capabilities: dict[str, Any]) -> dict[str, Any]:
    notebook = _member(capabilities, "notebookDocument", dict)
    if notebook is None:
        return {}
    if (synchronization := _member(notebook, "synchronization", dict)) is None:
        raise _DoubtfulError
    for name in ("dynamicRegistration", "executionSummarySupport"):
        _member(synchronization, name, bool)
    return {"notebookDocumentSync": {"notebookSelector": [{"notebook": "*"}]}}


def _member(values: dict[str, Any], name: str, kind: type[_T]) -> _T | None:
    """Return a member that is absent, null, or exactly of a kind: true is no number."""
    value = values.get(name)
    if value is not None and type(value) is not kind:
        raise _DoubtfulError
    return value
