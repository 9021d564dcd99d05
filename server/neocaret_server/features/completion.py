"""`textDocument/completion`: the popup."""

from __future__ import annotations

from lsprotocol import types

from neocaret_server.client import Client
from neocaret_server.greeting import trigger_characters
from neocaret_server.items import popup_items
from neocaret_server.server import NeocaretServer
from neocaret_server.suggest import Caret, suggest


async def handle(ls: NeocaretServer, params: types.CompletionParams) -> types.CompletionList:
    """Answer with suggestions, or with an empty list; always incomplete, so that the client asks again."""
    uri = params.text_document.uri
    suggestion = await suggest(ls, Caret(uri, params.position, "popup", automatic=_is_automatic(ls, params)))
    if suggestion is None:
        return types.CompletionList(is_incomplete=True, items=[])
    items = popup_items(suggestion.texts, suggestion.ids, suggestion.spot, ls.client, suggestion.notes)
    return types.CompletionList(is_incomplete=True, items=items)


def completion_options(client: Client) -> types.CompletionOptions:
    """Say after which characters the client asks, and that an item is whole from the start."""
    characters = trigger_characters(client.name, ghost_text=client.ghost_text)
    return types.CompletionOptions(trigger_characters=characters, resolve_provider=False)


def _is_automatic(ls: NeocaretServer, params: types.CompletionParams) -> bool:
    """Say whether typing asked, not the user: editors call both "invoked", so a question on the heels of an edit is."""
    if params.context is not None and params.context.trigger_kind != types.CompletionTriggerKind.Invoked:
        return True
    return ls.documents.seconds_since_change(params.text_document.uri) < ls.client.typing_asks_within_seconds
