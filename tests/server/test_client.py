from __future__ import annotations

from lsprotocol import types
from pytest_lsp import client_capabilities

from neocaret_server.client import Client, client_of


def read(capabilities: types.ClientCapabilities, name: str | None = None) -> Client:
    info = None if name is None else types.ClientInfo(name)
    return client_of(types.InitializeParams(capabilities=capabilities, client_info=info))


def test_a_client_that_says_nothing_can_do_nothing() -> None:
    assert read(types.ClientCapabilities()) == Client()


def test_visual_studio_code() -> None:
    client = read(client_capabilities("visual-studio-code"), "Visual Studio Code")
    assert client.as_is
    assert client.snippets
    assert client.documentation == types.MarkupKind.Markdown
    assert client.configuration
    assert client.registers_configuration
    assert client.progress
    assert client.shows_documents
    assert not client.wants_multiline_snippets


def test_neovim_wants_snippets_for_several_lines() -> None:
    assert read(client_capabilities("neovim"), "Neovim").wants_multiline_snippets


def test_helix_names_no_formats_and_shows_markdown() -> None:
    assert read(types.ClientCapabilities(), "helix").documentation == types.MarkupKind.Markdown
    assert read(types.ClientCapabilities(), "Eglot").documentation is None


def test_eglot_inserts_labels_and_never_asks_by_itself() -> None:
    client = read(types.ClientCapabilities(), "Eglot")
    assert client.inserts_shared_labels
    assert client.typing_asks_within_seconds == 0
    assert not read(types.ClientCapabilities(), "helix").inserts_shared_labels


def test_ghost_text_is_known_by_its_capability() -> None:
    document = types.TextDocumentClientCapabilities(inline_completion=types.InlineCompletionClientCapabilities())
    assert read(types.ClientCapabilities(text_document=document)).ghost_text
