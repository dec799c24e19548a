"""Undoing that a held message was dropped, with the real runner."""

from __future__ import annotations

import pytest

from floe_jupyter.errors import UnknownName
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import define, run, values_of


def test_a_dropped_message_returns_to_its_place_and_results_are_in_the_order_of_the_input(real: Client) -> None:
    define(real, double="def f(x): return 2 * x", inc="def f(x): return x + 1")
    real.call("set_break", node="inc", when="msg == 4")
    info = run(real, 1, 2, 3)
    [held] = real.call("held")
    real.call("pause")
    real.call("drop", id=held.id)
    assert [(m.node, m.value) for m in real.call("held")] == [("inc", 6)]
    assert real.call("undrop", id=f"{held.id}@inc", flow=info.ref) is None
    assert next((m.node, m.value, m.id) for m in real.call("held")) == ("inc", 4, held.id)
    real.call("clear_break")
    real.call("resume")
    ended = real.call("wait", ref=info.ref)
    assert (ended.status, values_of(real, info.ref), ended.dropped) == ("done", [3, 5, 7], 0)


def test_a_message_of_a_run_that_is_over_does_not_return(real: Client) -> None:
    define(real, double="def f(x): return 2 * x")
    real.call("set_break", node="double")
    info = run(real, 1)
    [held] = real.call("held")
    real.call("drop", id=held.id)
    assert real.call("wait", ref=info.ref).status == "done"
    with pytest.raises(UnknownName, match="dropped message"):
        real.call("undrop", id=f"{held.id}@double", flow=info.ref)
