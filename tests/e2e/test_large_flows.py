"""Flows of a thousand nodes in real processes: they start, run, are cancelled, debugged and changed, in seconds and not in minutes.

The deadlines are generous, as the machine may be busy; how the work grows is counted in `tests/core/machine/test_linear.py`, and measured
by `python -m tests.benchmarks large`.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from floe_jupyter.core.flow.model import Flow, Node, Wire
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.values import encode
from tests import shapes
from tests.e2e.flows import finished, results, run

NODES = 999
DEADLINE = 40.0

in_both_languages = pytest.mark.parametrize("lang", ["python", "js"])


def defined(client: Client, shape: str, lang: str) -> Flow:
    for module in shapes.modules(lang).values():
        client.call("define", module=module)
    flow = shapes.SHAPES[shape](NODES)
    client.call("define_flow", flow=flow)
    return flow


def started(client: Client, flow: Flow, **options: Any) -> RunInfo:
    info: RunInfo = client.call("open_run", flow=flow.name, **options)
    client.call("feed", ref=info.ref, node=shapes.entry(flow), batch=encode([1]))
    client.call("close_run", ref=info.ref)
    return info


@in_both_languages
@pytest.mark.parametrize("shape", shapes.SHAPES)
@pytest.mark.timeout(120)
def test_A5_B6_C1_E2_E3_a_thousand_nodes_run_end_to_end(client: Client, shape: str, lang: str) -> None:
    flow = defined(client, shape, lang)
    for debug in (False, True):
        found = results(client, finished(client, started(client, flow, debug=debug), DEADLINE))
        assert len(found) == 1


@in_both_languages
@pytest.mark.timeout(120)
def test_a_run_of_a_thousand_nodes_that_is_cancelled_at_once_leaves_the_way_free(client: Client, lang: str) -> None:
    flow = defined(client, "ladder", lang)
    begin = time.monotonic()
    for _ in range(3):
        info = started(client, flow)
        assert client.call("cancel", ref=info.ref).status == "cancelled"
    assert len(results(client, finished(client, started(client, flow), DEADLINE))) == 1
    assert time.monotonic() - begin < DEADLINE


@in_both_languages
@pytest.mark.timeout(120)
def test_a_flow_of_a_thousand_nodes_that_is_up_gets_one_node_more(client: Client, lang: str) -> None:
    flow = defined(client, "chain", lang)
    client.call("start", flow=flow.name)
    assert client.call("request", flow=flow.name, batch=encode([1]))[0].status == "done"
    more = msgspec.structs.replace(
        flow, nodes=(*flow.nodes, Node("more", "pass_on")), wires=(*flow.wires, Wire(flow.nodes[-1].id, "more"))
    )
    client.call("define_flow", flow=more)
    info, found = client.call("request", flow=flow.name, batch=encode([1]))
    assert (info.status, [part.node for part in found]) == ("done", ["more"])
    client.call("stop", flow=flow.name)


@pytest.mark.timeout(120)
def test_another_flow_answers_while_a_thousand_nodes_start(client: Client) -> None:
    flow = defined(client, "lattice", "python")
    client.call("define_flow", flow=Flow("small", (Node("only", "pass_on"),)))
    assert run(client, "small", 1) == [1]
    large = started(client, flow)
    assert run(client, "small", 2) == [2]
    finished(client, large, DEADLINE)
