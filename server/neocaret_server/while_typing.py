"""Suggestions that nobody asked for: of what is kept, else of what is being made already, else of something new."""

from __future__ import annotations

import contextlib
import math
import time

from neocaret_server.asking import Asking, Caret, Context, SilentError, answered, typed_meanwhile
from neocaret_server.extent import one_line
from neocaret_server.kept import Found
from neocaret_server.look_ahead import begins_below
from neocaret_server.requests import Patience
from neocaret_server.server import NeocaretServer
from neocaret_server.tracing import Source

FEWEST = 2
"""Where fewer kept continuations go on as the user types, others are asked for meanwhile."""


async def while_typing(server: NeocaretServer, caret: Caret, context: Context) -> tuple[list[str], Source]:
    """Return the continuations of a caret, best first, and where they are from.

    Raises:
        SilentError: there are none, for a reason.
    """
    if found := _found(server, context):
        server.requests.supersede(caret.uri, caret.channel, context.moment, context.at)
        _refill(server, caret, context, found)
        return _of_this_line(server, context, found), "store"
    end = time.perf_counter() + (server.settings.deadline_ms / 1000 or math.inf)
    if not await _follows(server, caret, context, end):
        server.refills.forget(caret.uri)
        wait = min(server.pace.wait_seconds(server.settings.delay_ms), max(0.0, end - time.perf_counter()))
        if not await server.delays.wait(caret.uri, caret.channel, context.moment, wait):
            raise SilentError("superseded")
        asking = Asking(server, caret, context, single=_single(server, context))
        asked = time.perf_counter()
        await asking.put(server.requests, _patience(caret, end), lasting=True)
        server.pace.answered(time.perf_counter() - asked)
    if found := _found(server, context):
        return _of_this_line(server, context, found), "model"
    if typed_meanwhile(server, context) is None:
        raise SilentError("changed")
    raise SilentError("deadline" if server.requests.under_way(caret.uri) else "nothing-generated")


async def _follows(server: NeocaretServer, caret: Caret, context: Context, end: float) -> bool:
    """Wait for what is being made already; says whether it has come to what there is."""
    asked = server.requests.follow(caret.uri, caret.channel, context.moment, context.at, _patience(caret, end))
    followed = await answered(server, asked)
    if followed == "superseded":
        raise SilentError("superseded")
    # One that has ended, and has nothing here after all, leaves the question open.
    return followed == "made" and (_found(server, context) is not None or server.requests.under_way(caret.uri))


def _patience(caret: Caret, end: float) -> Patience:
    # Editors show no list before all of it is there, and ask again for one that is incomplete. Ghost text is asked for
    # once: with nothing at the deadline it would not appear before the next key.
    return Patience(max(0.0, end - time.perf_counter()), for_something=caret.channel == "inline")


def _found(server: NeocaretServer, context: Context) -> Found | None:
    return server.kept.find(context.document, context.place, server.settings)


def _of_this_line(server: NeocaretServer, context: Context, found: Found) -> list[str]:
    """Leave out what begins on a line below where a suggestion has one line: it is kept for who goes there.

    What is left of a suggestion of several lines goes on below, for who takes it line by line.
    """
    single = found.of.single_line and _single(server, context)
    return [text for text in found.texts if not (single and begins_below(text))]


def _single(server: NeocaretServer, context: Context) -> bool:
    return one_line(server.settings.multiline, context.document, context.place, context.line_before)


def _refill(server: NeocaretServer, caret: Caret, context: Context, found: Found) -> None:
    """Ask for more where few of several are left and nothing comes as it is, once for each list."""
    few = len(found.texts) < FEWEST <= len(found.of.texts)
    if few and not found.of.refilled and not server.requests.under_way(caret.uri):
        found.of.refilled = True
        server.in_background(_keep_more(server, caret, context, found))


async def _keep_more(server: NeocaretServer, caret: Caret, context: Context, found: Found) -> None:
    with contextlib.suppress(SilentError):
        asking = Asking(server, caret, context, single=_single(server, context))
        more = asking.texts(await asking.put(server.refills))
        # What is on the screen stays first.
        asking.keep(list(dict.fromkeys([*found.texts, *more])))
