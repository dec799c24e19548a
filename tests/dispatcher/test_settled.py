"""Whoever waited until its subscription is in effect misses nothing."""

from __future__ import annotations

import os
import queue
import signal
import time

from floe_jupyter.core.model import Module
from floe_jupyter.server.life import Life
from floe_jupyter.wire.client import Client

ROUNDS = 40


def test_nothing_is_missed_once_a_subscription_has_settled(client: Client, path: str) -> None:
    for number in range(ROUNDS):
        seen: queue.SimpleQueue[str] = queue.SimpleQueue()
        life = Life(path, lambda _topic, _sequence, value, seen=seen: seen.put(value["name"]))
        life.subscribe("defined/")
        life.settle()
        client.call("define", module=Module(f"m{number}", "lambda x: x"))
        assert seen.get(timeout=10) == f"m{number}"
        os.close(life.lost)
        life.close(keep=False)


def test_a_dispatcher_that_stands_still_is_not_waited_for_for_long(client: Client, path: str) -> None:
    life = Life(path, lambda *_: None)
    os.kill(client.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        life.settle()
        assert time.monotonic() - began < 5.0
    finally:
        os.kill(client.pid, signal.SIGCONT)
    os.close(life.lost)
    life.close(keep=False)
