"""Peers that must not come in: no message of them is accepted, memory is bounded, and the joined runner is served on."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import zmq

from floe_jupyter._version import __version__
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.join_files import JoinFile, new_pair, read_join_file
from floe_jupyter.wire.joining import JOINED, JoinedOrders, JoinedState, frame_of
from floe_jupyter.wire.runner_messages import PROTOCOL, RunnerHello
from floe_jupyter.wire.transport.reliable import Link
from tests.dispatcher.kit import batch, define, over, until, values_of
from tests.joined.kit import LAB, Joined, peer
from tests.remote.flows import done

MIB = 1024 * 1024
GARBAGE = 20_000
AT_ONCE = 500


def state(life: int = 77, **more: Any) -> bytes:
    return msgspec.msgpack.encode(JoinedState(life, __version__, PROTOCOL, "elsewhere", 40.0, **more))


def is_heard(dealer: zmq.Socket[bytes], within: float) -> bool:
    """Return whether the dispatcher answers a state."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        with suppress(zmq.Again):
            dealer.send_multipart([frame_of(JOINED), state()], zmq.NOBLOCK)
        if dealer.poll(100):
            return True
    return False


@pytest.fixture
def up(client: Client, joined: Joined) -> Client:
    """Return a client with a flow that is up in the joined runner."""
    define(client, echo="def echo(v): return v")
    client.call("start", runner=LAB)
    answer(client, 0)
    return client


def answer(client: Client, value: int) -> float:
    """Have the joined runner answer; return the seconds."""
    begin = time.monotonic()
    found = client.call("request", batch=batch(value), timeout=10.0)
    assert json.loads(found[1][0].batch.payload) == [value]
    return time.monotonic() - begin


def endpoint_of(client: Client) -> str:
    return str(client.call("keys")["listens"])


@pytest.mark.parametrize("kind", ["without encryption", "another server key", "a key that is not listed", "a wrong secret key"])
def test_a_peer_that_is_not_listed_is_not_heard(up: Client, joined: Joined, kind: str) -> None:
    own, other = read_join_file(joined.file), new_pair()
    file = {
        "without encryption": None,
        "another server key": JoinFile(own.public, own.secret, other.public),
        "a key that is not listed": JoinFile(other.public, other.secret, own.server),
        "a wrong secret key": JoinFile(own.public, other.secret, own.server),
    }[kind]
    with peer(endpoint_of(up), file) as dealer:
        assert not is_heard(dealer, 1.5)
        assert answer(up, 5) < 1.0
    assert joined.status() == "connected"
    with peer(endpoint_of(up), own) as dealer:
        assert is_heard(dealer, 5.0), "a peer with the listed key is heard: else this test could not fail"


def _connect(endpoint: str) -> socket.socket:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=5)


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0") + b"\0" + bytes(31)
HUGE = b"\x06" + struct.pack(">Q", 8 << 30)


def test_headers_that_claim_8_gib_reserve_nothing(up: Client, joined: Joined) -> None:
    process = psutil.Process(up.pid)
    before = process.memory_info()
    with ExitStack() as stack:
        for _ in range(50):
            connection = stack.enter_context(_connect(endpoint_of(up)))
            connection.sendall(GREETING + HUGE + bytes(1_000))
        until(lambda: answer(up, 1) < 1.0, "an answer")
        after = process.memory_info()
    print(
        f"50 headers of 8 GiB: memory {(after.rss - before.rss) / MIB:+.1f} MiB, address space {(after.vms - before.vms) / MIB:+.1f} MiB"
    )
    assert after.rss - before.rss < 16 * MIB
    assert after.vms - before.vms < 1024 * MIB


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_20000_garbage_connections_leave_memory_and_the_good_peer_alone(up: Client, joined: Joined) -> None:
    process = psutil.Process(up.pid)
    before, slowest, begin = process.memory_info().rss, 0.0, time.monotonic()
    most = 0
    endpoint = endpoint_of(up)
    for start in range(0, GARBAGE, AT_ONCE):
        with ExitStack() as stack:
            for n in range(AT_ONCE):
                with suppress(OSError):
                    connection = stack.enter_context(_connect(endpoint))
                    connection.sendall((GREETING, HUGE, b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 4)[n % 4])
            slowest = max(slowest, answer(up, start))
            most = max(most, process.num_fds())
    grown = process.memory_info().rss - before
    print(
        f"{GARBAGE} connections in {time.monotonic() - begin:.0f} s: {grown / MIB:+.1f} MiB, slowest answer {slowest:.2f} s, {most} descriptors"
    )
    assert grown < 16 * MIB
    assert slowest < 1.0
    assert joined.status() == "connected"
    assert done(up, "local:", [1]) == [1]


def test_a_second_valid_key_cannot_take_over_the_first_ones_name_or_runner(up: Client, joined: Joined) -> None:
    other = read_join_file(up.call("add_key", name="lab2")["file"])
    info = up.call("open_run", runner=LAB)
    up.call("feed", ref=info.ref, batch=batch(1))
    until(lambda: values_of(up, info.ref) == [1], "the first result")
    with peer(endpoint_of(up), other) as dealer:
        assert is_heard(dealer, 5.0)
        orders = msgspec.msgpack.decode(dealer.recv_multipart()[1], type=JoinedOrders)
        assert (orders.name, orders.launches) == ("lab2", ())
        number = joined.number()
        hello = Link().send(msgspec.msgpack.encode(RunnerHello(LAB, 1, __version__, PROTOCOL, number)), 0.0)
        refused = up.call("status")["refused_frames"]
        for _ in range(20):
            dealer.send_multipart([frame_of(number), hello])
        until(lambda: up.call("status")["refused_frames"] >= refused + 20, "the messages of the other key to be refused")
        up.call("feed", ref=info.ref, batch=batch(2, 3))
        up.call("close_run", ref=info.ref)
        assert over(up, info.ref).status == "done"
        while dealer.poll(50):
            assert dealer.recv_multipart()[0] == frame_of(JOINED)
    assert values_of(up, info.ref) == [1, 2, 3]


def test_a_second_process_with_the_same_key_replaces_the_first_which_says_so(up: Client, joined: Joined) -> None:
    second = Joined(up, "lab1", joined.file)
    try:
        second.wait("connected")
        joined.wait("another process has joined with this key")
        assert "floe keys add NAME" in joined.said
        until(lambda: not joined.runners(), "the end of the runners of the first process", 10.0)
        assert done(up, LAB, [1]) == [1]
        assert second.runners()
    finally:
        second.end()


def test_a_revoked_key_ends_the_live_connection_and_its_runs(up: Client, joined: Joined, join: Callable[..., Joined]) -> None:
    good = join("lab2")
    info = up.call("open_run", runner=LAB)
    up.call("feed", ref=info.ref, batch=batch(1))
    until(lambda: values_of(up, info.ref) == [1], "the first result")
    begin = time.monotonic()
    up.call("revoke_key", name="lab1")
    info = over(up, info.ref)
    assert (info.status, "the key lab1 was revoked" in info.failures[0].message) == ("failed", True)
    joined.wait("refused: the key")
    took = time.monotonic() - begin
    assert f"floe keys add NAME {read_public(joined)}" in joined.said
    assert not Path(joined.file).exists()
    assert good.said.count("connected: ") == 1, "the connection of the other key is left alone"
    assert done(up, "join:lab2", [4]) == [4]
    print(f"revoked and told after {took:.2f} s")


def read_public(joined: Joined) -> str:
    return joined.said.partition("refused: the key ")[2].partition(" ")[0]


def test_messages_of_a_revoked_key_are_dropped_and_its_connection_ends(up: Client, joined: Joined) -> None:
    file = read_join_file(up.call("add_key", name="lab3")["file"])
    with peer(endpoint_of(up), file) as dealer:
        assert is_heard(dealer, 5.0)
        monitor = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        up.call("revoke_key", name="lab3")
        assert monitor.poll(2_000), "the connection did not end within 2 s of the revocation"
        while dealer.poll(0):
            dealer.recv_multipart()
        assert not is_heard(dealer, 1.0)
        dealer.disable_monitor()
        monitor.close()
    assert answer(up, 3) < 1.0


def test_a_key_added_late_works_without_a_restart_of_either_end(
    client: Client, join: Callable[..., Joined], tmp_path: Path
) -> None:
    first = join("lab2")
    late = new_pair()
    late.server, late.endpoint = read_join_file(first.file).server, endpoint_of(client)
    path = tmp_path / "late.join"
    path.write_bytes(msgspec.json.encode(late))
    path.chmod(0o600)
    refused = Joined(client, "lab1", str(path))
    try:
        refused.wait("refused: the key")
        client.call("add_key", name="lab1", public=late.public)
        begin = time.monotonic()
        refused.wait("connected")
        print(f"in {time.monotonic() - begin:.2f} s after the key was added")
        define(client, echo="def echo(v): return v")
        assert done(client, LAB, [1]) == [1]
    finally:
        refused.end()


def test_a_wrong_server_key_is_told_with_its_cure(client: Client, join: Callable[..., Joined], tmp_path: Path) -> None:
    file = read_join_file(join("lab2").file)
    file.server = new_pair().public
    path = tmp_path / "wrong.join"
    path.write_bytes(msgspec.json.encode(file))
    path.chmod(0o600)
    wrong = Joined(client, "lab2", str(path))
    try:
        wrong.wait("copy a join file from the dispatcher's machine again")
        assert f"its key is not {file.server}" in wrong.said
    finally:
        wrong.end()
