"""Short words for the tests here: define, feed, collect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.notation.parser import parse
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.values import decode, encode


def define(client: Client, name: str, text: str, *modules: Module) -> None:
    for module in modules:
        client.call("define", module=module)
    known = {m.name: m for m in client.call("modules")}
    client.call("define_flow", flow=parse(text, name, modules=known))


def opened(client: Client, flow: str, values: list[Any], *, debug: bool = False, paused: bool = False) -> RunInfo:
    """A run that has been fed and closed."""
    info: RunInfo = client.call("open_run", flow=flow, debug=debug)
    if paused:
        client.call("pause", flow=info.ref)
    client.call("feed", ref=info.ref, batch=encode(values))
    client.call("close_run", ref=info.ref)
    return info


def finished(client: Client, info: RunInfo, timeout: float = 50.0) -> RunInfo:
    """The run when it is done; its failures are shown when it is not."""
    info = client.call("wait", ref=info.ref, timeout=timeout)
    assert info.status == "done", (info.status, info.failures)
    return info


def results(client: Client, info: RunInfo) -> list[Any]:
    found: list[Any] = []
    start = 0
    while part := client.call("results", ref=info.ref, start=start):
        start += len(part)
        for result in part:
            found += decode(result.batch)
    return found


def run(client: Client, flow: str, *values: Any) -> list[Any]:
    """Feed, wait until it is done, collect."""
    return results(client, finished(client, opened(client, flow, list(values))))


def journal(path: Path) -> list[Any]:
    """What modules wrote down, one JSON value a line, in the order of writing."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def pids(client: Client) -> dict[str, int]:
    """The process of each node's runtime."""
    return {node.rpartition("/")[2]: r["pid"] for r in client.call("runtimes") for node in r["nodes"]}
