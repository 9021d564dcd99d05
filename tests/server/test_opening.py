from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from typing import IO

import pytest

from neocaret_server.greeting import answer_to
from neocaret_server.opening import Message, Opening
from neocaret_server.stdio import framed, read_messages

INITIALIZE = b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}'
INITIALIZED = b'{"jsonrpc": "2.0", "method": "initialized", "params": {}}'


class Client:
    """The other ends of an opening's pipes."""

    def __init__(self) -> None:
        stdin, to_server = os.pipe()
        from_server, stdout = os.pipe()
        self.to_server = os.fdopen(to_server, "wb", buffering=0)
        self.from_server = os.fdopen(from_server, "rb", buffering=0)
        self.streams: list[IO[bytes]] = [os.fdopen(stdin, "rb"), os.fdopen(stdout, "wb")]
        self.opening = Opening(*self.streams)

    def close(self) -> None:
        self.to_server.close()
        list(self.opening.messages())
        for stream in (self.from_server, *self.streams):
            stream.close()


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def received(client: Client) -> bytes | None:
    return next(read_messages(client.from_server), None)


def test_the_first_message_is_answered_before_anyone_asks_for_it(client: Client) -> None:
    client.to_server.write(framed(INITIALIZE))
    assert received(client) == answer_to(INITIALIZE)


def test_pieces_of_the_first_message_are_one_message(client: Client) -> None:
    for byte in framed(INITIALIZE):
        client.to_server.write(bytes([byte]))
    assert received(client) == answer_to(INITIALIZE)


def test_what_comes_behind_it_is_handed_over_unanswered_and_in_order(client: Client) -> None:
    client.to_server.write(framed(INITIALIZE) + framed(INITIALIZED) + framed(INITIALIZE))
    client.to_server.close()
    assert list(client.opening.messages()) == [Message(INITIALIZE, True), Message(INITIALIZED), Message(INITIALIZE)]
    assert received(client) == answer_to(INITIALIZE)


def test_another_first_message_is_handed_over_unanswered(client: Client) -> None:
    client.to_server.write(framed(INITIALIZED) + framed(INITIALIZE))
    client.to_server.close()
    assert list(client.opening.messages()) == [Message(INITIALIZED), Message(INITIALIZE)]


@pytest.mark.parametrize("cut", [0, 5, 30, -1])
def test_a_stream_that_ends_in_its_first_message_has_none(client: Client, cut: int) -> None:
    client.to_server.write(framed(INITIALIZE)[:cut])
    client.to_server.close()
    assert list(client.opening.messages()) == []


def test_nobody_waits_for_a_silent_client_but_who_wants_its_messages(client: Client) -> None:
    taken = threading.Event()

    def take() -> None:
        next(client.opening.messages())
        taken.set()

    waiting = threading.Thread(target=take)
    waiting.start()
    assert not taken.wait(0.05)
    client.to_server.write(framed(INITIALIZED))
    assert taken.wait(10)
    waiting.join()


def test_an_answer_that_nobody_takes_is_none() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    opening = Opening(io.BytesIO(framed(INITIALIZE)), os.fdopen(writer, "wb", buffering=0))
    assert list(opening.messages()) == [Message(INITIALIZE)]
    opening.stdout.close()
