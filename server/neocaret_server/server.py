"""The language server's state: one client, one model, the open documents and what was offered.

Features act on it; it knows none of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from neocaret_server import __version__
from neocaret_server.acceptance import Acceptance
from neocaret_server.acceptance_survival import Survival
from neocaret_server.backend import Backend, CancelToken, Candidate, Completion, CompletionRequest, ModelChoice
from neocaret_server.client import Client
from neocaret_server.delay import Delays, Pace
from neocaret_server.documents import Document, DocumentStore
from neocaret_server.export import ExportError, path_from_uri
from neocaret_server.idle_work import IdleWork
from neocaret_server.kept import KeptLists
from neocaret_server.last_edit import LastEdits
from neocaret_server.model_thread import ModelThread
from neocaret_server.notebooks import Notebooks
from neocaret_server.offers import Offers
from neocaret_server.origins import Origins
from neocaret_server.other_files import OtherFiles
from neocaret_server.pause import Pause
from neocaret_server.progress import WorkDone
from neocaret_server.protocol import Protocol
from neocaret_server.reasons import SENTENCES, Reason, reason_text
from neocaret_server.requests import Requests
from neocaret_server.settings import Settings, from_client
from neocaret_server.silences import Silences
from neocaret_server.statistics_recorder import Recorder
from neocaret_server.status_changes import NAME, StatusChanges, progress_of
from neocaret_server.tracing import AnswerTrace, WorkTrace, trace_params, work_of
from neocaret_server.units import Encoding

_MINUTE = 60.0
_NOTEBOOKS = types.NotebookDocumentSyncOptions([types.NotebookDocumentFilterWithNotebook("*")])
"""All cells of all notebooks: which languages get suggestions is a setting."""
_log = logging.getLogger(__name__)


class NeocaretServer(LanguageServer):
    """What the features share."""

    protocol: Protocol

    def __init__(self, backend: Backend) -> None:
        super().__init__(
            "neocaret",
            __version__,
            notebook_document_sync=_NOTEBOOKS,
            protocol_cls=Protocol,
            converter_factory=default_converter,
        )
        self.client = Client()
        self.initial_settings: object = None
        self.root_is_folder = False
        """The client knows no workspace folders, only a root."""
        self.settings = Settings()
        self.documents = DocumentStore()
        self.last_edits = LastEdits()
        self.pace = Pace()
        self.delays = Delays()
        self.notebooks = Notebooks()
        self.other_files = OtherFiles(self.documents, self.notebooks, self.roots)
        self.protocol.on_unreadable_notebook_change = self.forget_notebook
        self.protocol.on_unreadable_change = self.forget_document
        self.offers = Offers()
        self.writing = asyncio.Lock()
        """Held while a file is written, so that pipelined writes keep their order."""
        self.model = ModelThread(backend, self._model_changed)
        self.requests = Requests(self._complete_first)
        self.refills = Requests(self._complete)
        """Of lists that are kept; nobody waits for these."""
        self.ahead = Requests(self._complete)
        """Of suggestions that may be accepted; nobody waits for these either."""
        self.readings = Requests(self._complete)
        """Of what a later question will come with; nobody waits for these either."""
        self.idle_work = IdleWork()
        self.reading_ahead = IdleWork()
        self.kept = KeptLists()
        self.origins = Origins()
        self.statistics = Recorder()
        self.survival = Survival(self.statistics.count, self.documents.get)
        self.acceptance = Acceptance(self.statistics.count, self.survival.follow)
        self.generations: dict[types.ProgressToken, asyncio.Task[Any]] = {}
        """The requests for long generations that run or wait, by their progress tokens or else by keys of our own."""
        self.silences = Silences()
        self.last_answer_ms: float | None = None
        self.last_error: str | None = None
        self.status_changes = StatusChanges(self._status, self._send_status)
        self.pause = Pause(self._pause_changed)
        self._awake = 0
        """What the model is loaded for in spite of a pause."""
        self._told: set[str] = set()
        self._bar: WorkDone | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def encoding(self) -> Encoding:
        """How the client counts characters."""
        encoding = self.protocol.workspace.position_encoding
        return "utf-8" if encoding == "utf-8" else "utf-32" if encoding == "utf-32" else "utf-16"

    @property
    def last_reason(self) -> Reason | None:
        """Why the last question got no suggestion; None where it got one."""
        return self.silences.last(self.silences.last_uri)

    def roots(self) -> list[Path]:
        """Return the workspace's folders, the first one first; none of them need exist."""
        workspace = self.protocol.workspace
        uris = [folder.uri for folder in workspace.folders.values()]
        if not uris and self.root_is_folder and workspace.root_uri:
            uris = [workspace.root_uri]
        roots = []
        for uri in uris:
            try:
                roots.append(Path(path_from_uri(uri)))
            except ExportError:
                _log.info("a workspace folder that is not on this machine")
        return roots

    def path_in_workspace(self, uri: str) -> str:
        """Return a document's path below its workspace folder, or its name alone; nothing where it is no file."""
        try:
            path = Path(path_from_uri(uri))
        except ExportError:
            return ""
        root = next((root for root in self.roots() if path.is_relative_to(root)), path.parent)
        return path.relative_to(root).as_posix()

    def apply_settings(self, *layers: object) -> None:
        """Take the settings of a client, later layers over earlier ones; load the model anew where it is another."""
        merged: dict[str, Any] = {}
        problems = []
        for layer in layers:
            if isinstance(layer, dict):
                merged.update({name: value for name, value in layer.items() if value is not None})
            else:
                problems += from_client(layer)[1]
        before = self.choice
        self.settings, more = from_client(merged)
        self._tell_problems(problems + more)
        self.other_files.apply(self.settings)
        self.statistics.on = self.settings.statistics
        self.model.pause_after(self.settings.pause_after_minutes * _MINUTE)
        if self.model.state != "starting" and self.choice != before:
            self.load_model()

    @property
    def choice(self) -> ModelChoice:
        """Return the model that the settings ask for."""
        return ModelChoice(self.settings.model, self.settings.device, self.settings.dtype)

    def load_model(self) -> None:
        """Load the chosen model in the background, in place of the present one; in a pause, once that has ended."""
        self.model.pause_after(self.settings.pause_after_minutes * _MINUTE)
        self.kept.clear()
        self.silences.clear()
        if self.pause.on:
            self.model.load_later(self.choice)
            self.log(f"Paused: the model {self.choice.model} is loaded when the pause has ended.")
        else:
            self.model.load(self.choice)

    @contextlib.asynccontextmanager
    async def model_awake(self) -> AsyncIterator[None]:
        """Have the model loaded for some work that the user asked for, if it can be; in a pause, for that long."""
        self._awake += 1
        try:
            await self.model.wake()
            yield
        finally:
            self._awake -= 1
            if self.pause.on and not self._awake:
                # Not awaited: at the end of the process, which cancels who is here, nobody waits for the model.
                self.model.pause_soon()

    def why_not_ready(self) -> str:
        """Return a sentence for one who asks for something that needs the model."""
        if self.model.state == "failed":
            return f"There is no model: {self.model.error}"
        if self.pause.on and self.model.state == "paused":
            return SENTENCES["paused"]
        return "The model is still loading; neocaret.status tells when it is ready."

    def forget_document(self, uri: str) -> None:
        """Make a document unknown, rather than out of step with the client's, until it is opened again."""
        self.documents.close(uri)
        self.other_files.forget(uri)
        self.last_edits.forget(uri)
        self.requests.forget(uri)
        self.refills.forget(uri)
        self.ahead.forget(uri)
        self.readings.forget(uri)
        self._stop_idle_work()
        self.kept.forget(uri)
        self.silences.forget(uri)
        self.offers.forget(uri)
        self.origins.forget(uri)
        self.acceptance.forget(uri)
        self.survival.forget(uri)

    def forget_notebook(self, uri: str) -> None:
        """Make a notebook and its cells unknown until it is opened again."""
        self.other_files.forget(uri)
        for cell in self.notebooks.close(uri):
            self.forget_document(cell)

    def cells_around(self, uri: str) -> tuple[list[Document], list[Document]]:
        """Return the cells of code before and after a notebook's cell; none for other documents."""
        above, beneath = self.notebooks.neighbours(uri)
        return self.documents.known(above), self.documents.known(beneath)

    def tell(self, message: str, kind: types.MessageType) -> None:
        """Show the user what they must act on."""
        self.window_show_message(types.ShowMessageParams(type=kind, message=message))

    def log(self, message: str) -> None:
        """Write a line to the client's log, for whoever looks."""
        self.window_log_message(types.LogMessageParams(type=types.MessageType.Info, message=message))

    def tell_trace(self, trace: AnswerTrace | WorkTrace) -> None:
        """Tell what an answer was or took, if the client wants to know."""
        if (level := self.protocol.trace) != types.TraceValue.Off:
            self.log_trace(trace_params(trace, verbose=level == types.TraceValue.Verbose))

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that nobody waits for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log what went wrong inside; it is nothing that the user could act on."""
        _log.error("in %s", source.__name__, exc_info=error)

    async def _complete_first(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        grown: Callable[[tuple[Candidate, ...]], None] | None,
    ) -> Completion:
        self._stop_idle_work()
        return await self._complete(request, cancel, grown)

    def _stop_idle_work(self) -> None:
        self.idle_work.stop()
        self.reading_ahead.stop()

    async def _complete(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        grown: Callable[[tuple[Candidate, ...]], None] | None,
    ) -> Completion:
        completion = await self.model.complete(request, cancel, grown=grown)
        self.tell_trace(work_of(completion, cancelled=cancel.cancelled))
        return completion

    def _tell_problems(self, problems: list[str]) -> None:
        new = [problem for problem in problems if problem not in self._told]
        self._told = set(problems)
        if new:
            self.tell("Neocaret: " + " ".join(new), types.MessageType.Warning)

    def _send_status(self, status: dict[str, Any]) -> None:
        self.protocol.notify(NAME, status)

    def _status(self) -> dict[str, Any]:
        model, uri = self.model, self.silences.last_uri
        # Whatever was asked before: for as long as it lasts, this is the reason.
        reason = "paused" if self.pause.on else self.last_reason
        return {
            "state": model.state,
            "paused": self.pause.on,
            "reason": reason,
            "reasonText": reason_text(reason),
            "uri": uri,
            "reasons": self.silences.by_channel(uri),
            "progress": progress_of(model.progress),
            "model": model.info.model if model.info else self.settings.model,
        }

    def _pause_changed(self) -> None:
        self.silences.clear()
        self.status_changes.changed()

    def _model_changed(self) -> None:
        self.status_changes.changed()
        model = self.model
        if model.state == "loading" and model.progress is None:
            self._end_bar()
            if self.client.progress:
                self.in_background(self._show_loading())
        elif model.state == "loading" and model.progress is not None:
            if self._bar is not None:
                self._bar.report(model.progress.message, model.progress.done, model.progress.total)
        else:
            self._end_bar()
        if model.state == "ready":
            self.last_error = None
        elif model.state == "failed" and model.error is not None:
            self.last_error = model.error
            self.tell(f"Neocaret: {model.error}", types.MessageType.Error)

    async def _show_loading(self) -> None:
        bar = await WorkDone.ask(self)
        if self.model.state == "loading" and self._bar is None:
            self._bar = bar
            bar.begin(f"Neocaret: loading {self.settings.model}", cancellable=False)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.end()
            self._bar = None
