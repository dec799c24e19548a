"""Helpers of the tests of the dispatcher: definitions, batches, and watched processes."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from floe_jupyter.core.flow.model import Flow, Module, Node, Wire
from floe_jupyter.core.messages import Batch
from floe_jupyter.wire.client.client import Client
from tests.processes import alive

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "tests.dispatcher.with_standin")
REAL = (sys.executable, "-P", "-m", "floe_jupyter.dispatcher")


def batch(*values: Any) -> Batch:
    """Return a batch of values."""
    return Batch(json.dumps(values, separators=(",", ":")).encode(), len(values))


def define(client: Client, name: str = "co2", **sources: str) -> Flow:
    """Define a chain of modules, in the order given, and return the flow."""
    for module, source in sources.items():
        client.call("define", module=Module(module, source))
    nodes = tuple(Node(module, module) for module in sources)
    wires = tuple(Wire(a.id, b.id) for a, b in pairwise(nodes))
    flow = Flow(name, nodes, wires)
    client.call("define_flow", flow=flow)
    return flow


def run(client: Client, *values: Any, flow: str = "", **options: Any) -> Any:
    """Open, feed and close a run; return its record when over or held."""
    info = client.call("open_run", flow=flow, **options)
    if values:
        client.call("feed", ref=info.ref, batch=batch(*values))
    client.call("close_run", ref=info.ref)
    return over(client, info.ref)


def over(client: Client, ref: str, within: float = 40.0, **options: Any) -> Any:
    """Return the record of a run when over or held; fail after *within* seconds, naming the run's state."""
    info = client.call("wait", ref=ref, timeout=within, **options)
    assert info.status not in ("pending", "active"), f"waited {within:g} s for the end of run {ref}: {info}"
    return info


def values_of(client: Client, ref: str) -> list[Any]:
    """Return the results of a run, page by page."""
    found: list[Any] = []
    start = 0
    while page := client.call("results", ref=ref, start=start):
        start += len(page)
        found += [value for item in page for value in json.loads(item.batch.payload)]
    return found


class Processes:
    """Process with all descendants, later ones included."""

    def __init__(self) -> None:
        self._seen: dict[int, psutil.Process] = {}

    def watch(self, pid: int) -> None:
        """Watch a process."""
        process = psutil.Process(pid)
        for found in (process, *process.children(recursive=True)):
            self._seen[found.pid] = found

    def all(self) -> list[psutil.Process]:
        """Return all living processes."""
        for process in list(self._seen.values()):
            with suppress(psutil.NoSuchProcess):  # it may end while we look
                if alive(process):
                    self.watch(process.pid)
        return [process for process in self._seen.values() if alive(process)]

    def wait_gone(self, within: float = 2.0) -> None:
        """Wait until all processes are gone; fail after *within* seconds."""
        _, left = psutil.wait_procs(self.all(), timeout=within)
        assert not [p for p in left if alive(p)], f"still there after {within} s: {left}"


def until(seen: Any, what: str, within: float = 20.0) -> Any:
    """Wait for a condition reported by no event; fail with *what* was waited for."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found = seen()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited {within} s for {what}")
