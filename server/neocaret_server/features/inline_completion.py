"""`textDocument/inlineCompletion`: ghost text."""

from __future__ import annotations

from lsprotocol import types

from neocaret_server.items import inline_items
from neocaret_server.server import NeocaretServer
from neocaret_server.suggest import Caret, suggest


async def handle(ls: NeocaretServer, params: types.InlineCompletionParams) -> types.InlineCompletionList | None:
    """Answer with suggestions, or with null."""
    automatic = params.context.trigger_kind == types.InlineCompletionTriggerKind.Automatic
    selected = params.context.selected_completion_info
    caret = Caret(params.text_document.uri, params.position, "inline", automatic, selected)
    suggestion = await suggest(ls, caret)
    return (
        types.InlineCompletionList(inline_items(suggestion.texts, suggestion.ids, suggestion.spot))
        if suggestion
        else None
    )
