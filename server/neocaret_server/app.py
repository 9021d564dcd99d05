"""Builds the language server of a backend and its features; owns start and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable

from lsprotocol import types

from neocaret_server import parent
from neocaret_server.backend import Backend
from neocaret_server.features import (
    accepted,
    candidates,
    clear_cache,
    completion,
    did_change,
    did_change_configuration,
    did_change_notebook,
    did_close,
    did_close_notebook,
    did_open,
    did_open_notebook,
    did_partially_accept_completion,
    did_show_completion,
    execute_command,
    export_completion,
    generate,
    initialize,
    initialized,
    inline_completion,
    models,
    pause,
    reload_model,
    resume,
    status,
    work_done_progress_cancel,
)
from neocaret_server.inbox import Inbox
from neocaret_server.opening import Opening
from neocaret_server.server import NeocaretServer
from neocaret_server.statistics_file import StatisticsFile, state_folder
from neocaret_server.wordless_log import log_failure, set_up_log
from neocaret_server.workers import Workers
from neocaret_server.writer import Writer

_END_SECONDS = 0.5
_INTERRUPTED = 130

_FEATURES = (
    (types.INITIALIZE, initialize.handle, None),
    (types.INITIALIZED, initialized.handle, None),
    (types.TEXT_DOCUMENT_DID_OPEN, did_open.handle, None),
    (types.TEXT_DOCUMENT_DID_CHANGE, did_change.handle, None),
    (types.TEXT_DOCUMENT_DID_CLOSE, did_close.handle, None),
    (types.NOTEBOOK_DOCUMENT_DID_OPEN, did_open_notebook.handle, None),
    (types.NOTEBOOK_DOCUMENT_DID_CHANGE, did_change_notebook.handle, None),
    (types.NOTEBOOK_DOCUMENT_DID_CLOSE, did_close_notebook.handle, None),
    (types.TEXT_DOCUMENT_COMPLETION, completion.handle, types.CompletionOptions()),
    # Without options the server would not say that it can.
    (types.TEXT_DOCUMENT_INLINE_COMPLETION, inline_completion.handle, types.InlineCompletionOptions()),
    (did_show_completion.NAME, did_show_completion.handle, None),
    (did_partially_accept_completion.NAME, did_partially_accept_completion.handle, None),
    (types.WORKSPACE_DID_CHANGE_CONFIGURATION, did_change_configuration.handle, None),
    (types.WORKSPACE_EXECUTE_COMMAND, execute_command.handle, None),
    (types.WINDOW_WORK_DONE_PROGRESS_CANCEL, work_done_progress_cancel.handle, None),
)
_COMMANDS = (
    accepted,
    candidates,
    clear_cache,
    export_completion,
    generate,
    models,
    pause,
    reload_model,
    resume,
    status,
)


def build_server(backend: Backend) -> NeocaretServer:
    """Put a server together; nothing runs yet."""
    server = NeocaretServer(backend)
    for method, handle, options in _FEATURES:
        server.feature(method, options)(handle)
    for command in _COMMANDS:
        server.command(command.NAME)(command.handle)
    return server


def serve_opening(
    backend: Backend,
    opening: Opening,
    client_process_id: int | None = None,
    adjust: Callable[[NeocaretServer], None] | None = None,
) -> int:
    """Serve the client that has been greeted until it leaves; return the exit code.

    The code is 0 after `shutdown`, and 1 where the client left without it. Where a model was asked for, the process
    ends here with that code.
    """
    set_up_log()
    server = build_server(backend)
    # Somebody without a home has no statistics.
    with contextlib.suppress(RuntimeError):
        server.statistics.keep_in(StatisticsFile(state_folder()))
    if adjust is not None:
        adjust(server)
    try:
        code = asyncio.run(serve(server, opening, client_process_id))
    except KeyboardInterrupt:
        code = _INTERRUPTED
    server.statistics.close()
    server.model.close(_END_SECONDS)
    if server.model.state != "starting":
        # The libraries of a model take a second to take themselves apart, and one that is deep in native code takes
        # as long as it likes; the client has been answered all there was.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code


async def serve(server: NeocaretServer, opening: Opening, client_process_id: int | None = None) -> int:
    """Handle messages until the client leaves; return the exit code."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(Workers())
    loop.set_exception_handler(log_failure)
    ended: asyncio.Future[int] = loop.create_future()
    protocol = server.protocol
    protocol.on_exit = lambda code: None if ended.done() else ended.set_result(code)
    writer = Writer(opening.stdout, on_lost=lambda: _later(loop, protocol.lost))
    protocol.set_writer(writer)
    if client_process_id is not None:
        server.in_background(parent.watch(client_process_id, protocol.lost))
    _end_at_interrupt(loop, ended)
    inbox = Inbox(loop)
    threading.Thread(target=inbox.fill, args=(opening.messages(),), name="neocaret-stdin", daemon=True).start()
    server.in_background(_handle(server, inbox))
    try:
        return await ended
    finally:
        writer.close()


def _end_at_interrupt(loop: asyncio.AbstractEventLoop, ended: asyncio.Future[int]) -> None:
    # asyncio's own handler does not wake a loop that falls asleep while the signal comes. Who ignores it goes on so.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signal.SIGINT, lambda: None if ended.done() else ended.set_result(_INTERRUPTED))


async def _handle(server: NeocaretServer, inbox: Inbox) -> None:
    while (message := await inbox.get()) is not None:
        if message.answered:
            server.protocol.receive_answered(message.body)
        else:
            server.protocol.receive(message.body)
        # The handler of a request takes its snapshot of the document in its first step: before the next message.
        await asyncio.sleep(0)
    server.protocol.lost()


def _later(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    # The loop may have ended by then.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
