"""A flow whose nodes can be told where to live, and what is looked at in these tests."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import orjson

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.notation.parser import parse
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.replies import RunInfo

LIMIT = 60.0
"""Maximum seconds of a wait."""


def place(client: Client, name: str, text: str, **runners: str) -> dict[str, Any]:
    """Define a flow with these nodes in these runners, or move them there; return the answer."""
    nodes = {module.name: module for module in client.call("modules")}
    lines = [f"{node} = {node}(runner='{url}')" for node, url in runners.items() if url]
    answer: dict[str, Any] = client.call("define_flow", flow=parse("\n".join([text, *lines]), name, modules=nodes))
    assert answer["refused"] == [], answer
    return answer


def define(client: Client, *modules: Module) -> None:
    """Define modules."""
    for module in modules:
        client.call("define", module=module)


def runners(client: Client) -> dict[str, int]:
    """Return the process of each runner, by URL."""
    return {runner["url"]: runner["pid"] for runner in client.call("runners")}


def runtimes(client: Client) -> dict[str, dict[str, Any]]:
    """Return the runtime of each node."""
    return {node.rpartition("/")[2]: row for row in client.call("runtimes") for node in row["nodes"]}


def where(client: Client, flow: str = "") -> dict[str, str]:
    """Return the runner of each node, as the view of the flow names it."""
    return {node.id: node.runner for node in client.call("view", flow=flow).nodes}


def wait(until: Callable[[], Any], what: str, limit: float = LIMIT) -> Any:
    """Return the first true value; fail after *limit* seconds."""
    deadline = time.monotonic() + limit
    while not (found := until()):
        assert time.monotonic() < deadline, f"waited {limit:g} s for {what}"
        time.sleep(0.02)
    return found


def count(client: Client, ref: str) -> int:
    """Return the number of results of a run."""
    info: RunInfo = client.call("run_info", ref=ref)
    assert info.status in ("active", "done"), (info.status, info.failures)
    return info.results


def feed(client: Client, ref: str, numbers: range, size: int = 256) -> None:
    """Feed numbers, as fast as the flow takes them."""
    for begin in range(numbers.start, numbers.stop, size):
        part = list(range(begin, min(begin + size, numbers.stop)))
        client.call("feed", ref=ref, batch=Batch(orjson.dumps(part), len(part)))


def results(client: Client, ref: str) -> list[Any]:
    """Return the results of a run, decoded."""
    found: list[Any] = []
    start = 0
    while page := client.call("results", ref=ref, start=start, limit=4_096):
        start += len(page)
        found += itertools.chain.from_iterable(orjson.loads(item.batch.payload) for item in page)
    return found
