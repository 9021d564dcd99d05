"""The greeting against the real server's own answer to the same bytes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from hypothesis import given, settings
from hypothesis import strategies as st

from neocaret_server.app import build_server
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.greeting import answer_to

# What Neovim 0.12.4, Helix 25.07.1 and eglot 1.17.30 sent, and what vscode-languageclient 11.0.0 and, older, 9.0.1
# put together without VS Code around them.
RECORDED = {path.stem: path.read_bytes() for path in (Path(__file__).parent / "recorded").glob("*.json")}
PROFILES = sorted((Path(pytest_lsp.__file__).parent / "clients").glob("*.json"))


def initialize(params: Any, msg_id: Any = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": msg_id, "method": "initialize", "params": params}).encode()


def real_answer(body: bytes) -> Any:
    """What the server sends as its answer to a first message; what it sends besides is left out."""
    sent: list[Any] = []

    class Kept:
        def write(self, data: bytes) -> None:
            sent.append(json.loads(data.split(b"\r\n\r\n", 1)[1]))

        def close(self) -> None:
            return

    async def answer() -> None:
        protocol = build_server(FakeBackend()).protocol
        protocol.set_writer(Kept())
        protocol.receive(body)

    asyncio.run(answer())
    return next((message for message in sent if "method" not in message), None)


def greeting(body: bytes) -> Any:
    answer = answer_to(body)
    return None if answer is None else json.loads(answer)


def assert_greeted_as_the_server_would(body: bytes) -> None:
    greeted = greeting(body)
    assert greeted is not None
    assert greeted == real_answer(body)


def test_editors_are_recorded() -> None:
    assert set(RECORDED) >= {"eglot", "helix", "neovim", "vscode", "vscode-older"}
    assert len(PROFILES) >= 5


@pytest.mark.parametrize("editor", sorted(RECORDED))
def test_a_recorded_editor_is_greeted_as_the_server_would(editor: str) -> None:
    assert_greeted_as_the_server_would(RECORDED[editor])


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_an_older_editor_is_greeted_as_the_server_would(path: Path) -> None:
    profile = json.loads(path.read_bytes())
    assert_greeted_as_the_server_would(initialize(profile))
    for name in ("textDocument", "general", "workspace"):
        without = {each: value for each, value in profile["capabilities"].items() if each != name}
        assert_greeted_as_the_server_would(initialize({**profile, "capabilities": without}))
    profile["capabilities"]["textDocument"]["inlineCompletion"] = {"dynamicRegistration": True}
    assert_greeted_as_the_server_would(initialize(profile))


@pytest.mark.parametrize("params", [{}, {"capabilities": {}}, {"capabilities": None, "processId": None}])
def test_a_client_that_says_nothing_is_greeted_as_the_server_would(params: Any) -> None:
    assert_greeted_as_the_server_would(initialize(params))


FLAGS = st.none() | st.booleans()
NAMES = st.sampled_from(["Neovim", "Visual Studio Code", "helix"]) | st.text(max_size=4)
ENCODINGS = st.lists(st.sampled_from(["utf-8", "utf-16", "utf-32", "UTF-8", "utf-7", ""]), max_size=3)
URIS = st.sampled_from(["file:///a", "file://[", "//a", "untitled:a", "", "\ud800"]) | st.text(max_size=5)


def objects(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of these members."""
    return st.fixed_dictionaries({}, optional=members)


PLAIN_CAPABILITIES = objects(
    general=st.none() | objects(positionEncodings=st.none() | ENCODINGS),
    notebookDocument=st.none()
    | st.fixed_dictionaries(
        {"synchronization": objects(dynamicRegistration=FLAGS, executionSummarySupport=FLAGS, more=st.none())}
    ),
    textDocument=st.none()
    | objects(
        inlineCompletion=st.none() | objects(dynamicRegistration=st.booleans()),
        synchronization=st.none() | objects(willSave=FLAGS, willSaveWaitUntil=FLAGS, didSave=FLAGS),
        rename=objects(prepareSupport=st.booleans()),
        completion=objects(contextSupport=st.booleans()),
    ),
    workspace=objects(fileOperations=objects(willCreate=FLAGS, didRename=FLAGS), configuration=FLAGS),
)
PLAIN = objects(
    capabilities=st.none() | PLAIN_CAPABILITIES,
    clientInfo=st.none() | st.fixed_dictionaries({"name": NAMES}, optional={"version": st.text(max_size=3)}),
    processId=st.none() | st.integers(),
    rootUri=st.none() | URIS,
    rootPath=st.none() | URIS,
    workspaceFolders=st.none()
    | st.lists(st.fixed_dictionaries({"uri": URIS, "name": st.text(max_size=3)}), max_size=2),
    initializationOptions=st.none() | objects(neocaret=objects(candidates=st.integers() | st.text(max_size=2))),
    locale=st.text(max_size=3),
    trace=st.sampled_from(["off", "messages", "verbose", "loud"]),
    workDoneToken=st.integers() | st.text(max_size=3),
)
IDS = st.integers() | st.text(max_size=4)


@settings(max_examples=100)
@given(PLAIN, IDS)
def test_every_well_formed_client_is_greeted_as_the_server_would(params: Any, msg_id: Any) -> None:
    assert_greeted_as_the_server_would(initialize(params, msg_id))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All ways from the root of a JSON value into it."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for name, inner in members for each in places(inner, (*path, name)))]


def put(root: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    *before, last = path
    target = root
    for name in before:
        target = target[name]
    target[last] = value
    return root


READ = [
    ("id",),
    ("params", "processId"),
    ("params", "clientInfo", "name"),
    ("params", "workspaceFolders", 0, "name"),
    ("params", "capabilities", "general", "positionEncodings", 1),
    ("params", "capabilities", "notebookDocument", "synchronization", "dynamicRegistration"),
    ("params", "capabilities", "textDocument", "inlineCompletion"),
    ("params", "capabilities", "textDocument", "synchronization", "willSave"),
]
"""The ends of what the greeting looks at; all their beginnings are looked at too."""


NOTEBOOKS = {"synchronization": {"dynamicRegistration": True, "executionSummarySupport": True}}
TAMPERED = json.dumps(put(json.loads(RECORDED["neovim"]), ("params", "capabilities", "notebookDocument"), NOTEBOOKS))
"""What Neovim sent, and that it has notebooks."""


@settings(max_examples=100)
@given(
    st.sampled_from([path[:end] for path in READ for end in range(1, len(path) + 1)])
    | st.sampled_from(places(json.loads(TAMPERED))),
    JSON,
)
def test_what_is_tampered_with_is_greeted_as_the_server_would_or_not_at_all(path: tuple[Any, ...], value: Any) -> None:
    body = json.dumps(put(json.loads(TAMPERED), path, value)).encode()
    greeted = greeting(body)
    assert greeted is None or greeted == real_answer(body)


DOUBTFUL = [
    {"processId": "x"},
    {"processId": True},
    {"rootUri": 5},
    {"rootPath": []},
    {"workspaceFolders": {}},
    {"workspaceFolders": [{"uri": "file:///a"}]},
    {"clientInfo": "Neovim"},
    {"clientInfo": {"version": "1"}},
    {"capabilities": []},
    {"capabilities": {"general": 5}},
    {"capabilities": {"notebookDocument": {}}},
    {"capabilities": {"notebookDocument": {"synchronization": {"dynamicRegistration": 1}}}},
    {"capabilities": {"general": {"positionEncodings": "utf-8"}}},
    {"capabilities": {"general": {"positionEncodings": ["utf-8", 8]}}},
    {"capabilities": {"textDocument": {"inlineCompletion": True}}},
    {"capabilities": {"textDocument": {"synchronization": {"willSave": 1}}}},
]


@pytest.mark.parametrize("params", [None, 5, [], *DOUBTFUL])
def test_doubtful_params_are_left_to_the_server(params: Any) -> None:
    assert answer_to(initialize(params)) is None


@pytest.mark.parametrize(
    "message",
    [
        None,
        5,
        [],
        {},
        [{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}],
        {"id": 1, "method": "initialize", "params": {}},
        {"jsonrpc": "1.0", "id": 1, "method": "initialize", "params": {}},
        {"jsonrpc": "2.0", "id": 1, "method": "shutdown", "params": {}},
        {"jsonrpc": "2.0", "method": "initialize", "params": {}},
        {"jsonrpc": "2.0", "id": None, "method": "initialize", "params": {}},
        {"jsonrpc": "2.0", "id": True, "method": "initialize", "params": {}},
        {"jsonrpc": "2.0", "id": 1.0, "method": "initialize", "params": {}},
    ],
)
def test_other_messages_are_left_to_the_server(message: Any) -> None:
    assert answer_to(json.dumps(message).encode()) is None


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_left_to_the_server(body: bytes) -> None:
    assert answer_to(body) is None
