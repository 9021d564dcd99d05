"""Progress bars in the client, for what takes long: loading a model, and long generations.

pygls' own progress never forgets a token and refuses it a second time, so this speaks the protocol itself.
"""

from __future__ import annotations

import asyncio
import uuid

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

_ANSWER_SECONDS = 1.0


class WorkDone:
    """One progress bar, which may be shown or not: without a token all calls do nothing."""

    def __init__(self, server: LanguageServer, token: types.ProgressToken | None) -> None:
        self._server = server
        self._ended = False
        self._begun = False
        self.token = token

    @classmethod
    async def ask(cls, server: LanguageServer) -> WorkDone:
        """Ask the client for a progress bar of our own; where it declines, or does not answer, there is none."""
        token = f"neocaret-{uuid.uuid4()}"
        asked = server.window_work_done_progress_create_async(types.WorkDoneProgressCreateParams(token=token))
        try:
            await asyncio.wait_for(asked, _ANSWER_SECONDS)
        except (JsonRpcException, TimeoutError):
            return cls(server, None)
        return cls(server, token)

    def begin(self, title: str, *, cancellable: bool) -> None:
        """Show the bar."""
        self._begun = True
        self._send(types.WorkDoneProgressBegin(title=title, cancellable=cancellable, percentage=0))

    def report(self, message: str, done: int, total: int) -> None:
        """Say how far it is; the percentage is kept out where the total is not known."""
        if self._begun and not self._ended:
            percentage = min(100, 100 * done // total) if total > 0 else None
            self._send(types.WorkDoneProgressReport(message=message, percentage=percentage))

    def end(self, message: str | None = None) -> None:
        """Take the bar away."""
        if self._begun and not self._ended:
            self._ended = True
            self._send(types.WorkDoneProgressEnd(message=message))

    def _send(
        self, value: types.WorkDoneProgressBegin | types.WorkDoneProgressReport | types.WorkDoneProgressEnd
    ) -> None:
        if self.token is not None:
            self._server.progress(types.ProgressParams(token=self.token, value=value))
