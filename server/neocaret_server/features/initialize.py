"""`initialize`: what the client can do and wants, before the answer says what the server can."""

from __future__ import annotations

from lsprotocol import types

from neocaret_server import parent
from neocaret_server.client import client_of
from neocaret_server.features.completion import completion_options
from neocaret_server.server import NeocaretServer
from neocaret_server.settings import section_of
from neocaret_server.status_changes import wants_status


def handle(ls: NeocaretServer, params: types.InitializeParams) -> None:
    """Take note of the client; the model loads later, so that the answer goes out at once."""
    ls.client = client_of(params)
    ls.protocol.fm.feature_options[types.TEXT_DOCUMENT_COMPLETION] = completion_options(ls.client)
    ls.protocol.trace = params.trace or types.TraceValue.Off
    ls.root_is_folder = params.workspace_folders is None
    ls.initial_settings = section_of(params.initialization_options)
    ls.apply_settings(ls.initial_settings)
    ls.status_changes.on = wants_status(params.initialization_options)
    if params.process_id is not None:
        ls.in_background(parent.watch(params.process_id, ls.protocol.lost))
