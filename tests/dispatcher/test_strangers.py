"""Peers that connect and say nothing, or announce much before they say hello; processes that are stopped; starts that fail."""

from __future__ import annotations

import os
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from floe_jupyter.dispatcher.clients import IDENTIFIED_WITHIN, UNIDENTIFIED
from floe_jupyter.errors import EnvironmentFailed, ValueRefused
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.client.connection import read
from floe_jupyter.wire.transport.streams import READ, Splitter, framed, stream_path
from tests.dispatcher.kit import REAL, Processes, batch, define, run, until
from tests.processes import alive


@pytest.fixture
def knock() -> Iterator[Callable[[str], socket.socket]]:
    """Connects to a socket; the connections are closed at the end."""
    made: list[socket.socket] = []

    def connect(path: str) -> socket.socket:
        made.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        made[-1].connect(path)
        made[-1].settimeout(10.0)
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def is_closed(connection: socket.socket) -> bool:
    """Whether the other end has closed it; waits for that."""
    with suppress(ConnectionError):
        return connection.recv(1) == b""
    return True


def test_B11_what_a_message_says_of_its_length_reserves_nothing() -> None:
    splitter = Splitter(200_000_000)
    assert splitter.feed(struct.pack("<I", 120_000_000) + bytes(200_000)) == []
    assert splitter._large is not None
    assert len(splitter._large) <= 4 * READ
    large = os.urandom(7 * READ + 13)
    data, found = framed(large) + framed(b"behind"), []
    splitter = Splitter(len(large))
    for at in range(0, len(data), 70_001):
        found += splitter.feed(data[at : at + 70_001])
    assert found == [large, b"behind"]


def test_B11_strangers_who_announce_much_are_sent_away_and_cost_no_memory(
    client: Client, path: str, knock: Callable[[str], socket.socket]
) -> None:
    define(client, a="lambda x: x")
    connection = read(path)
    assert connection is not None
    before = psutil.Process(client.pid).memory_info().rss
    strangers = [knock(stream_path(connection.control)) for _ in range(50)]
    for stranger in strangers:
        with suppress(OSError):
            stranger.sendall(framed(b"\x07" * 16 + b"\x01") + struct.pack("<I", 100_000_000))
            stranger.sendall(bytes(200_000))
    assert all(map(is_closed, strangers))
    assert psutil.Process(client.pid).memory_info().rss - before < 20_000_000
    assert run(client, 1).status == "done"


def test_B11_what_is_fed_has_the_limit_of_what_is_given(client: Client) -> None:
    """Of one message, not of many that come together."""
    define(client, a="lambda x: 0")
    ref = client.call("open_run").ref
    with pytest.raises(ValueRefused, match=r"16,777,216 is the limit"):
        client.call("feed", ref=ref, batch=batch("x" * (16 * 1024 * 1024)))
    client.call("feed", ref=ref, batch=batch(*["x" * 6_000_000] * 3))
    client.call("start")
    with pytest.raises(ValueRefused, match=r"16,777,216 is the limit"):
        client.call("send", batch=batch("x" * (16 * 1024 * 1024)))


def test_B11_a_client_that_has_said_hello_may_send_much(client: Client) -> None:
    define(client, a="lambda x: len(x)")
    assert run(client, "x" * 5_000_000).status == "done"
    assert batch("x" * 5_000_000).size > 1_000_000


def test_B11_connections_that_say_nothing_are_few_and_short_lived(
    client: Client, path: str, attach: Callable[..., Client], knock: Callable[[str], socket.socket]
) -> None:
    connection = read(path)
    assert connection is not None
    before = psutil.Process(client.pid).num_fds()
    idle = [knock(connection.lifeline) for _ in range(600)]
    assert is_closed(idle[0]), "the oldest make room"
    until(lambda: psutil.Process(client.pid).num_fds() <= before + UNIDENTIFIED + 1, "their number to be bounded")
    other = attach("another")
    assert other.call("status")["clients"] == ["test", "another"]
    idle[-1].settimeout(IDENTIFIED_WITHIN + 10)
    assert is_closed(idle[-1]), "whoever says nothing is not waited for without end"
    assert client.call("status")["clients"] == ["test", "another"]


def test_B11_a_stopped_runner_does_not_outlive_a_killed_dispatcher(attach: Callable[..., Client], processes: Processes) -> None:
    real = attach(command=REAL)
    define(real, a="def f(x): return x")
    assert run(real, 1).status == "done"
    processes.watch(real.pid)
    [runner] = [psutil.Process(entry["pid"]) for entry in real.call("runners") if entry["status"] == "ready"][:1]
    os.kill(runner.pid, signal.SIGSTOP)
    os.kill(real.pid, signal.SIGKILL)
    until(lambda: not alive(runner), "the end of the runner", within=10.0)
    processes.wait_gone(10.0)


def test_B11_a_dispatcher_that_fails_to_start_leaves_nothing(
    attach: Callable[..., Client], path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipes = tmp_path / "pipes"
    pipes.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(pipes))
    Path(f"{path}.data").write_text("in the way")
    with pytest.raises(EnvironmentFailed):
        attach(command=REAL)
    assert list(pipes.iterdir()) == []
