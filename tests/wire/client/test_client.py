"""The client: finding, starting, asking, and going on after whatever broke."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import EnvironmentFailed, PeerGone, PeerSilent, UnknownName, ValueRefused
from floe_jupyter.wire.client import channel as channels
from floe_jupyter.wire.client.client import Client, connect
from floe_jupyter.wire.client.connection import Connection, data_directory, read, write
from tests.dispatcher.kit import COMMAND, ROOT, Processes, batch, define, run, until, values_of
from tests.wire.proxy import Proxy

Clients = Callable[..., Client]


def test_eight_processes_that_start_at_once_find_one_dispatcher(path: str, attach: Clients) -> None:
    text = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from floe_jupyter.wire.client.client import connect
from tests.dispatcher.kit import COMMAND
client = connect(command=COMMAND)
print(client.pid, flush=True)
sys.stdin.read()
"""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([sys.executable, "-c", text], **pipes) for _ in range(8)]
    pids = {process.stdout.readline() for process in started if process.stdout}
    for process in started:
        process.communicate("")
    assert len(pids) == 1


def test_without_start_it_only_looks(path: str) -> None:
    with pytest.raises(PeerGone, match="no dispatcher serves"):
        connect(start=False, path=path)


def test_a_connection_file_of_a_dead_dispatcher_is_replaced(path: str, attach: Clients) -> None:
    write(path, Connection("ipc:///nowhere/c", "ipc:///nowhere/e", "/nowhere/l", "0" * 64, 999_999_999))
    assert attach().call("status")["pid"] != 999_999_999


def test_a_torn_connection_file_is_replaced(path: str, attach: Clients) -> None:
    Path(path).write_text('{"control": "ipc:')
    assert attach().call("status")["clients"] == ["test"]


def test_a_start_that_hangs_says_what_it_waited_for(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from floe_jupyter.wire.client import connection

    with pytest.raises(PeerSilent, match=r"for the dispatcher to say that it is ready; see .*dispatcher\.log"):
        connection.find_or_start(path, [sys.executable, "-c", "import time; time.sleep(30)"], within=0.3)


def test_a_runtime_directory_that_cannot_be_written_is_an_error_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailed, match="JUPYTER_RUNTIME_DIR"):
        connect(path=str(tmp_path / "file" / "floe.json"))


def test_what_outlives_it_is_beside_a_connection_file_that_is_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert data_directory(str(tmp_path / "x.json")) == str(tmp_path / "x.json.data")
    assert data_directory(str(tmp_path / "runtime" / "floe-4711.json")) == str(tmp_path / "share" / "floe-jupyter" / "4711")


def test_a_reply_that_was_lost_does_not_run_twice(client: Client, path: str, tmp_path: Path, attach: Clients) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    before = len(client.call("runs"))
    connection = read(path)
    assert connection is not None
    address = f"ipc://{os.path.dirname(connection.lifeline)}/proxy"
    proxy = Proxy(connection.control, address, lambda direction, number, times: direction == "answer" and times == 0)
    write(f"{path}.proxied", msgspec.structs.replace(connection, control=address))
    with connect(path=f"{path}.proxied", start=False, client="behind") as behind:
        for n in range(3):
            assert behind.call("request", batch=batch(n), flow="co2")[1][0].batch.payload == b"[%d]" % (2 * n)
    proxy.close()
    assert proxy.lost == 4, "hello and three requests"
    assert len(client.call("runs")) == before + 3


def test_requests_and_answers_that_are_lost_at_random_run_once_each(
    client: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import random

    monkeypatch.setattr(channels, "RESEND_AFTER", 0.05)
    define(client, double="lambda x: 2 * x")
    client.call("start")
    chance = random.Random(11)
    connection = read(path)
    assert connection is not None
    address = f"ipc://{os.path.dirname(connection.lifeline)}/proxy"
    proxy = Proxy(connection.control, address, lambda *_: chance.random() < 0.2)
    write(f"{path}.proxied", msgspec.structs.replace(connection, control=address))
    with connect(path=f"{path}.proxied", start=False) as behind:
        refs = [behind.call("send", batch=batch(n), flow="co2").ref for n in range(100)]
    proxy.close()
    assert proxy.lost > 20
    assert len(client.call("runs", limit=1_000)) == len(set(refs)) == 100
    assert [values_of(client, ref) for ref in refs] == [[2 * n] for n in range(100)]


def test_a_call_that_takes_long_is_not_given_up_while_the_dispatcher_lives(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "RESEND_AFTER", 0.05)
    monkeypatch.setattr(channels, "SILENT_AFTER", 0.3)
    define(client, hold="hold")
    info = client.call("open_run")
    assert client.call("wait", ref=info.ref, timeout=1.0).status == "active"


def test_a_dispatcher_that_is_stopped_is_told_apart_from_one_that_is_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "RESEND_AFTER", 0.05)
    monkeypatch.setattr(channels, "SILENT_AFTER", 0.3)
    os.kill(client.pid, signal.SIGSTOP)
    try:
        with pytest.raises(PeerSilent, match=r"dispatcher \(process \d+\) to answer 'status'; it lives but does not answer"):
            client.call("status")
    finally:
        os.kill(client.pid, signal.SIGCONT)
    assert client.call("status")["pid"]


def test_after_a_restart_the_client_goes_on_and_hears_events_again(client: Client, processes: Processes) -> None:
    define(client, double="lambda x: 2 * x")
    heard = threading.Event()
    client.subscribe("defined/", lambda topic, value: heard.set())
    former = client.pid
    os.kill(former, signal.SIGKILL)
    processes.wait_gone()
    assert client.call("status")["pid"] != former
    deadline, n = time.monotonic() + 5.0, 0
    while not heard.is_set() and time.monotonic() < deadline:
        define(client, double=f"lambda x: {n} * x")
        n += 1
    assert heard.is_set()
    assert run(client, 1).status == "done"


def test_an_interrupt_ends_a_call_and_the_next_one_works(client: Client) -> None:
    define(client, hold="hold")
    info = run(client, 1)
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        client.call("wait", ref=info.ref, through_holds=True)
    client.call("resume")
    assert client.call("wait", ref=info.ref).status == "done"


def test_many_threads_share_a_client(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    wrong: list[object] = []

    def work(first: int) -> None:
        for n in range(first, first + 30):
            payload = client.call("request", batch=batch(n))[1][0].batch.payload
            if payload != b"[%d]" % (2 * n):
                wrong.append((n, payload))

    threads = [threading.Thread(target=work, args=(k * 1_000,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert wrong == []


def test_what_one_thread_submits_runs_in_its_order(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    info = client.call("open_run")
    acks = [client.submit("feed", ref=info.ref, batch=batch(n)) for n in range(1_500)]
    acks.append(client.submit("close_run", ref=info.ref))
    for ack in acks:
        ack.result(20.0)
    client.call("wait", ref=info.ref)
    assert values_of(client, info.ref) == [2 * n for n in range(1_500)]


def test_a_submitted_call_that_is_refused_fails_its_future(client: Client) -> None:
    with pytest.raises(UnknownName, match="no run"):
        client.submit("run_info", ref="none").result(5.0)


def test_a_fork_attaches_for_itself(client: Client) -> None:
    mine = client.call("status")["clients"]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(len(client.call("status")["clients"])).encode())
        finally:
            os._exit(0)
    os.close(writing)
    assert os.read(reading, 10) == b"%d" % (len(mine) + 1)
    os.close(reading)
    os.waitpid(child, 0)
    assert client.call("status")["clients"] == mine


def test_large_buffers_go_by_shared_memory_and_nothing_of_them_is_left(client: Client) -> None:
    define(client, double="lambda x: x")
    data = os.urandom(1_000_000)
    info = client.call("open_run")
    given = Batch(b'[{"$floe":["bytes",0]}]', 1, tagged=True, buffers=(Buffer(len(data), data),), counts=(1,))
    client.call("feed", ref=info.ref, batch=given)
    client.call("close_run", ref=info.ref)
    client.call("wait", ref=info.ref)
    [item] = client.call("results", ref=info.ref)
    [buffer] = item.batch.buffers
    assert buffer.data is None
    assert Path("/dev/shm", buffer.segment).read_bytes() == data
    pid = client.pid
    client.close()
    ours = (f"floe-{os.getpid()}-", f"floe-{pid}-")
    until(lambda: not [name for name in os.listdir("/dev/shm") if name.startswith(ours)], "the end of all segments")


def test_buffers_of_a_refused_call_are_taken_back(client: Client) -> None:
    with pytest.raises(UnknownName):
        client.call("feed", ref="none", batch=Batch(b"[0]", 1, buffers=(Buffer(100_000, bytes(100_000)),), counts=(1,)))
    assert [n for n in os.listdir("/dev/shm") if n.startswith(f"floe-{os.getpid()}-c")] == []


def test_a_call_that_is_too_large_is_refused_here(client: Client) -> None:
    with pytest.raises(ValueRefused, match=r"a call of 134,.* bytes; the limit is 134,217,728: send fewer messages at once"):
        client.call("feed", ref="x", batch=Batch(b"[" + b"1" * (128 << 20) + b"]", 1))


def test_a_closed_client_says_so(client: Client) -> None:
    client.close()
    client.close()
    with pytest.raises(PeerGone, match="is closed; connect again"):
        client.call("status")


def test_closing_ends_calls_of_other_threads(client: Client, attach: Clients) -> None:
    other = attach("other")
    define(client, hold="hold")
    info = client.call("open_run")
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            other.call("wait", ref=info.ref)
        except PeerGone as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    other.close()
    thread.join(5.0)
    assert len(ended) == 1


@pytest.fixture
def imported() -> set[str]:
    text = "import sys, floe_jupyter.wire.client.client; print(' '.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_client_is_cheap(imported: set[str]) -> None:
    assert imported.isdisjoint({"IPython", "lark", "click", "rich", "sqlite3", "numpy", "floe_jupyter.core.machine.machine"})


def test_the_command_starts_the_real_dispatcher_without_the_current_directory_on_its_path() -> None:
    from floe_jupyter.wire.client.connection import COMMAND as REAL

    assert REAL[1:] == ("-P", "-m", "floe_jupyter.dispatcher")
    assert COMMAND != REAL
