"""`initialized`: the client is ready, so its settings are asked for and the model is loaded."""

from __future__ import annotations

import asyncio

from lsprotocol import types

from neocaret_server.features.did_change_configuration import pull_settings
from neocaret_server.server import NeocaretServer

_WAIT_SECONDS = 1.0


async def handle(ls: NeocaretServer, _params: types.InitializedParams) -> None:
    """Load the model that the settings ask for; a client that does not answer is not waited for."""
    if ls.client.configuration:
        pull = asyncio.ensure_future(pull_settings(ls))
        await asyncio.wait([pull], timeout=_WAIT_SECONDS)
    if ls.client.registers_configuration:
        ls.client_register_capability(types.RegistrationParams([_registration()]))
    ls.load_model()


def _registration() -> types.Registration:
    return types.Registration(
        id="neocaret-settings",
        method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
        register_options=types.DidChangeConfigurationRegistrationOptions(section="neocaret"),
    )
