"""What the client told about itself in `initialize`, reduced to what the server asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lsprotocol import types
from pygls.capabilities import get_capability

# VS Code asks about 10 ms after the edit that made it ask, and nobody presses Ctrl-Space within 0.1 s of a key.
_OTHERS_ASK_WITHIN_SECONDS = 0.1
_TYPING_ASKS_WITHIN_SECONDS = {
    # It tells of its edits only when it asks, and by itself it never asks.
    "Eglot": 0.0,
    # It waits for 0.25 s without a key.
    "helix": 0.35,
}


@dataclass(frozen=True, slots=True)
class Client:
    """The client's abilities."""

    name: str = ""
    as_is: bool = False
    """It can insert several lines without indenting them anew."""
    snippets: bool = False
    documentation: types.MarkupKind | None = None
    configuration: bool = False
    """It can be asked for its settings."""
    registers_configuration: bool = False
    """It tells of changed settings only to those who registered for it."""
    progress: bool = False
    ghost_text: bool = False
    shows_documents: bool = False

    @property
    def wants_multiline_snippets(self) -> bool:
        """Neovim's popup inserts only the first line of a plain edit, and all of a snippet."""
        return self.snippets and self.name == "Neovim"

    @property
    def inserts_shared_labels(self) -> bool:
        """Eglot inserts what all labels of a list begin with, and only what is then chosen as its edit says."""
        return self.name == "Eglot"

    @property
    def typing_asks_within_seconds(self) -> float:
        """How long after an edit a question that calls itself the user's may still be one that typing asked."""
        return _TYPING_ASKS_WITHIN_SECONDS.get(self.name, _OTHERS_ASK_WITHIN_SECONDS)


def client_of(params: types.InitializeParams) -> Client:
    """Read the client's abilities."""
    capabilities = params.capabilities
    item = "text_document.completion.completion_item"
    modes: Sequence[int] = get_capability(capabilities, f"{item}.insert_text_mode_support.value_set", []) or []
    name = params.client_info.name if params.client_info else ""
    return Client(
        name=name,
        as_is=types.InsertTextMode.AsIs in modes,
        snippets=bool(get_capability(capabilities, f"{item}.snippet_support", False)),
        documentation=_markup(name, get_capability(capabilities, f"{item}.documentation_format", []) or []),
        configuration=bool(get_capability(capabilities, "workspace.configuration", False)),
        registers_configuration=bool(
            get_capability(capabilities, "workspace.did_change_configuration.dynamic_registration", False)
        ),
        progress=bool(get_capability(capabilities, "window.work_done_progress", False)),
        ghost_text=get_capability(capabilities, "text_document.inline_completion", None) is not None,
        shows_documents=bool(get_capability(capabilities, "window.show_document.support", False)),
    )


def _markup(name: str, formats: Sequence[types.MarkupKind | str]) -> types.MarkupKind | None:
    if name == "helix":
        # It names no formats, and shows even a plain string as Markdown.
        return types.MarkupKind.Markdown
    wanted = (types.MarkupKind.Markdown, types.MarkupKind.PlainText)
    return next((kind for kind in wanted if kind in formats), None)
