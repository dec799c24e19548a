"""Positions for pages: computed when a page asks, between other work, and not again for the same flow."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.core.picture.page import page_layout
from floe_jupyter.core.picture.positions import PageLayout
from floe_jupyter.dispatcher.runs.layouts import KEPT, Layouts, Look
from floe_jupyter.errors import UnknownName
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.transport.loop import Loop
from tests import shapes
from tests.dispatcher.kit import define, run

WIDE = Look(vertical=False, folded=True, unfolded=frozenset())


def defined(client: Client, flow: Flow) -> Flow:
    """The flow as the dispatcher has it."""
    for module in shapes.modules().values():
        client.call("define", module=module)
    client.call("define_flow", flow=flow)
    return flow


def test_a_client_gets_the_positions_of_a_flow_that_never_ran(client: Client) -> None:
    flow = define(client, double="lambda x: 2 * x", inc="lambda x: x + 1")
    assert client.call("layout", flow="co2") == page_layout(flow)
    assert client.call("layout", flow="co2", vertical=True) == page_layout(flow, vertical=True)


def test_boxes_of_a_large_flow_are_unfolded_as_asked(client: Client) -> None:
    flow = defined(client, shapes.chain(300))
    whole = client.call("layout", flow=flow.name)
    box = whole.groups[2].box
    assert client.call("layout", flow=flow.name, unfolded=[box]) == page_layout(flow, unfolded=[box])
    assert client.call("layout", flow=flow.name, folded=False) == page_layout(flow, fold=False)


def test_a_flow_with_a_new_node_has_new_positions(client: Client) -> None:
    flow = define(client, double="lambda x: 2 * x", inc="lambda x: x + 1")
    run(client, 1)
    before = client.call("layout", flow="co2")
    client.call("define", module=Module("late", "lambda x: x"))
    client.call("define_flow", flow=msgspec.structs.replace(flow, nodes=(*flow.nodes, Node("late", "late"))))
    after = client.call("layout", flow="co2")
    assert [box.name for box in after.boxes] == [*(box.name for box in before.boxes), "late"]


def test_an_unknown_flow_is_refused_with_the_nearest_name(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    with pytest.raises(UnknownName, match="no flow 'co3'; did you mean 'co2'"):
        client.call("layout", flow="co3")


def test_other_calls_are_answered_while_ten_thousand_nodes_are_laid_out(client: Client) -> None:
    flow = defined(client, shapes.chain(10_000))
    asked = client.submit("layout", flow=flow.name, folded=False)
    waits = []
    while not asked.done():
        begun = time.monotonic()
        client.call("status")
        waits.append(time.monotonic() - begun)
    assert len(asked.result(timeout=0).boxes) == 10_000
    print(f"\n{len(waits)} calls answered meanwhile, the slowest in {max(waits) * 1000:.0f} ms")
    assert len(waits) > 10
    assert sorted(waits)[len(waits) // 2] < 0.5


# --- what is kept --------------------------------------------------------------------------------------------------------


def asked(layouts: Layouts, flow: Flow, look: Look = WIDE) -> list[PageLayout]:
    """The answers so far to a request."""
    found: list[PageLayout] = []
    layouts.ask(flow, look, found.append)
    return found


def finished(loop: Loop, found: Callable[[], bool]) -> None:
    """Turn the loop until a layout is there."""
    until = time.monotonic() + 20
    while not found():
        assert time.monotonic() < until, "waited 20 s for a layout"
        loop.turn(0.1)


def test_a_layout_is_computed_once_for_all_who_ask() -> None:
    loop = Loop()
    layouts, flow = Layouts(loop), shapes.chain(1_000)
    unfolded = Look(vertical=False, folded=False, unfolded=frozenset())
    first, second = asked(layouts, flow, unfolded), asked(layouts, flow, unfolded)
    assert first == second == []  # it takes longer than one slice
    finished(loop, lambda: bool(first))
    assert second[0] is first[0]
    assert asked(layouts, flow, unfolded)[0] is first[0]
    assert len(first[0].boxes) == 1_000


def test_layouts_used_last_are_kept_and_the_others_computed_again() -> None:
    loop = Loop()
    layouts = Layouts(loop)

    def made(flow: Flow) -> PageLayout:
        found = asked(layouts, flow)
        finished(loop, lambda: bool(found))
        return found[0]

    flows = [shapes.chain(2 + i) for i in range(KEPT)]
    kept = [made(flow) for flow in flows]
    assert made(flows[0]) is kept[0]
    made(shapes.chain(1))
    assert made(flows[0]) is kept[0]
    assert made(flows[1]) == kept[1]
    assert made(flows[1]) is not kept[1]


def test_one_who_asked_is_answered_though_others_ask_for_more_than_is_kept() -> None:
    loop = Loop()
    layouts = Layouts(loop)
    found = asked(layouts, shapes.chain(1_000), Look(vertical=False, folded=False, unfolded=frozenset()))
    for i in range(2 * KEPT):
        asked(layouts, shapes.chain(2 + i))
    finished(loop, lambda: bool(found))
    assert len(found[0].boxes) == 1_000
