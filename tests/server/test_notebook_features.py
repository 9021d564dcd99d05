"""Notebooks from the client's messages to the prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lsprotocol import types

from neocaret_server.app import build_server
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.prompt import build_prompt, text_elsewhere
from neocaret_server.server import NeocaretServer
from neocaret_server.suggest import Caret, suggest
from neocaret_server.surroundings import surroundings

NOTEBOOK = "file:///w/n.ipynb"
CAPABLE: dict[str, Any] = {"capabilities": {"notebookDocument": {"synchronization": {}}}}


class Sent:
    """A writer that keeps the messages."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def write(self, data: bytes) -> None:
        self.messages.append(json.loads(data.split(b"\r\n\r\n", 1)[1]))

    def close(self) -> None:
        return


class Client:
    """A client with a notebook of three cells: code, prose, code."""

    def __init__(self) -> None:
        self.server: NeocaretServer = build_server(FakeBackend())
        self.sent = Sent()
        self.server.protocol.set_writer(self.sent)
        self.tell("initialize", CAPABLE, id=0)
        cells = {"a": "import numpy as np", "b": "Some prose.", "c": "x = np.\ny = 1\n"}
        self.tell(
            "notebookDocument/didOpen",
            {
                "notebookDocument": {
                    "uri": NOTEBOOK,
                    "notebookType": "jupyter-notebook",
                    "version": 1,
                    "cells": [cell("a"), cell("b", kind=1), cell("c")],
                },
                "cellTextDocuments": [item(name, text) for name, text in cells.items()],
            },
        )

    def tell(self, method: str, params: Any, **more: Any) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params, **more}
        self.server.protocol.receive(json.dumps(message).encode())

    def change(self, **cells: Any) -> None:
        change = {"notebookDocument": {"uri": NOTEBOOK, "version": 2}, "change": {"cells": cells}}
        self.tell("notebookDocument/didChange", change)

    def text(self, name: str) -> str | None:
        document = self.server.documents.get(uri(name))
        return None if document is None else document.text

    def prompt(self, name: str, line: int = 0, line_before: str = "") -> str:
        document = self.server.documents.get(uri(name))
        assert document is not None
        return build_prompt(surroundings(document, line, line_before, *self.server.cells_around(uri(name))))


def uri(name: str) -> str:
    return f"vscode-notebook-cell:/w/n.ipynb#{name}"


def cell(name: str, kind: int = 2) -> dict[str, Any]:
    return {"kind": kind, "document": uri(name)}


def item(name: str, text: str) -> dict[str, Any]:
    return {"uri": uri(name), "languageId": "python", "version": 1, "text": text}


def inserted(name: str, line: int, character: int, text: str) -> dict[str, Any]:
    place = {"line": line, "character": character}
    return {
        "document": {"uri": uri(name), "version": 2},
        "changes": [{"range": {"start": place, "end": place}, "text": text}],
    }


@pytest.fixture
def client() -> Client:
    return Client()


def test_notebooks_are_asked_for_where_the_client_has_them(client: Client) -> None:
    capabilities = client.sent.messages[0]["result"]["capabilities"]
    assert capabilities["notebookDocumentSync"] == {"notebookSelector": [{"notebook": "*"}]}


def test_the_code_before_a_cell_is_its_context_and_the_code_after_it_is_elsewhere(client: Client) -> None:
    assert client.prompt("c", 0, "x = np.") == "import numpy as np\n\nx = np."
    document = client.server.documents.get(uri("a"))
    assert document is not None
    around = surroundings(document, 0, "import", *client.server.cells_around(uri("a")))
    assert text_elsewhere(around) == ("\n\nx = np.\ny = 1\n",)


def test_cells_are_edited_where_they_are(client: Client) -> None:
    client.change(textContent=[inserted("c", 0, 7, "array(1)"), inserted("a", 0, 0, "# é\n")])
    assert client.text("c") == "x = np.array(1)\ny = 1\n"
    assert client.text("a") == "# é\nimport numpy as np"


def test_cells_come_go_and_turn_to_prose(client: Client) -> None:
    structure = {
        "array": {"start": 1, "deleteCount": 1, "cells": [cell("d"), cell("e")]},
        "didOpen": [item("d", "d = 1"), item("e", "e = 2")],
        "didClose": [{"uri": uri("b")}],
    }
    client.change(structure=structure, textContent=[inserted("e", 0, 5, "0")])
    assert client.prompt("c") == "import numpy as np\n\nd = 1\n\ne = 20\n\n"
    assert client.text("b") is None
    client.change(data=[cell("d", kind=1)])
    assert client.prompt("c") == "import numpy as np\n\ne = 20\n\n"


def test_a_change_of_the_metadata_alone_changes_nothing(client: Client) -> None:
    params = {"notebookDocument": {"uri": NOTEBOOK, "version": 2}, "change": {"metadata": {"x": 1}}}
    client.tell("notebookDocument/didChange", params)
    assert client.prompt("c") == "import numpy as np\n\n"


def test_a_closed_notebook_leaves_nothing(client: Client) -> None:
    client.tell("notebookDocument/didClose", {"notebookDocument": {"uri": NOTEBOOK}, "cellTextDocuments": []})
    assert [client.text(name) for name in "abc"] == [None, None, None]
    assert client.server.notebooks.holding(uri("a")) is None


def test_a_notebook_whose_change_cannot_be_read_is_forgotten_rather_than_wrong(client: Client) -> None:
    client.change(textContent=[{"document": {"uri": uri("c"), "version": 2}, "changes": 5}])
    assert [client.text(name) for name in "abc"] == [None, None, None]


async def test_a_cell_of_an_excluded_notebook_is_as_silent_as_the_notebook(client: Client) -> None:
    client.server.notebooks.splice(NOTEBOOK, 0, 3, [])
    excluded = "file:///w/.env.ipynb"
    client.tell(
        "notebookDocument/didOpen",
        {
            "notebookDocument": {"uri": excluded, "notebookType": "x", "version": 1, "cells": [cell("a")]},
            "cellTextDocuments": [item("a", "x = ")],
        },
    )
    assert await suggest(client.server, Caret(uri("a"), types.Position(0, 4), "inline", automatic=False)) is None
    assert client.server.last_reason == "excluded-file"
