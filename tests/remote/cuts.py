"""Cuts of the network under a run: what is fed meanwhile arrives, once and in order."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import batch, define, over, until, values_of
from tests.remote.machine import FarMachine

EVERY = 0.005
"""Seconds between two messages."""


def outlast(client: Client, runner: str, machine: FarMachine, seconds: float) -> tuple[float, float]:
    """Feed 200 messages a second to a run in *runner* before, during and after a cut of *seconds*; nothing may be lost or doubled.

    Return the seconds until the cut was noticed, and from its end to the next result.
    """
    define(client, echo="def echo(v): return v")
    ref = client.call("open_run", runner=runner).ref
    client.call("feed", ref=ref, batch=batch(-1))
    until(lambda: values_of(client, ref) == [-1], "the first result")
    stop, sent = threading.Event(), list[Future[Any]]()

    def feed() -> None:
        while not stop.wait(EVERY):
            sent.append(client.submit("feed", ref=ref, batch=batch(len(sent))))

    feeder = threading.Thread(target=feed)
    feeder.start()
    until(lambda: results(client, ref) > 100, "100 results before the cut")
    with machine.cut():
        begin = time.monotonic()
        until(lambda: any("silent" in row["status"] for row in client.call("runners")), "the cut to be noticed", 4.0)
        noticed = time.monotonic() - begin
        time.sleep(seconds - noticed)
    healed, came = time.monotonic(), results(client, ref)
    until(lambda: results(client, ref) > came, "a result after the cut", 30.0)
    flowing, after = time.monotonic() - healed, len(sent)
    until(lambda: len(sent) > after + 100, "100 messages after the cut")
    stop.set()
    feeder.join(20)
    for answer in sent:
        answer.result(20)
    client.call("close_run", ref=ref)
    assert over(client, ref).status == "done"
    assert values_of(client, ref) == [-1, *range(len(sent))]
    print(f"{len(sent)} messages: the cut noticed after {noticed:.2f} s, flowing {flowing:.2f} s after healing")
    return noticed, flowing


def results(client: Client, ref: str) -> int:
    """Return the number of results of a run."""
    return int(client.call("run_info", ref=ref).results)
