"""Our side of each comparison: flows through a real dispatcher, runner and runtimes, driven by the client."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.notation.parser import parse
from floe_jupyter.wire.client.client import Client, connect
from tests.benchmarks.programs import records

RECORD = (
    '{"id": i, "ts": "2026-11-21T04:00:00Z", "ppm": 412.25, "site": "MLO", "ok": True, "note": "a plain text value", "n": i * 3}'
)
SOURCE = f"""def make(msg):
    for i in range(msg - 1):
        yield {RECORD}
    yield {{"n": 0, "note": "end"}}
"""
TOUCH = "def touch(msg):\n    msg['n'] += 1\n    return msg\n"
TOUCH_JS = "export default function (msg) { msg.n += 1; return msg; }\n"
COUNT = """import time
n, first = 0, 0.0
def count(msg):
    global n, first
    n += 1
    if msg["note"] == "end":
        return {"n": n, "seconds": time.monotonic() - first}
    first = first or time.monotonic()
"""


@contextmanager
def dispatcher() -> Iterator[Client]:
    """A dispatcher of its own, gone afterwards with all that belongs to it."""
    with tempfile.TemporaryDirectory(prefix="floe-bench-") as directory:
        before = dict(os.environ)
        os.environ.update(FLOE_CONNECTION=f"{directory}/c.json", XDG_DATA_HOME=directory, JUPYTER_RUNTIME_DIR=directory)
        client = connect()
        try:
            yield client
        finally:
            client.call("shutdown")
            client.close()
            os.environ.clear()
            os.environ.update(before)


def define(client: Client, name: str, text: str, *modules: Module) -> None:
    for module in modules:
        client.call("define", module=module)
    client.call("define_flow", flow=parse(text, name, modules={m.name: m for m in client.call("modules")}))


def batch(*values: Any) -> Batch:
    return Batch(orjson.dumps(list(values)), len(values))


def run(client: Client, flow: str, *values: Any, timeout: float = 120.0) -> Any:
    """Run to the end; the RunInfo."""
    info = client.call("open_run", flow=flow)
    client.call("feed", ref=info.ref, batch=batch(*values))
    client.call("close_run", ref=info.ref)
    info = client.call("wait", ref=info.ref, timeout=timeout)
    assert info.status == "done", info
    return info


def results(client: Client, ref: str) -> list[Any]:
    found: list[Any] = []
    start = 0
    while part := client.call("results", ref=ref, start=start):
        start += len(part)
        for result in part:
            found += orjson.loads(result.batch.payload)
    return found


def python(name: str, source: str, *deps: str) -> Module:
    return Module(name, source, deps=deps)


def pipeline(client: Client, flow: str, count: int) -> float:
    """Messages a second through make -> touch -> count, from the first to the last message that `count` sees."""
    info = run(client, flow, count)
    [end] = results(client, info.ref)
    assert end["n"] == count, end
    return float(count / end["seconds"])


def round_trips(client: Client, flow: str, rounds: int) -> list[float]:
    """Seconds of each request with one record and its answer."""
    client.call("start", flow=flow)
    message, times = batch(records(1)[0]), []
    for _ in range(rounds):
        begin = time.perf_counter()
        info, _ = client.call("request", flow=flow, batch=message)
        times.append(time.perf_counter() - begin)
        assert info.status == "done", info
    client.call("stop", flow=flow)
    return times


def median(times: list[float]) -> float:
    return statistics.median(times)
