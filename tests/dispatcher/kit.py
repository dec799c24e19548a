"""What the tests of the dispatcher share: definitions, batches, and a look at processes."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Flow, Module, Node, Wire
from floe_jupyter.wire.client import Client

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "tests.dispatcher.with_standin")
REAL = (sys.executable, "-P", "-m", "floe_jupyter.dispatcher")


def batch(*values: Any) -> Batch:
    return Batch(json.dumps(values, separators=(",", ":")).encode(), len(values))


def define(client: Client, name: str = "co2", **sources: str) -> Flow:
    """A chain of modules, in the order given; returns the flow that was defined."""
    for module, source in sources.items():
        client.call("define", module=Module(module, source))
    nodes = tuple(Node(module, module) for module in sources)
    wires = tuple(Wire(a.id, b.id) for a, b in pairwise(nodes))
    flow = Flow(name, nodes, wires)
    client.call("define_flow", flow=flow)
    return flow


def run(client: Client, *values: Any, flow: str = "", **options: Any) -> Any:
    """Open, feed and close a run; its record when it is over or held."""
    info = client.call("open_run", flow=flow, **options)
    if values:
        client.call("feed", ref=info.ref, batch=batch(*values))
    client.call("close_run", ref=info.ref)
    return over(client, info.ref)


def over(client: Client, ref: str, within: float = 40.0, **options: Any) -> Any:
    """The record of a run that is over or held; fails saying what it does instead after so many seconds."""
    info = client.call("wait", ref=ref, timeout=within, **options)
    assert info.status not in ("pending", "active"), f"waited {within:g} s for the end of run {ref}: {info}"
    return info


def values_of(client: Client, ref: str) -> list[Any]:
    """The results of a run, page by page."""
    found: list[Any] = []
    start = 0
    while page := client.call("results", ref=ref, start=start):
        start += len(page)
        found += [value for item in page for value in json.loads(item.batch.payload)]
    return found


class Processes:
    """A process and all of its descendants, also those that come later."""

    def __init__(self) -> None:
        self._seen: dict[int, psutil.Process] = {}

    def watch(self, pid: int) -> None:
        process = psutil.Process(pid)
        for found in (process, *process.children(recursive=True)):
            self._seen[found.pid] = found

    def all(self) -> list[psutil.Process]:
        for process in list(self._seen.values()):
            with suppress(psutil.NoSuchProcess):  # it may end while we look
                if alive(process):
                    self.watch(process.pid)
        return [process for process in self._seen.values() if alive(process)]

    def wait_gone(self, within: float = 2.0) -> None:
        """Fails if one of them is left after so many seconds."""
        _, left = psutil.wait_procs(self.all(), timeout=within)
        assert not [p for p in left if alive(p)], f"still there after {within} s: {left}"


def alive(process: psutil.Process) -> bool:
    """A zombie counts as gone."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def until(seen: Any, what: str, within: float = 20.0) -> Any:
    """Wait for something that no event tells the test; fails saying what it waited for."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found = seen()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited {within} s for {what}")
