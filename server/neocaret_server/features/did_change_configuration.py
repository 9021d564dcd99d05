"""`workspace/didChangeConfiguration`, and asking the client with `workspace/configuration`.

What the client says here lies over the initialization options; null, or a client without an opinion, leaves those.
What it says to other servers only changes nothing.
"""

from __future__ import annotations

import logging

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from neocaret_server.server import NeocaretServer
from neocaret_server.settings import SECTION, is_foreign, section_of

_log = logging.getLogger(__name__)


async def handle(ls: NeocaretServer, params: types.DidChangeConfigurationParams) -> None:
    """Take the settings that came along, or ask for them."""
    given = params.settings
    comes_along = isinstance(given, dict) and bool(given.get(SECTION))
    if ls.client.configuration and not comes_along:
        await pull_settings(ls)
    elif is_foreign(given):
        _log.info("settings for other servers only")
    else:
        ls.apply_settings(ls.initial_settings, section_of(given))


async def pull_settings(ls: NeocaretServer) -> None:
    """Ask the client for the section and apply it."""
    params = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
    try:
        sections = await ls.workspace_configuration_async(params)
    except JsonRpcException as error:
        _log.info("the client gave no settings: %s", error.message)
        return
    ls.apply_settings(ls.initial_settings, sections[0] if sections else None)
