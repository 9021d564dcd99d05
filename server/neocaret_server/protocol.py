"""The message layer over pygls: every request gets exactly one answer, with the right code, and no traceback in it.

Departures from pygls:
- Messages arrive as plain JSON values and are given their types here, so that one that does not fit can be answered;
  no value is bent to fit.
- What comes before `initialize`, or after `shutdown`, is refused as the specification says.
- Capabilities that are not known are left out, as are other things that a server can do without and a root that do
  not fit, and the rest of `initialize` stands.
- An `initialize` that has been answered already is not answered again.
- A change whose range is null is one of the whole document.
- Documents and commands are not pygls' business; `exit` and a lost client are told to `on_exit`, and a document
  whose change does not fit to `on_unreadable_change`, as a notebook to `on_unreadable_notebook_change`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import cattrs
from lsprotocol import types
from lsprotocol.types import ErrorCodes, LSPErrorCodes
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.protocol.json_rpc import JsonRPCNotification
from pygls.uris import from_fs_path
from pygls.workspace import Workspace

from neocaret_server.errors import ServerError
from neocaret_server.exact import make_exact
from neocaret_server.stdio import decoded

if TYPE_CHECKING:
    from cattrs import Converter
    from pygls.lsp.server import LanguageServer

_OURS = (
    types.EXIT,
    types.INITIALIZED,
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
    types.WORKSPACE_EXECUTE_COMMAND,
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL,
)
_MAY_BE_LEFT_OUT: tuple[tuple[str, Any], ...] = (
    ("trace", types.TraceValue),
    ("clientInfo", types.ClientInfo),
    ("locale", str),
    ("workDoneToken", types.ProgressToken),
)
"""Of the params of `initialize`."""
_RANGES = ("range", "rangeLength")
_log = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """LSP for a server that survives its clients."""

    def __init__(self, server: LanguageServer, converter: Converter) -> None:
        make_exact(converter)
        super().__init__(server, converter)
        for method in _OURS:
            self.fm.builtin_features.pop(method, None)
        self.on_exit: Callable[[int], None] = lambda _code: None
        self.on_unreadable_change: Callable[[str], None] = lambda _uri: None
        self.on_unreadable_notebook_change: Callable[[str], None] = lambda _uri: None
        self._initialized = False
        self._kept_back: list[Any] | None = None
        """The answers that are not sent; None while all are."""

    def receive(self, body: bytes) -> None:
        """Handle the body of one message."""
        try:
            message = decoded(body)
        except (ValueError, RecursionError):
            self._refuse(None, ErrorCodes.ParseError, "the message is not JSON")
            return
        try:
            self.handle_message(message)
        except Exception:  # noqa: BLE001 - one message must not end the others
            _log.exception("a message could not be handled")

    def receive_answered(self, body: bytes) -> None:
        """Handle an `initialize` whose answer the client has already.

        Where it fails, the client believes what is not so, and the process ends.
        """
        self._kept_back = answers = list[Any]()
        self.receive(body)
        self._kept_back = None
        if all(getattr(each, "result", None) is None for each in answers):
            _log.error("initialize was answered, and could not be obeyed: %s", answers)
            self.lost()

    def lost(self) -> None:
        """End the process, because of `exit` or because the client is gone: with 0 after `shutdown`, with 1 without."""
        self.on_exit(0 if self._shutdown else 1)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Leave a message as it is: `handle_message` gives it its types."""
        return data

    def handle_message(self, message: Any) -> None:
        """Send a message where it belongs, or answer why not."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            msg_id = message.get("id") if isinstance(message, dict) else None
            if not _is_response(message):
                self._refuse(msg_id, ErrorCodes.InvalidRequest, 'a message is one object with "jsonrpc": "2.0"')
        elif _is_response(message):
            self._take_response(message)
        elif "id" in message:
            self._take_request(message)
        else:
            self._take_notification(message)

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *_args: object) -> None:  # type: ignore[override]  # pygls has a generator here
        """Answer all that waits, and nothing more from then on."""
        self._shutdown = True
        # A copy, because what is cancelled leaves the table at once.
        for future in list(self._request_futures.values()):
            future.cancel()

    def _take_request(self, message: dict[str, Any]) -> None:
        msg_id, method = message["id"], message.get("method")
        if not isinstance(method, str) or not _is_id(msg_id):
            self._refuse(msg_id, ErrorCodes.InvalidRequest, "a request has a method, and a number or text as its id")
        elif self._shutdown:
            self._refuse(msg_id, ErrorCodes.InvalidRequest, "the server is shutting down")
        elif not self._initialized and method != types.INITIALIZE:
            self._refuse(msg_id, ErrorCodes.ServerNotInitialized, f"{method} came before initialize")
        elif self._initialized and method == types.INITIALIZE:
            self._refuse(msg_id, ErrorCodes.InvalidRequest, "initialize came a second time")
        elif msg_id in self._request_futures:
            self._refuse(msg_id, ErrorCodes.InvalidRequest, "a request with this id is being answered")
        elif not (self._knows(method) and _has_answer(method, otherwise=True)):
            self._refuse(msg_id, ErrorCodes.MethodNotFound, f"{method} is not a request that this server knows")
        else:
            self._run_request(msg_id, method, message)

    def _run_request(self, msg_id: int | str, method: str, message: dict[str, Any]) -> None:
        try:
            request = self._structure(method, message)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is answered
            self._refuse(msg_id, ErrorCodes.InvalidParams, f"{method}: {_what_is_wrong(error)}")
            return
        if method == types.INITIALIZE:
            self._initialized = True
            request.params.root_uri, request.params.root_path = _readable_root(request.params), None
        contextvars.copy_context().run(self._handle_request, msg_id, method, request.params)

    def _take_notification(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method == types.EXIT:
            self.lost()
        elif isinstance(method, str) and self._initialized and not self._shutdown:
            if method != types.CANCEL_REQUEST and (not self._knows(method) or _has_answer(method, otherwise=False)):
                return
            try:
                notification = self._structure(method, message)
            except Exception as error:  # noqa: BLE001 - nobody waits for an answer
                _log.warning("ignoring %s: %s", method, _what_is_wrong(error))
                if method == types.TEXT_DOCUMENT_DID_CHANGE and (uri := _uri_of(message, "textDocument")) is not None:
                    self.on_unreadable_change(uri)
                if method == types.NOTEBOOK_DOCUMENT_DID_CHANGE and (uri := _uri_of(message, "notebookDocument")):
                    self.on_unreadable_notebook_change(uri)
                return
            self._handle_notification(method, notification.params)

    def _take_response(self, message: dict[str, Any]) -> None:
        msg_id = message["id"]
        if not isinstance(msg_id, str) or msg_id not in self._result_types:
            _log.debug("a response to nothing that was asked")
            return
        result_type = self._result_types.pop(msg_id)
        try:
            if message.get("error") is not None:
                error = self._converter.structure(message["error"], types.ResponseError)
                self._handle_response(msg_id, None, error)
            else:
                message.setdefault("result", None)
                self._handle_response(msg_id, self._converter.structure(message, result_type).result)
        except Exception as error:  # noqa: BLE001 - the one who asked is told
            future = self._request_futures.pop(msg_id, None)
            if future is not None and not future.done():
                future.set_exception(JsonRpcException(f"the client's answer does not fit: {_what_is_wrong(error)}"))

    def _structure(self, method: str, message: dict[str, Any]) -> Any:
        message_type: Any = self.get_message_type(method)
        if message_type is None:
            # Beside the specification, as some clients send them: who takes it reads what came.
            return JsonRPCNotification(method=method, jsonrpc=self.VERSION, params=message.get("params"))
        if method == types.TEXT_DOCUMENT_DID_CHANGE:
            message = _without_null_ranges(message)
        try:
            return self._converter.structure(message, message_type)
        except Exception:
            if method != types.INITIALIZE or not isinstance(message.get("params"), dict):
                raise
            return self._converter.structure(self._with_what_is_known(message), message_type)

    def _with_what_is_known(self, message: dict[str, Any]) -> dict[str, Any]:
        params = dict(message["params"])
        params["capabilities"] = (
            largest_that_fits(params.get("capabilities"), self._fits(types.ClientCapabilities)) or {}
        )
        for name, kind in _MAY_BE_LEFT_OUT:
            params[name] = largest_that_fits(params.get(name), self._fits(kind)) or None
        return {**message, "params": params}

    def _fits(self, kind: Any) -> Callable[[Any], bool]:
        def fits(value: Any) -> bool:
            try:
                self._converter.structure(value, kind)
            except Exception:  # noqa: BLE001 - that is the question
                return False
            return True

        return fits

    def _handle_cancel_notification(self, msg_id: int | str) -> None:
        # A cancel that comes after the answer is routine.
        if (future := self._request_futures.get(msg_id)) is not None and msg_id not in self._result_types:
            future.cancel()

    def _send_handler_result(self, future: Future[Any] | asyncio.Future[Any], *, msg_id: int | str) -> None:
        self._request_futures.pop(msg_id, None)
        if future.cancelled():
            self._refuse(msg_id, LSPErrorCodes.RequestCancelled, "the request was cancelled")
        elif (error := future.exception()) is None:
            self._send_response(msg_id, result=future.result())
        elif isinstance(error, ServerError):
            self._refuse(msg_id, error.code, str(error))
        elif isinstance(error, JsonRpcException):
            self._refuse(msg_id, error.code, error.message)
        else:
            _log.error("a request failed", exc_info=error)
            self._refuse(msg_id, ErrorCodes.InternalError, "internal error; the server's log says more")

    def _check_handler_result(self, future: Future[Any] | asyncio.Future[Any]) -> None:
        # pygls keeps these under ids of its own, and would keep them for ever.
        for msg_id in [each for each, kept in self._request_futures.items() if kept is future]:
            del self._request_futures[msg_id]
        if not future.cancelled() and (error := future.exception()) is not None:
            _log.error("a notification failed", exc_info=error)

    def _send_data(self, data: Any) -> None:
        if self._kept_back is None or hasattr(data, "method"):
            super()._send_data(data)
        else:
            self._kept_back.append(data)

    def _knows(self, method: str) -> bool:
        return method in self.fm.builtin_features or method in self.fm.features

    def _refuse(self, msg_id: object, code: int, sentence: str) -> None:
        error = {"code": int(code), "message": sentence}
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id if _is_id(msg_id) else None, "error": error})


def largest_that_fits(value: Any, fits: Callable[[Any], bool]) -> Any:
    """Return a JSON value without the parts that keep it from fitting; None where nothing of it fits."""
    if fits(value):
        return value
    if isinstance(value, list):
        return [each for each in value if fits([each])]
    if not isinstance(value, dict):
        return None
    kept: dict[str, Any] = {}
    for name, inner in value.items():
        fits_here = _beside(kept, name, fits)
        part = largest_that_fits(inner, fits_here)
        if part is not None and fits_here(part):
            kept[name] = part
    return kept


def _beside(kept: dict[str, Any], name: str, fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda part: fits({**kept, name: part})


def _readable_root(params: types.InitializeParams) -> str | None:
    """Return the URI of the root; None where it is none, over which pygls would break."""
    try:
        path = params.root_path if params.root_uri is None else None
        uri = params.root_uri if path is None else from_fs_path(path)
        Workspace(uri)
    except ValueError:
        return None
    return uri


def _without_null_ranges(message: dict[str, Any]) -> dict[str, Any]:
    params = message.get("params")
    changes = params.get("contentChanges") if isinstance(params, dict) else None
    if not isinstance(params, dict) or not isinstance(changes, list):
        return message
    return {**message, "params": {**params, "contentChanges": [_without_null_range(change) for change in changes]}}


def _without_null_range(change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    return {name: value for name, value in change.items() if name not in _RANGES or value is not None}


def _uri_of(message: dict[str, Any], document: str) -> str | None:
    try:
        uri = message["params"][document]["uri"]
    except (KeyError, TypeError):
        return None
    return uri if isinstance(uri, str) else None


def _has_answer(method: str, *, otherwise: bool) -> bool:
    known = types.METHOD_TO_TYPES.get(method)
    return otherwise if known is None else known[1] is not None


def _is_response(message: Any) -> bool:
    # Some clients leave out a result that is null; who sends parameters has forgotten the method.
    return isinstance(message, dict) and "id" in message and "method" not in message and "params" not in message


def _is_id(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _what_is_wrong(error: Exception) -> str:
    found = cattrs.transform_error(error) if isinstance(error, cattrs.BaseValidationError) else []
    return "; ".join(found).replace("@ $.", "at ") or "the parameters do not fit"
