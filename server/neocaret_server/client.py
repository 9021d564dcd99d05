"""What the client told about itself in `initialize`, reduced to what the server asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lsprotocol import types
from pygls.capabilities import get_capability


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


def client_of(params: types.InitializeParams) -> Client:
    """Read the client's abilities."""
    capabilities = params.capabilities
    item = "text_document.completion.completion_item"
    modes: Sequence[int] = get_capability(capabilities, f"{item}.insert_text_mode_support.value_set", []) or []
    return Client(
        name=params.client_info.name if params.client_info else "",
        as_is=types.InsertTextMode.AsIs in modes,
        snippets=bool(get_capability(capabilities, f"{item}.snippet_support", False)),
        documentation=_markup(get_capability(capabilities, f"{item}.documentation_format", []) or []),
        configuration=bool(get_capability(capabilities, "workspace.configuration", False)),
        registers_configuration=bool(
            get_capability(capabilities, "workspace.did_change_configuration.dynamic_registration", False)
        ),
        progress=bool(get_capability(capabilities, "window.work_done_progress", False)),
        ghost_text=get_capability(capabilities, "text_document.inline_completion", None) is not None,
        shows_documents=bool(get_capability(capabilities, "window.show_document.support", False)),
    )


def _markup(formats: Sequence[types.MarkupKind | str]) -> types.MarkupKind | None:
    wanted = (types.MarkupKind.Markdown, types.MarkupKind.PlainText)
    return next((kind for kind in wanted if kind in formats), None)
