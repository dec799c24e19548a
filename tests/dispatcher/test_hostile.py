"""Frames that make no sense, peers that lie, and viewers that do not read."""

from __future__ import annotations

import contextlib
import glob
import os
import random
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
import zmq

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.dispatcher.publish import WAITING
from floe_jupyter.errors import ProtocolError, UnknownName
from floe_jupyter.wire.client.channel import Channel
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.client.connection import reach, read
from floe_jupyter.wire.transport.streams import framed
from tests.dispatcher.kit import Processes, batch, define, run, until

FRAMES = int(os.environ.get("FLOE_FUZZ", "100000"))
"""How many mutated frames; ``make stress`` sends a million."""

VALID = [
    msgspec.msgpack.encode(request)
    for request in (
        (1, "run_info", {"ref": "co2.1.local.1"}),
        (2, "define", {"module": Module("m", "lambda x: x", deps=("a",)), "timeout": 1.0}),
        (3, "define_flow", {"flow": Flow("f", (Node("m", "m"),))}),
        (4, "feed", {"ref": "none", "batch": batch(1, "two", [3.0, None])}),
        (5, "results", {"ref": "co2.1.local.1", "start": 0, "limit": 3}),
        (6, "set_break", {"node": "m", "when": "msg > 3"}),
        (7, "hello", {"key": "0" * 64, "client": "me"}),
        (8, "runs", {"limit": 5}),
    )
]


def mutated(seed: int, n: int) -> Iterator[bytes]:
    """Frames that were valid: bytes changed, cut, doubled, put in, or swapped with another's."""
    chance = random.Random(seed)
    for _ in range(n):
        frame = bytearray(chance.choice(VALID))
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(frame) + 1) if frame else 0
            kind = chance.randrange(5)
            if kind == 0 and at < len(frame):
                frame[at] = chance.randrange(256)
            elif kind == 1:
                del frame[at:]
            elif kind == 2:
                frame[at:at] = chance.randbytes(chance.randrange(1, 9))
            elif kind == 3:
                frame[at:] = chance.choice(VALID)[at:]
            else:
                frame *= 2
        yield bytes(frame)


def raw_dealer(client: Client, name: bytes = b"fuzz") -> zmq.Socket[bytes]:
    """A socket of a client that is known and greeted."""
    channel = client.attach()
    dealer = channel.context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.IDENTITY, channel.token + name)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.connect(channel.connection.control)
    return dealer


def drain(dealer: zmq.Socket[bytes]) -> int:
    n = 0
    while dealer.poll(0):
        dealer.recv()
        n += 1
    return n


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_S3_mutated_frames_of_a_known_client_end_and_hang_nothing(client: Client, attach: Callable[..., Client]) -> None:
    define(client, double="lambda x: 2 * x")
    run(client, 1)
    pid, before = client.pid, psutil.Process(client.pid).memory_info().rss
    dealer = raw_dealer(attach("fuzzer"))
    for i, frame in enumerate(mutated(3, FRAMES)):
        dealer.send(frame)
        if i % 500 == 0:
            drain(dealer)
        if i % 20_000 == 0:
            began = time.monotonic()
            client.call("status")
            assert time.monotonic() - began < 5.0
    status = client.call("status")
    dealer.close()
    assert (status["pid"], status["faults"]) == (pid, 0)
    assert status["refused_frames"] > FRAMES / 20
    assert psutil.Process(pid).memory_info().rss < before + 100 * 1024 * 1024
    assert run(client, 1, flow="co2").status == "done"


def test_mutated_frames_at_a_runners_door_are_refused_and_its_runner_goes_on(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    run(client, 1)
    [path] = glob.glob(f"{client.call('status')['directory']}/r-*")
    chance = random.Random(4)
    with client.attach().context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(f"ipc://{path}")
        for _ in range(5_000):
            dealer.send(chance.randbytes(chance.randrange(200)))
        until(lambda: client.call("status")["refused_frames"] >= 5_000, "the refusals", within=20.0)
    assert run(client, 2).status == "done"


def test_mutated_frames_at_the_quick_door_are_refused_and_everybody_goes_on(
    client: Client, attach: Callable[..., Client]
) -> None:
    define(client, double="lambda x: 2 * x")
    run(client, 1)
    directory, chance, fuzzer = client.call("status")["directory"], random.Random(6), attach("fuzzer").attach()
    before = client.call("status")["refused_frames"]
    for n in range(200):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(f"{directory}/scontrol")
            greeting = framed(fuzzer.token + b"%d" % n)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                stranger.sendall(greeting + framed(next(mutated(n, 1))) + chance.randbytes(chance.randrange(30)))
    until(lambda: client.call("status")["refused_frames"] > before + 20, "the refusals")
    assert client.call("status")["faults"] == 0
    assert run(client, 2, flow="co2").status == "done"


def test_once_a_runner_has_come_its_quick_door_is_closed(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    run(client, 1)
    with socket.socket(socket.AF_UNIX) as stranger:
        [path] = glob.glob(f"{client.call('status')['directory']}/sr-*")
        with pytest.raises(ConnectionRefusedError):
            stranger.connect(path)


def test_a_stream_that_says_no_token_is_not_heard(client: Client) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(f"{client.call('status')['directory']}/scontrol")
        stranger.sendall(framed(b"nobody") + framed(msgspec.msgpack.encode((1, "status", {}))))
        until(lambda: client.call("status")["refused_frames"] >= 1, "the refusal")
        stranger.settimeout(0)
        with pytest.raises(BlockingIOError):
            stranger.recv(1)


def test_several_parts_none_or_empty_ones_are_counted(client: Client, attach: Callable[..., Client]) -> None:
    dealer = raw_dealer(attach("fuzzer"))
    for parts in ([b""], [b"", b""], [b"a", b"b", b"c"], [b"\xc1"], [VALID[0], b"more"]):
        dealer.send_multipart(parts)
    assert until(lambda: client.call("status")["refused_frames"] >= 5, "five refusals")
    dealer.close()


def test_an_unknown_call_and_an_unknown_argument_name_the_nearest(client: Client) -> None:
    with pytest.raises(UnknownName, match="no call 'run_inof'; did you mean 'run_info'"):
        client.call("run_inof")
    with pytest.raises(Exception, match="wait: no argument 'tiemout'; did you mean 'timeout'"):
        client.call("wait", ref="x", tiemout=3)
    with pytest.raises(Exception, match="wait: Expected `str`, got `int`"):
        client.call("wait", ref=3)
    with pytest.raises(Exception, match=r"wait: Object missing required field `ref`"):
        client.call("wait")


def test_a_stranger_is_not_heard(client: Client) -> None:
    """Without a connection to the lifeline there is no client, whatever the frame says."""
    connection = client.attach().connection
    with client.attach().context.socket(zmq.DEALER) as stranger:
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.connect(connection.control)
        stranger.send(msgspec.msgpack.encode((1, "hello", {"key": connection.key})))
        stranger.send(msgspec.msgpack.encode((2, "shutdown", {})))
        until(lambda: client.call("status")["refused_frames"] >= 2, "two refusals")
        assert not stranger.poll(0)


def test_the_wrong_key_and_no_hello_are_refused(client: Client, path: str) -> None:
    connection = read(path)
    assert connection is not None
    channel = Channel(connection, reach(connection), "liar")
    for call, args in (("status", {}), ("hello", {"key": "0" * 64}), ("shutdown", {})):
        with pytest.raises(ProtocolError):
            channel.call(call, args)
    channel.close()
    assert client.call("status")["pid"] == connection.pid


def test_another_client_cannot_speak_with_a_known_token(client: Client) -> None:
    """A second connection to the lifeline with the same token is closed; the first goes on."""
    channel = client.attach()
    double = reach(channel.connection)
    double.sendall(f"{channel.token.hex()} double\n".encode())
    double.settimeout(5.0)
    assert double.recv(1) == b""
    double.close()
    assert client.call("status")["pid"] == client.pid


def test_garbage_on_the_lifeline_is_closed(client: Client) -> None:
    for garbage in (b"\n", b"zz" * 16 + b" name\n", b"x" * 2_000, os.urandom(600) + b"\n"):
        lifeline = reach(client.attach().connection)
        lifeline.sendall(garbage)
        lifeline.settimeout(5.0)
        with contextlib.suppress(ConnectionResetError):
            assert lifeline.recv(1) == b""
        lifeline.close()
    assert client.call("status")["clients"] == ["test"]


def test_D28_files_are_private_and_no_secret_is_shown_anywhere(client: Client, path: str, tmp_path: Path) -> None:
    define(client, double="lambda x: 2 * x")
    run(client, 1)
    connection = read(path)
    assert connection is not None
    assert len(connection.key) == 64
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    directory = os.path.dirname(connection.lifeline)
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
    shown = repr(connection) + repr(client) + repr(client.attach()) + str(client.call("status"))
    with pytest.raises(ProtocolError) as refused:
        client.call("hello", key="wrong")
    shown += str(refused.value)
    for process in [*psutil.Process(connection.pid).children(recursive=True), psutil.Process(connection.pid)]:
        shown += str(process.cmdline()) + str(process.environ())
    for file in [*Path(directory).iterdir(), *(tmp_path / "floe.json.data").rglob("*")]:
        if file.is_file():
            assert connection.key.encode() not in file.read_bytes(), file
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    assert connection.key not in shown


def test_every_dispatcher_makes_its_own_key(client: Client, path: str, processes: Processes) -> None:
    first = read(path)
    os.kill(client.pid, 9)
    processes.wait_gone()
    client.call("status")
    second = read(path)
    assert first is not None
    assert second is not None
    assert first.key != second.key


@contextlib.contextmanager
def frozen_viewer(client: Client) -> Iterator[zmq.Socket[bytes]]:
    """Subscribes to everything, and reads nothing."""
    channel = client.attach()
    with channel.context.socket(zmq.SUB) as frozen:
        frozen.setsockopt(zmq.RCVHWM, 10)
        frozen.setsockopt(zmq.LINGER, 0)
        frozen.connect(channel.connection.events)
        frozen.setsockopt(zmq.SUBSCRIBE, b"")
        yield frozen


def test_D29_a_viewer_that_does_not_read_loses_events_and_nobody_else_notices(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    with frozen_viewer(client) as frozen:
        frozen.poll(5_000)
        before = psutil.Process(client.pid).memory_info().rss
        for request in [client.submit("request", batch=batch("x" * 10_000)) for _ in range(3_000)]:
            request.result(20.0)
        assert psutil.Process(client.pid).memory_info().rss < before + 60 * 1024 * 1024
        assert client.call("status")["faults"] == 0


def test_D29_what_waits_for_a_viewer_that_does_not_read_is_bounded(client: Client) -> None:
    """By what it finds when it reads again: no more than may wait at both ends, and what its socket holds."""
    define(client, double="lambda x: 2 * x")
    client.call("start")
    with frozen_viewer(client) as frozen:
        frozen.poll(5_000)
        for request in [client.submit("request", batch=batch("print 40000")) for _ in range(2_000)]:
            request.result(60.0)
        found = 0
        while frozen.poll(2_000):
            topic = frozen.recv_multipart()[0]
            found += topic.startswith(b"log/")
    assert 0 < found <= WAITING + 100, "of 2,000 that were published"


def test_D14_the_sequences_of_every_topic_strictly_increase(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    channel = client.attach()
    last: dict[str, int] = {}
    with channel.context.socket(zmq.SUB) as events:
        events.setsockopt(zmq.LINGER, 0)
        events.connect(channel.connection.events)
        events.setsockopt(zmq.SUBSCRIBE, b"")
        until(lambda: client.call("request", batch=batch(1)) and events.poll(0), "the first event")
        requests = [client.submit("request", batch=batch(n)) for n in range(300)]
        while (there := events.poll(50)) or not all(w.done() for w in requests):
            if there:
                topic, sequence, _ = msgspec.msgpack.decode(events.recv_multipart()[1])
                assert sequence > last.get(topic, 0)
                last[topic] = sequence
    assert len(last) >= 300


def test_a_viewer_that_does_not_read_delays_the_ends_of_runs_for_others_no_longer_than_patience(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    newest: dict[str, str] = {}
    client.subscribe("run/", lambda topic, value: newest.__setitem__(topic, value["status"]))
    until(lambda: newest or run(client), "the first event")
    client.call("start")
    with frozen_viewer(client) as frozen:
        until(lambda: client.call("request", batch=batch(1)) and frozen.poll(0), "the first event of the frozen viewer")
        for request in [client.submit("request", batch=batch("x" * 1_000)) for _ in range(4_000)]:
            request.result(20.0)
        until(lambda: list(newest.values()).count("done") >= 4_000, "the ends of 4,000 runs", 10.0)
