"""Shared memory between runners of one machine: buffers arrive as they were, and nothing of them stays."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.values import decode, encode
from tests.e2e.flows import finished, opened
from tests.e2e.outposts.spread import count, define, place, runners, runtimes, wait

KIB = 1024
MODULES = (
    Module("make", "def make(n):\n    return [n, bytes([n % 251]) * (200 * 1024)]\n"),
    Module("turn", "import time\ndef turn(v):\n    time.sleep(0.002)\n    return [v[0], bytes(reversed(v[1])), v[1]]\n"),
    Module("both", "def both(v):\n    assert v[1] == v[2], v[0]\n    return [v[0], v[1]]\n"),
)
PLACES = {"make": "local:b", "turn": "local:c", "both": "local:b"}


def segments() -> set[str]:
    """Return the segments of shared memory of this user's runners."""
    return {name for name in os.listdir("/dev/shm") if name.startswith("floe-")}


@pytest.fixture
def clean() -> set[str]:
    """Return the segments before the test, which other tests may own."""
    return segments()


def feed(client: Client, ref: str, numbers: range) -> None:
    """Feed numbers one by one."""
    for number in numbers:
        client.call("feed", ref=ref, batch=encode([number]))


def numbers_of(client: Client, ref: str) -> list[int]:
    """Return the numbers of all results, after a look at their bytes."""
    found, start = [], 0
    while page := client.call("results", ref=ref, start=start, limit=32):
        start += len(page)
        for item in page:
            for number, data in decode(item.batch):
                assert data == bytes([number % 251]) * (200 * KIB)
                found.append(number)
    return found


def test_buffers_arrive_in_outposts_and_back_and_their_names_at_home_are_removed_meanwhile(
    client: Client, clean: set[str]
) -> None:
    define(client, *MODULES)
    place(client, "f", "make -> turn -> both", **PLACES)
    info = opened(client, "f", list(range(300)))
    finished(client, info)
    assert numbers_of(client, info.ref) == list(range(300))
    wait(lambda: not [name for name in segments() - clean if "-l" in name], "the release of all links", 5)
    client.call("shutdown")
    wait(lambda: not _of_ended(segments() - clean), "the end of all segments", 5)


def test_a_killed_outpost_takes_no_buffer_along_that_is_on_its_way(client: Client, clean: set[str]) -> None:
    define(client, *MODULES)
    place(client, "f", "make -> turn -> both", **PLACES)
    ref = client.call("open_run", flow="f").ref
    for n in range(8):
        feed(client, ref, range(n * 40, (n + 1) * 40))
        seen = count(client, ref)
        wait(lambda seen=seen: count(client, ref) > seen, "a result since the last kill")
        found, victim = runners(client), ("local:b", "local:c")[n % 2]
        rows = [row["pid"] for row in runtimes(client).values() if row["runner"] == victim and row["pid"]]
        target = found.get(victim, 0) if n % 4 < 2 else next(iter(rows), 0)
        if target:
            with suppress(ProcessLookupError):
                os.kill(target, signal.SIGKILL)
    client.call("close_run", ref=ref)
    info = client.call("wait", ref=ref, timeout=60)
    assert (info.status, info.failures) == ("done", ())
    assert numbers_of(client, ref) == list(range(320))
    client.call("shutdown")
    wait(lambda: not _of_ended(segments() - clean), "the end of all segments", 5)


def _of_ended(names: set[str]) -> set[str]:
    """Return the segments whose makers have ended."""
    return {name for name in names if not os.path.exists(f"/proc/{name.split('-')[1]}")}
