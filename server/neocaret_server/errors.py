"""What a request can fail with; the protocol layer is the one place that answers with it.

ServerError               the message is one plain sentence for the user
├── InvalidArgumentsError      what the client sent does not fit: -32602
├── RequestFailedError         understood, but it could not be done: -32803
└── RequestInterruptedError    stopped by the server, as when the model is loaded anew: -32802
"""

from __future__ import annotations

from typing import ClassVar

from lsprotocol.types import ErrorCodes, LSPErrorCodes


class ServerError(Exception):
    """A failure whose message is meant for the user."""

    code: ClassVar[int] = ErrorCodes.InternalError.value


class InvalidArgumentsError(ServerError):
    """The arguments of a request do not fit."""

    code = ErrorCodes.InvalidParams.value


class RequestFailedError(ServerError):
    """The request was understood and could not be carried out."""

    code = LSPErrorCodes.RequestFailed.value


class RequestInterruptedError(ServerError):
    """The server stopped the request for a reason of its own."""

    code = LSPErrorCodes.ServerCancelled.value
