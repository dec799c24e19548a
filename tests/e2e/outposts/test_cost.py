"""What an outpost costs: beside local pipes, in the same run."""

from __future__ import annotations

import time

import psutil
import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.values import decode, encode
from tests.e2e.outposts.spread import define, feed, place, results, wait

MESSAGES = 60_000
MODULES = (Module("a", "def a(v):\n    return v\n"), Module("b", "export default function b(v) { return v; }\n", "js"))


def rate(client: Client, flow: str) -> float:
    """Return the messages a second through a flow."""
    ref = client.call("open_run", flow=flow).ref
    feed(client, ref, range(256))
    wait(lambda: client.call("run_info", ref=ref).results == 256, "the first results")
    begin = time.monotonic()
    feed(client, ref, range(256, MESSAGES))
    client.call("close_run", ref=ref)
    assert client.call("wait", ref=ref, timeout=60).status == "done"
    spent = time.monotonic() - begin
    assert results(client, ref) == list(range(MESSAGES))
    return MESSAGES / spent


def trip(client: Client, flow: str) -> float:
    """Return the least seconds of 200 messages there and back, one at a time."""
    client.call("start", flow=flow)
    times = []
    for n in range(200):
        begin = time.perf_counter()
        _, found = client.call("request", flow=flow, batch=encode([n]))
        times.append(time.perf_counter() - begin)
        assert [value for result in found for value in decode(result.batch)] == [n]
    client.call("stop", flow=flow)
    return sorted(times)[100]


@pytest.mark.timeout(180)
def test_the_relay_costs_a_share_of_a_batch_and_not_of_every_message(client: Client) -> None:
    define(client, *MODULES)
    place(client, "near", "a -> b")
    place(client, "far", "a -> b", a="local:b", b="local:c")
    dispatcher = psutil.Process(client.call("status")["pid"])
    found = {}
    for flow in ("near", "far", "near", "far"):
        before = sum(dispatcher.cpu_times()[:2])
        speed, cost = rate(client, flow), sum(dispatcher.cpu_times()[:2]) - before
        found[flow] = max(found.get(flow, (0.0, 0.0)), (speed, cost))
    trips = {flow: trip(client, flow) for flow in ("near", "far")}
    for flow, (speed, cost) in found.items():
        print(
            f"\n{flow}: {speed:,.0f} messages/s, dispatcher {cost / MESSAGES * 1e6:.1f} us a message, trip {trips[flow] * 1e3:.2f} ms"
        )
    extra = (found["far"][1] - found["near"][1]) / MESSAGES
    assert extra < 20e-6, f"the relay costs {extra * 1e6:.1f} us a message in the dispatcher"
    assert found["far"][0] > found["near"][0] / 4
