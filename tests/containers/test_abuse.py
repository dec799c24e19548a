"""Modules that take all they can get: their own flow suffers, the runner answers, and a neighbour notices nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from floe_jupyter.wire.client.client import Client
from tests.containers.flows import IMAGE, define, module, opened, run

ANSWER_WITHIN = 2.0
"""Seconds in which a runner answers, whatever its modules do."""
FORKS = """import os, time
def greedy(msg):
    count = 0
    while True:
        try:
            if os.fork() == 0:
                time.sleep(60)
        except OSError:
            time.sleep(0.01)
"""
MEMORY = """def greedy(msg):
    kept = []
    while True:
        kept.append(bytearray(b"x" * (8 << 20)))
"""
DISK = """import time
def greedy(msg):
    while True:
        try:
            with open("/tmp/full", "ab") as file:
                while True:
                    file.write(b"x" * (1 << 20))
                    file.flush()
        except OSError:
            time.sleep(0.01)
"""
PROCESSOR = """import threading
def greedy(msg):
    def burn():
        while True: pass
    for _ in range(8):
        threading.Thread(target=burn, daemon=True).start()
    burn()
"""


def until(condition: Callable[[], object], what: str, within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"waited {within:g} s for {what}"
        time.sleep(0.02)


@pytest.mark.parametrize(("what", "source"), [("forks", FORKS), ("memory", MEMORY), ("disk", DISK), ("processor", PROCESSOR)])
def test_a_greedy_module_harms_neither_its_runner_nor_a_neighbour(client: Client, what: str, source: str) -> None:
    define(client, "near", "same", module("same", "def same(msg):\n    return msg"), runner="local:")
    define(client, "greedy", "greedy", module("greedy", source))
    assert run(client, "near", 1) == [1]
    info = client.call("open_run", flow="greedy")
    client.submit("feed", ref=info.ref, batch=_one())
    until(lambda: any(n.status == "busy" for n in client.call("view", flow=info.ref).nodes), f"the {what} to be taken")
    slowest = 0.0
    for n in range(20):
        assert run(client, "near", n) == [n]
        began = time.monotonic()
        client.call("runtimes")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.05)
    print(f"{what}: slowest answer of the runner {slowest:.3f} s")
    assert slowest < ANSWER_WITHIN
    began = time.monotonic()
    client.call("cancel", ref=info.ref)
    assert client.call("wait", ref=info.ref, timeout=10.0).status in ("cancelled", "failed")
    assert run(client, "near", 2) == [2]


def _one():
    from floe_jupyter.wire.values import encode

    return encode([1])


def test_the_failure_of_a_module_out_of_memory_names_the_limit_and_the_cure(client: Client) -> None:
    define(client, "greedy", "greedy", module("greedy", MEMORY), runner=f"{IMAGE}?memory=128m")
    info = client.call("wait", ref=opened(client, "greedy", [1]).ref, timeout=50.0)
    assert info.status == "failed"
    assert "128 MB, memory= in its URL gives it more" in info.failures[0].message
