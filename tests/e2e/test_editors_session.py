"""Whole sessions with a client that nobody here wrote, with the abilities of real editors."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.capabilities import get_capability
from pygls.protocol import default_converter
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities
from pytest_lsp.client import register_lsp_features
from raw_client import SERVER

URI = "file:///w/x.py"
SCRIPT = {
    "import pandas as pd": ["\n\ndf = pd.read_csv('x.csv')\n"],
    "class A:": ["\n    x = __a__", "\n    x = __b__"],
    "def main():": ["\n    print('${x}')\n    return 0"],
    "    ret": ["urn 0", "urn 1", "urn 0"],
    "你😀 = ": ["1"],
}
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Helix names no formats, and shows everything as Markdown.
    pytest.mark.filterwarnings("ignore:Client does not support documentation format 'markdown'"),
]

COMMAND = [sys.executable, str(SERVER), json.dumps({"script": SCRIPT, "load_seconds": 0.3})]

# What Neovim 0.12.4, Helix 25.07.1, eglot 1.17.30 and VS Code 1.100.3 sent; besides, what pytest-lsp has of older ones.
RECORDED = Path(__file__).parents[1] / "server" / "recorded"
OLDER = {"visual-studio-code": "Visual Studio Code", "neovim": "Neovim", "emacs": "emacs"}


def recorded(editor: str) -> types.InitializeParams:
    """Read what an editor sent, but for whose process it was and which folder it had open."""
    params = json.loads((RECORDED / f"{editor}.json").read_bytes())["params"]
    there: dict[str, Any] = {"processId": None, "rootPath": None, "rootUri": None, "workspaceFolders": []}
    sent: types.InitializeParams = get_converter().structure({**params, **there}, types.InitializeParams)
    return sent


def older(profile: str) -> types.InitializeParams:
    """Take a profile of pytest-lsp's, and add what they are all too old to know."""
    capabilities = client_capabilities(profile)
    assert capabilities.text_document is not None
    capabilities.text_document.inline_completion = types.InlineCompletionClientCapabilities()
    return types.InitializeParams(capabilities=capabilities, client_info=types.ClientInfo(OLDER[profile]))


class Editor(LanguageClient):
    """A client that remembers what the server can, and the folder that is open in it."""

    name: str
    answer: types.InitializeResult
    folder: Path


def new_editor() -> Editor:
    editor = Editor(converter_factory=default_converter)
    register_lsp_features(editor)
    editor.feature(types.CLIENT_REGISTER_CAPABILITY)(lambda _params: None)
    editor.set_configuration({"neocaret": {"candidates": 2}})
    return editor


@pytest_lsp.fixture(  # type: ignore[untyped-decorator]  # pytest-lsp has no types
    scope="module",
    params=[
        *(pytest.param((older, profile), id=f"older {profile}") for profile in OLDER),
        *(pytest.param((recorded, path.stem), id=path.stem) for path in sorted(RECORDED.glob("*.json"))),
    ],
    config=ClientServerConfig(server_command=COMMAND, client_factory=new_editor),
)
async def editor(
    request: pytest.FixtureRequest, editor: Editor, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[None]:
    read, name = request.param
    params: types.InitializeParams = read(name)
    assert params.client_info is not None
    editor.name = params.client_info.name
    editor.folder = tmp_path_factory.mktemp("workspace")
    params.workspace_folders = [types.WorkspaceFolder(editor.folder.as_uri(), "w")]
    editor.answer = await editor.initialize_session(params)
    yield
    await editor.shutdown_session()


async def command(editor: Editor, name: str, **argument: Any) -> Any:
    params = types.ExecuteCommandParams(f"neocaret.{name}", [argument])
    return plain(await editor.workspace_execute_command_async(params))


def plain(result: Any) -> Any:
    """Undo the client's turning objects into tuples."""
    if hasattr(result, "_asdict"):
        return {name: plain(value) for name, value in result._asdict().items()}
    return [plain(each) for each in result] if isinstance(result, list) else result


async def ready(editor: Editor) -> dict[str, Any]:
    while True:
        status: dict[str, Any] = await command(editor, "status")
        if status["state"] == "ready":
            return status


def bars_of(editor: Editor) -> list[list[Any]]:
    return [reports for reports in editor.progress_reports.values() if reports]


def client_capabilities_of(editor: Editor) -> types.ClientCapabilities:
    assert editor.capabilities is not None
    return editor.capabilities


def open_document(editor: Editor, text: str) -> types.Position:
    """Open a document; return its end in the units of the editor."""
    editor.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(URI, "python", version=1, text=text))
    )
    lines = text.replace("\r\n", "\n").split("\n")
    encoding = editor.answer.capabilities.position_encoding or "utf-16"
    width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    codec = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding]
    return types.Position(len(lines) - 1, len(lines[-1].encode(codec)) // width)


async def complete(editor: Editor, position: types.Position) -> types.CompletionList:
    result = await editor.text_document_completion_async(
        types.CompletionParams(types.TextDocumentIdentifier(URI), position)
    )
    assert isinstance(result, types.CompletionList)
    return result


async def ghost_text(editor: Editor, position: types.Position) -> list[types.InlineCompletionItem]:
    result = await editor.text_document_inline_completion_async(
        types.InlineCompletionParams(
            context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Invoked),
            text_document=types.TextDocumentIdentifier(URI),
            position=position,
        )
    )
    assert isinstance(result, types.InlineCompletionList)
    return list(result.items)


async def test_a_session_from_a_keystroke_to_a_file(editor: Editor) -> None:
    await ready(editor)
    end = open_document(editor, "def f():\r\n    ret")
    offered = await complete(editor, end)
    assert offered.is_incomplete
    assert [item.label for item in offered.items] == ["return 0", "return 1"]
    edit = offered.items[1].text_edit
    assert isinstance(edit, types.TextEdit)
    assert edit.range == types.Range(types.Position(1, 4), types.Position(1, 7))
    assert edit.new_text == "return 1"

    data: Any = offered.items[1].data
    written = await command(
        editor, "exportCompletion", path="out.py", completionId=plain(data)["completionId"], includePrompt=True
    )
    assert (editor.folder / "out.py").read_bytes() == b"def f():\r\n    return 1"
    assert written == {"uri": (editor.folder / "out.py").as_uri(), "path": str(editor.folder / "out.py"), "bytes": 22}


async def test_ghost_text_and_its_export(editor: Editor) -> None:
    await ready(editor)
    end = open_document(editor, "def main():")
    (item,) = await ghost_text(editor, end)
    assert item.insert_text == "\n    print('${x}')\n    return 0"
    assert item.range == types.Range(end, end)
    target = editor.folder / "ghost.py"
    await command(editor, "exportCompletion", uri=target.as_uri(), completionId="last")
    assert target.read_text() == item.insert_text
    await command(editor, "exportCompletion", uri=target.as_uri(), text="\nmore", append=True)
    assert target.read_text() == item.insert_text + "\nmore"


async def test_an_exported_file_is_shown_where_the_client_can(editor: Editor) -> None:
    target = editor.folder / "shown.py"
    await command(editor, "exportCompletion", path=str(target), text="x")
    await command(editor, "status")
    shown = [each.uri for each in editor.shown_documents]
    able = get_capability(client_capabilities_of(editor), "window.show_document.support", False)
    assert (target.as_uri() in shown) == bool(able)


async def test_several_lines_in_the_popup(editor: Editor) -> None:
    await ready(editor)
    (item,) = (await complete(editor, open_document(editor, "def main():"))).items
    edit = item.text_edit
    assert isinstance(edit, types.TextEdit)
    if item.insert_text_format == types.InsertTextFormat.Snippet:
        assert edit.new_text == "\n    print('\\${x\\}')\n    return 0"
    else:
        assert edit.new_text == "\n    print('${x}')\n    return 0"


async def test_items_are_told_apart_and_shown_as_they_are_written(editor: Editor) -> None:
    await ready(editor)
    items = (await complete(editor, open_document(editor, "class A:"))).items
    expected = ["1 x = __a__", "2 x = __b__"] if editor.name == "Eglot" else ["x = __a__", "x = __b__"]
    assert [item.label for item in items] == expected
    if isinstance(items[0].documentation, types.MarkupContent):
        assert items[0].documentation.value == "```python\n\n    x = __a__\n```\n\nbundled, 90% sure per token"
    else:
        # Emacs shows a plain string as it is.
        assert editor.name in {"Eglot", "emacs"}
        assert items[0].documentation == "\n    x = __a__\n\nbundled, 90% sure per token"


async def test_characters_beyond_ascii_are_counted_as_the_client_counts(editor: Editor) -> None:
    await ready(editor)
    end = open_document(editor, "x\n你😀 = ")
    (item,) = await ghost_text(editor, end)
    assert item.range == types.Range(end, end)
    editor.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(version=2, uri=URI),
            [
                types.TextDocumentContentChangePartial(types.Range(end, end), "pandas\f\u2028"),
                types.TextDocumentContentChangePartial(
                    types.Range(types.Position(1, 0), types.Position(1, 9_999)), "import pandas as pd"
                ),
            ],
        )
    )
    (item,) = await ghost_text(editor, types.Position(1, 19))
    assert item.insert_text == "pd\n\ndf = pd.read_csv('x.csv')"
    assert item.range == types.Range(types.Position(1, 17), types.Position(1, 19))


async def test_progress_is_shown_where_the_client_can(editor: Editor) -> None:
    await ready(editor)
    able = get_capability(client_capabilities_of(editor), "window.work_done_progress", False)
    # The server does not wait for the client's leave to show a bar before it is ready.
    async with asyncio.timeout(30):
        while able and not any(isinstance(each[-1], types.WorkDoneProgressEnd) for each in bars_of(editor)):
            await command(editor, "status")
    bars = bars_of(editor)
    assert len(bars) == (1 if able else 0)
    for bar in bars:
        assert isinstance(bar[0], types.WorkDoneProgressBegin)
        assert isinstance(bar[-1], types.WorkDoneProgressEnd)
        percentages = [each.percentage for each in bar if isinstance(each, types.WorkDoneProgressReport)]
        assert percentages == sorted(percentages, key=lambda each: each or 0)
    assert editor.messages == []


async def test_generate_returns_what_the_command_line_prints(editor: Editor) -> None:
    status = await ready(editor)
    assert status["folder"] == "fake"
    generated = await command(editor, "generate", prompt="    ret", candidates=1, maxLength=40, seed=1)
    assert generated == {
        "candidates": [
            {
                "text": "urn 0",
                "generated_text": "    return 0",
                "mean_logprob": -0.1,
                "tokens": 2,
                "finish_reason": "eos",
            }
        ]
    }


async def test_settings_are_asked_for_and_a_change_of_the_model_loads_it(editor: Editor) -> None:
    await ready(editor)
    generated = await command(editor, "generate", prompt="    ret")
    assert [each["text"] for each in generated["candidates"]] == ["urn 0", "urn 1"]
    editor.set_configuration({"neocaret": {"model": "another"}})
    editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
    while (await ready(editor))["model"] != "another":
        pass
    generated = await command(editor, "generate", prompt="    ret")
    assert len(generated["candidates"]) == 3
