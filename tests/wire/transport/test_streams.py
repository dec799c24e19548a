"""Messages over stream sockets: whole, in order, whatever the pieces in which they arrive."""

from __future__ import annotations

import os
import random
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator

import pytest

from floe_jupyter.errors import ProtocolError
from floe_jupyter.wire.client.call_connections import StreamConnection
from floe_jupyter.wire.transport import streams
from floe_jupyter.wire.transport.streams import READ, Splitter, Stream, framed


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    yield a, b
    a.close()
    b.close()


@pytest.fixture
def directory() -> Iterator[str]:
    """One whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fl-") as made:
        yield made


def test_messages_come_out_whole_whatever_the_pieces() -> None:
    chance = random.Random(5)
    for _ in range(200):
        sent = [chance.randbytes(chance.choice((0, 1, 3, 140, 5_000))) for _ in range(chance.randrange(1, 12))]
        data, found, splitter = b"".join(map(framed, sent)), [], Splitter(10_000)
        while data:
            size = chance.choice((1, 2, 3, 5, 200, 4_000, len(data)))
            found += splitter.feed(data[:size])
            data = data[size:]
        assert found == sent


def test_a_message_larger_than_many_reads_is_put_together() -> None:
    large, splitter = os.urandom(5 * READ + 17), Splitter(10 * READ)
    data, found = framed(b"before") + framed(large) + framed(b"behind"), []
    for at in range(0, len(data), READ):
        found += splitter.feed(data[at : at + READ])
    assert found == [b"before", large, b"behind"]


def test_a_message_that_is_too_long_is_refused_by_its_length_alone() -> None:
    with pytest.raises(ProtocolError, match="a message of 101 bytes; the limit is 100"):
        Splitter(100).feed(framed(bytes(101)))
    with pytest.raises(ProtocolError, match="a message of 4,294,967,295 bytes"):
        Splitter(100).feed(b"\xff\xff\xff\xff")


def test_what_the_other_end_does_not_take_waits_and_arrives_in_order(pair: tuple[socket.socket, socket.socket]) -> None:
    later: list[Callable[[], None] | None] = []
    stream = Stream(pair[0], 10**8, later.append)
    sent = [bytes([n]) * 300_000 for n in range(20)]
    for message in sent:
        stream.send(message)
    assert later == [stream.flush], "it cannot all have been taken"
    found: list[bytes] = []
    splitter = Splitter(10**8)
    while len(found) < len(sent):
        found += splitter.feed(pair[1].recv(READ))
        if later[-1] is not None:
            stream.flush()
    assert found == sent
    assert later == [stream.flush, None]


def test_the_end_of_the_other_side_is_told_and_nothing_is_raised_by_sending(pair: tuple[socket.socket, socket.socket]) -> None:
    stream = Stream(pair[0], 1_000, lambda _: None)
    pair[1].sendall(framed(b"last"))
    pair[1].close()
    assert stream.receive() == [b"last"]
    with pytest.raises(EOFError):
        stream.receive()
    stream.send(b"into the void")
    assert stream.broken


def test_several_messages_at_once_arrive_one_by_one(pair: tuple[socket.socket, socket.socket]) -> None:
    stream = Stream(pair[0], 10**8, lambda _: None)
    other = Stream(pair[1], 10**8, lambda _: None)
    stream.send_all([b"a", b"", b"c" * 100])
    assert other.receive() == [b"a", b"", b"c" * 100]


def test_an_address_has_a_door_only_where_somebody_listens(directory: str) -> None:
    assert streams.reach(f"ipc://{directory}/control") is None
    assert streams.reach("tcp://127.0.0.1:1") is None
    listener = streams.listen(f"ipc://{directory}/control")
    assert listener is not None
    assert os.stat(f"{directory}/scontrol").st_mode & 0o777 == 0o600
    found = streams.reach(f"ipc://{directory}/control")
    assert found is not None
    found.close()
    listener.close()
    assert streams.reach(f"ipc://{directory}/control") is None


def test_a_path_that_is_too_long_for_a_door_is_no_error(directory: str) -> None:
    assert streams.listen(f"ipc://{directory}/{'x' * 120}") is None


def test_a_line_waits_as_long_as_it_was_asked_to(pair: tuple[socket.socket, socket.socket]) -> None:
    connection = StreamConnection(pair[0], b"me", 1_000, 5.0)
    connection.send(b"question")
    assert connection.receive(0.01) is None
    assert Splitter(1_000).feed(pair[1].recv(READ)) == [b"me", b"question"]
    pair[1].sendall(framed(b"one") + framed(b"two"))
    assert [connection.receive(1.0), connection.receive(1.0)] == [b"one", b"two"]


def test_a_line_that_is_shut_by_another_thread_ends_its_wait(pair: tuple[socket.socket, socket.socket]) -> None:
    connection = StreamConnection(pair[0], b"me", 1_000, 5.0)
    threading.Timer(0.05, connection.shut).start()
    with pytest.raises(EOFError):
        connection.receive(10.0)
    with pytest.raises(EOFError):
        connection.send(b"more")
