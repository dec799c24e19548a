"""What waits for a subscriber is bounded in bytes, whatever one event weighs, and large events arrive whole or not at all."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import zmq

from floe_jupyter.dispatcher.publish import WAITING, Publisher
from floe_jupyter.wire.pieces import PIECE, Assembler, cut
from tests.dispatcher.kit import REAL, define, run, until

LARGE = "x" * (2 * PIECE)


class Line:
    """A publisher, and subscribers to everything."""

    def __init__(self, directory: Path) -> None:
        self._context = zmq.Context()
        self._events = self._context.socket(zmq.XPUB)
        self._made = [self._events]
        self._events.setsockopt(zmq.SNDHWM, WAITING)
        self._events.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._endpoint = f"ipc://{directory}/events"
        self._events.bind(self._endpoint)
        self.publisher = Publisher(self._events, lambda _: [], lambda: None)

    def subscriber(self) -> zmq.Socket[bytes]:
        made = self._context.socket(zmq.SUB)
        self._made.append(made)
        made.setsockopt(zmq.RCVHWM, 10)
        made.connect(self._endpoint)
        made.setsockopt(zmq.SUBSCRIBE, b"")
        assert self._events.poll(5_000)
        self.publisher.receive()
        return made

    def close(self) -> None:
        for made in self._made:
            made.close(linger=0)
        self._context.term()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.close()


def test_D29_what_waits_for_a_viewer_that_does_not_read_is_bounded_in_bytes_too(line: Line) -> None:
    frozen, before = line.subscriber(), psutil.Process().memory_info().rss
    for n in range(WAITING):
        line.publisher.publish("view/large", (n, LARGE * 4))
    assert psutil.Process().memory_info().rss < before + 1.5 * WAITING * PIECE, "of 520 MB that were published"
    found = 0
    while frozen.poll(500):
        found += sum(map(len, frozen.recv_multipart()))
    assert PIECE < found < 1.1 * WAITING * PIECE


def test_D29_a_viewer_that_reads_beside_it_gets_every_large_event_whole(line: Line) -> None:
    frozen, reader = line.subscriber(), line.subscriber()
    assembler, seen = Assembler(), []
    for n in range(WAITING):
        line.publisher.publish("view/large", (n, LARGE))
        while len(seen) <= n:
            assert reader.poll(5_000)
            body = assembler.take(reader.recv_multipart())
            seen += [] if body is None else [msgspec.msgpack.decode(body)[2]]
    assert seen == [[n, LARGE] for n in range(WAITING)]
    assert frozen.poll(0)


@pytest.mark.parametrize("lost", range(7))
def test_D29_an_event_of_which_a_piece_was_lost_is_lost_and_no_other(lost: int) -> None:
    bodies = [os.urandom(3 * PIECE), b"small", os.urandom(PIECE + 1), os.urandom(10)]
    messages = list(itertools.chain.from_iterable(cut(b"view/f", n, body) for n, body in enumerate(bodies)))
    assert len(messages) == 7
    owner = [0, 0, 0, 1, 2, 2, 3][lost]
    del messages[lost]
    assembler = Assembler()
    seen = [body for parts in messages if (body := assembler.take(parts)) is not None]
    assert seen == [body for n, body in enumerate(bodies) if n != owner]


def test_large_events_reach_a_client(attach: Any, processes: Any) -> None:
    client = attach(command=REAL)
    processes.watch(client.pid)
    heard: list[str] = []
    client.subscribe("log/", lambda _, line: heard.append(line["text"]))
    text = "\u20ac" * 60_000  # three bytes each
    define(client, say=f"def f(x):\n    print({text!r})\n    return x")
    assert run(client, 1).status == "done"
    until(lambda: "".join(heard) == text + "\n", "the whole line")
