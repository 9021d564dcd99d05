"""Why the last questions got no suggestion, by document and channel; pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

from neocaret_server.reasons import Reason
from neocaret_server.trigger import Channel

Asked = Literal["popup", "inline", "explicit"]
"""While typing on one of the channels, or by hand on either."""

MOST_DOCUMENTS = 64


def asked_how(channel: Channel, *, automatic: bool) -> Asked:
    """Return the name under which the answer to a question is remembered."""
    return channel if automatic else "explicit"


class Silences:
    """The last answers in the documents that were asked about last: each a reason, or None where there was one."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, OrderedDict[Asked, Reason | None]] = OrderedDict()

    def note(self, uri: str, asked: Asked, reason: Reason | None) -> None:
        """Take note of an answer."""
        here = self._answers.setdefault(uri, OrderedDict())
        here[asked] = reason
        here.move_to_end(asked)
        self._answers.move_to_end(uri)
        while len(self._answers) > MOST_DOCUMENTS:
            self._answers.popitem(last=False)

    def forget(self, uri: str) -> None:
        """A document is closed."""
        self._answers.pop(uri, None)

    def clear(self) -> None:
        """What was the reason is none any more, as after a pause or with another model."""
        self._answers.clear()

    @property
    def last_uri(self) -> str | None:
        """The document that was asked about last; None before the first question."""
        return next(reversed(self._answers), None)

    def last(self, uri: str | None) -> Reason | None:
        """Return why the last question about a document got nothing; None where it got something, or there was none."""
        here = self._answers.get(uri or "")
        return here[next(reversed(here))] if here else None

    def by_channel(self, uri: str | None) -> dict[Asked, Reason | None]:
        """Return the last answer on each channel on which there was a question."""
        return dict(self._answers.get(uri or "", {}))
