"""Large flows (W7): from the order to run until the only message is through, for each node.

The baseline does the least of it: it loads as many functions in one process, each from its own source in a namespace of its own,
and calls them one after the other.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.wire.client.client import Client
from tests import shapes
from tests.benchmarks import flows, programs
from tests.benchmarks.rows import Row

FEW, MANY = 999, 9_999
MOST = 2.2
"""So much more a node may cost among ten times as many."""


def _seconds(client: Client, flow: Flow) -> float:
    begin = time.perf_counter()
    info = client.call("open_run", flow=flow.name)
    client.call("feed", ref=info.ref, node=shapes.entry(flow), batch=flows.batch(1))
    client.call("close_run", ref=info.ref)
    info = client.call("wait", ref=info.ref, timeout=120.0)
    assert info.status == "done", info
    return time.perf_counter() - begin


def _per_node(client: Client, shape: str, n: int, rounds: int) -> float:
    """Microseconds of each node."""
    flow = shapes.SHAPES[shape](n)
    client.call("define_flow", flow=flow)
    return statistics.median(_seconds(client, flow) for _ in range(rounds)) * 1e6 / len(flow.nodes)


def _least() -> float:
    command = [sys.executable, programs.__file__, "load", str(FEW)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) * 1e6 / FEW


def start(client: Client, lang: str) -> list[Row]:
    """Each shape beside the least program, and ten times as many nodes beside these."""
    for module in shapes.modules(lang).values():
        client.call("define", module=module)
    _per_node(client, "chain", 10, 1)
    found = []
    for shape in shapes.SHAPES:
        few, least = _per_node(client, shape, FEW, 3), _least()
        many = _per_node(client, shape, MANY, 1)
        found += [
            Row(f"{shape} of 1,000 nodes starts, {lang} (W7)", few, least, "us/node", 25.0, "less"),
            Row(f"{shape}: 10,000 nodes against 1,000, {lang} (W7)", many, few, "us/node", MOST, "less"),
        ]
    return found
