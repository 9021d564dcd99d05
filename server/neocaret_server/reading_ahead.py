"""While nothing is asked, the engine reads what was just chosen of other files, before a question pays for it.

It is asked for one token at the caret asked about last: so it counts the n-grams of all that the next question comes
with, and knows the prompt. Like what is prepared for an acceptance, it gives way to any question.
"""

from __future__ import annotations

import contextlib
from functools import partial

from neocaret_server.asking import Asking, Caret, Context, SilentError, context_of
from neocaret_server.server import NeocaretServer


def read_ahead(server: NeocaretServer, caret: Caret) -> None:
    """Have what is elsewhere for a caret read, once what else is prepared is ready."""
    document = server.documents.get(caret.uri)
    if document is not None and server.model.state == "ready":
        context = context_of(document, caret)
        server.reading_ahead.stop()
        server.reading_ahead.begin(context.at, partial(_read, server, caret, context))


async def _read(server: NeocaretServer, caret: Caret, context: Context) -> None:
    await server.requests.ended(caret.uri)
    await server.idle_work.ended()
    if server.model.state == "ready":
        asking = Asking(server, caret, context, single=False)
        with contextlib.suppress(SilentError):
            await asking.put(server.readings, most_tokens=1)
