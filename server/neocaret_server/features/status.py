"""`neocaret.status`: what the server is doing, and why it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from lsprotocol import types

from neocaret_server.arguments import read_arguments
from neocaret_server.reasons import reason_text
from neocaret_server.rules import Rule
from neocaret_server.server import NeocaretServer
from neocaret_server.status_changes import progress_of

NAME = "neocaret.status"

_ARGUMENTS = {"uri": Rule("text")}


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Tell all there is to tell; the reasons are those of one document, be it the one asked about last."""
    uri = read_arguments(NAME, params.arguments, _ARGUMENTS).get("uri", ls.silences.last_uri)
    # `neocaret stats`, a process of its own, then tells the same.
    await asyncio.to_thread(ls.statistics.write)
    reason = ls.silences.last(uri)
    model, info = ls.model, ls.model.info
    return {
        "version": ls.version,
        "state": model.state,
        "model": info.model if info else ls.settings.model,
        "folder": info.folder if info else None,
        "device": info.device if info else None,
        "dtype": info.dtype if info else None,
        "parameters": info.parameters if info else None,
        "positions": info.positions if info else None,
        "note": (info.note or None) if info else None,
        "paused": ls.pause.on,
        "progress": progress_of(model.progress),
        "waiting": ls.requests.waiting() + len(ls.generations),
        "otherFiles": ls.other_files.count,
        "lastAnswerMs": ls.last_answer_ms,
        "lastReason": reason,
        "lastReasonText": reason_text(reason),
        "reasons": ls.silences.by_channel(uri),
        "lastError": ls.last_error,
        "statistics": _today(await asyncio.to_thread(ls.statistics.today)) if ls.settings.statistics else None,
    }


def _today(counts: Mapping[str, int]) -> dict[str, int]:
    names = {"offered": "offered", "shown": "shown", "accepted": "accepted", "charactersSaved": "characters"}
    return {name: counts.get(counted, 0) for name, counted in names.items()}
