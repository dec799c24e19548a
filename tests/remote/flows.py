"""Runs in a runner elsewhere, and what the tests compare of them."""

from __future__ import annotations

from typing import Any

from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.values import encode
from tests.dispatcher.kit import over
from tests.e2e.flows import results

FAR = "ssh:far"


def ran(client: Client, runner: str, values: list[Any], *, flow: str = "", **options: Any) -> RunInfo:
    """Open, feed and close a run in *runner*; return its record when over or held."""
    info = client.call("open_run", flow=flow, runner=runner, **options)
    client.call("feed", ref=info.ref, batch=encode(values))
    client.call("close_run", ref=info.ref)
    found: RunInfo = over(client, info.ref)
    return found


def done(client: Client, runner: str, values: list[Any], **options: Any) -> list[Any]:
    """Return the results of a run that has to be done."""
    info = ran(client, runner, values, **options)
    assert info.status == "done", info
    return results(client, info)
