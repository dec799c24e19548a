"""Subscriptions: in effect when they return."""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Callable

from floe_jupyter.core.flow.model import Module
from floe_jupyter.server.attachment import Attachment
from floe_jupyter.wire.client.client import Client

ROUNDS = 40


def test_a_client_misses_nothing_from_its_subscription_on(client: Client, attach: Callable[..., Client]) -> None:
    for number in range(ROUNDS):
        seen: queue.SimpleQueue[str] = queue.SimpleQueue()
        other = attach(f"client {number}")
        other.subscribe("defined/", lambda _topic, value, seen=seen: seen.put(value["name"]))
        client.call("define", module=Module(f"m{number}", "lambda x: x"))
        assert seen.get(timeout=10) == f"m{number}"
        other.close()


def test_a_bridge_misses_nothing_from_its_subscription_on(client: Client, path: str) -> None:
    for number in range(ROUNDS):
        seen: queue.SimpleQueue[str] = queue.SimpleQueue()
        attachment = Attachment(path, lambda _topic, _sequence, value, seen=seen: seen.put(value["name"]))
        attachment.subscribe("defined/")
        client.call("define", module=Module(f"m{number}", "lambda x: x"))
        assert seen.get(timeout=10) == f"m{number}"
        os.close(attachment.lost)
        attachment.close(keep=False)


def test_a_dispatcher_that_stands_still_is_not_waited_for_for_long(client: Client, path: str) -> None:
    attachment = Attachment(path, lambda *_: None)
    os.kill(client.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        attachment.subscribe("defined/")
        assert time.monotonic() - began < 5.0
    finally:
        os.kill(client.pid, signal.SIGCONT)
    os.close(attachment.lost)
    attachment.close(keep=False)
