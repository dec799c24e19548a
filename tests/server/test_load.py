"""Pages that do not read, pages that talk nonsense, and flows that are fast: nobody else notices, and nothing grows."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import websocket

from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import batch as batch_of
from tests.dispatcher.kit import define, until
from tests.server.kit import Page, Server, batch

Kernels = Callable[..., Client]
Pages = Callable[..., Page]
FRAMES = int(os.environ.get("FLOE_FUZZ_PAGES", "10000"))
PRINTS = "def prints(msg):\n    for i in range(msg):\n        print('x' * 900, i)\n    return msg\n"
DOUBLE = "def double(msg):\n    return 2 * msg\n"
VALID = [
    json.dumps(frame)
    for frame in (
        {"id": 1, "call": "run_info", "args": {"ref": "co2.1.local.1"}},
        {"id": 2, "call": "define", "args": {"module": {"name": "m", "source": "lambda x: x", "deps": ["a"]}, "timeout": 1.0}},
        {"id": 3, "call": "define_flow", "args": {"flow": {"name": "f", "nodes": [{"id": "m", "module": "m"}]}}},
        {"id": 4, "call": "feed", "args": {"ref": "none", "batch": batch(1, "two", [3.0, None])}},
        {"id": 5, "call": "results", "args": {"ref": "co2.1.local.1", "start": 0, "limit": 3}},
        {"id": 6, "call": "set_break", "args": {"node": "m", "when": "msg > 3"}},
        {"id": 7, "call": "edit", "args": {"id": "0a1b", "text": "eyJhIjogMX0=", "flow": "co2"}},
        {"subscribe": "view/co2.1.local.1"},
        {"unsubscribe": "view/"},
    )
]


def mutated(seed: int, n: int) -> Iterator[str]:
    """Frames that were valid: characters changed, cut, doubled, put in, or swapped with another's."""
    chance = random.Random(seed)
    signs = '{}[]",:\\0 9e-\x00\u00e9\U0001f600trufalsn'
    for _ in range(n):
        frame = chance.choice(VALID)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(frame) + 1)
            kind = chance.randrange(5)
            if kind == 0:
                frame = frame[:at] + chance.choice(signs) + frame[at + 1 :]
            elif kind == 1:
                frame = frame[:at]
            elif kind == 2:
                frame = frame[:at] + "".join(chance.choices(signs, k=chance.randrange(1, 9))) + frame[at:]
            elif kind == 3:
                frame = frame[:at] + chance.choice(VALID)[at:]
            else:
                frame = (frame * 2)[:4_096]
        yield frame


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_mutated_frames_are_each_answered_and_disturb_nobody(server: Server, kernel: Kernels, visit: Pages) -> None:
    define(kernel(), double=DOUBLE)
    fuzzer, other = visit(), visit()
    fuzzer.present()
    before = server.memory()
    answers = refused = 0
    for i, frame in enumerate(mutated(5, FRAMES), 1):
        fuzzer.send(frame)
        if i % 50 == 0:  # an error, or an answer, for each but the few that are still sound and about a topic
            fuzzer.send({"id": 10_000 + i, "call": "breaks"})
            while (got := fuzzer.receive()).get("id") != 10_000 + i:
                answers += "id" in got
                refused += "error" in got
    assert answers > 0.9 * FRAMES
    assert refused > 0.8 * FRAMES
    assert other.call("status")["pid"]
    assert server.memory() < before + 64 * 1024 * 1024
    assert "Traceback" not in server.said()
    print(f"\n{FRAMES:,} mutated frames: {refused:,} refused, {answers - refused:,} answered")


def test_binary_frames_and_none_at_all_are_answered_too(visit: Pages) -> None:
    page = visit()
    page.present(there=False)
    page.socket.send_binary(b"\xff\x00")
    assert "JSON text" in page.until(lambda f: f.get("id", 0) is None, "a refusal")["error"][1]
    page.socket.ping(b"still there?")
    page.socket.send("")
    assert page.until(lambda f: f.get("id", 0) is None, "a refusal")["error"][0] == "protocol"


def test_a_page_that_does_not_read_grows_nothing_and_stalls_nobody(server: Server, kernel: Kernels, visit: Pages) -> None:
    bare = kernel()
    define(bare, prints=PRINTS)
    slow, other = visit(sockopt=[(1, 8, 4_096)]), visit()  # SO_RCVBUF
    for page in (slow, other):
        page.present()
    for topic in ("view/", "log/", "run/", "notice/"):
        slow.send({"subscribe": topic})
    slow.call("breaks")
    bare.call("start", flow="co2")
    bare.call("request", flow="co2", batch=batch_of(1))
    before = server.memory()
    for _ in range(10):  # 18 MB of logs, and answers that nobody takes
        bare.call("request", flow="co2", batch=batch_of(2_000), timeout=20.0)
        for _ in range(3):
            slow.ask("logs", flow="co2")
        began = time.monotonic()
        other.call("breaks")
        assert time.monotonic() - began < 2.0
    grown = server.memory() - before
    print(f"\na page that does not read: the server grew by {grown / 1e6:.1f} MB")
    assert grown < 150 * 1024 * 1024
    assert slow.call("breaks") == [], "it goes on where it stopped reading"


def test_a_page_that_sends_without_reading_is_not_read_any_further(server: Server, kernel: Kernels, visit: Pages) -> None:
    kernel()
    floods, other = visit(sockopt=[(1, 8, 4_096)]), visit()
    other.present()
    before = server.memory()
    sent = 0

    def flood() -> None:
        nonlocal sent
        floods.socket.settimeout(3.0)
        try:
            for _ in range(1_000_000):
                floods.send('{"id": 1, "call": "%s"}' % ("y" * 8_000))
                sent += 1
        except (websocket.WebSocketException, OSError):  # the time ran out: the server no longer reads
            return

    thread = threading.Thread(target=flood)
    thread.start()
    thread.join(50.0)
    assert not thread.is_alive()
    assert 0 < sent < 100_000
    assert other.call("status")["pid"]
    assert server.memory() < before + 64 * 1024 * 1024


def test_a_fast_flow_is_seen_twenty_times_a_second_at_most(kernel: Kernels, visit: Pages) -> None:
    bare = kernel()
    define(bare, double=DOUBLE)
    page = visit()
    page.present()
    page.send({"subscribe": "view/"})
    bare.call("start", flow="co2")
    ended = threading.Event()

    def send() -> None:
        while not ended.is_set():
            bare.call("request", flow="co2", batch=batch_of(*range(500)))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        page.event("view/")
        began, views = time.monotonic(), 0
        while (left := began + 3.0 - time.monotonic()) > 0:
            try:
                views += "topic" in page.receive(left)
            except websocket.WebSocketTimeoutException:
                break
    finally:
        ended.set()
        thread.join(20.0)
    print(f"\na fast flow: {views / 3:.1f} views a second")
    assert 3 <= views <= 62


def test_events_of_many_runs_are_bounded_and_the_last_word_arrives(kernel: Kernels, visit: Pages) -> None:
    bare = kernel()
    define(bare, double=DOUBLE)
    page = visit()
    page.present()
    page.send({"subscribe": "run/"})
    bare.call("start", flow="co2")
    for _ in range(10):
        bare.call("send", flow="co2", batch=batch_of(*range(200)), each=True)
    last = bare.call("request", flow="co2", batch=batch_of(1))[0].ref
    assert page.event(f"run/{last}", lambda run: run["status"] == "done")
    until(lambda: bare.call("status")["runs"] == 0, "the end of all runs", within=20.0)
