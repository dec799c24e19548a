"""The widget through a real kernel: what it puts out, what a page gets over the comm, and that nothing of it is left."""

from __future__ import annotations

import base64
import json
import time
from queue import Empty
from typing import Any

import pytest

from tests.kernel.real import Kernel
from tests.kernel.waits import until

VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
LOOK = {"cellId": "abc"}


class Page:
    """A page that shows a widget and speaks through the kernel's comm, as `labextension/src/client/comm.ts` does."""

    def __init__(self, kernel: Kernel, comm: str, name: str = "p1") -> None:
        self.kernel, self.comm, self.name = kernel, comm, name
        self.heard: list[dict[str, Any]] = []

    def say(self, **content: Any) -> None:
        client = self.kernel.client
        data = {"method": "custom", "content": {"page": self.name, **content}}
        client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": self.comm, "data": data}))

    def wait(self, true: Any, what: str, seconds: float = 15.0) -> dict[str, Any]:
        """The first message for which *true* holds; messages before it are kept in `heard`."""
        ends = time.monotonic() + seconds
        while True:
            try:
                message = self.kernel.client.get_iopub_msg(timeout=max(ends - time.monotonic(), 0.01))
            except Empty:
                raise AssertionError(f"waited {seconds:g} s for {what}; heard {self.heard}") from None
            if message["header"]["msg_type"] != "comm_msg" or message["content"]["comm_id"] != self.comm:
                continue
            data = message["content"]["data"]
            if data.get("method") == "custom":
                self.heard.append({**data["content"], "at": time.monotonic()})
                if true(self.heard[-1]):
                    return self.heard[-1]

    def ask(self, number: int, call: str, **args: Any) -> dict[str, Any]:
        self.say(id=number, call=call, args=args)
        return self.wait(lambda m: m.get("id") == number, f"the answer to {call}")


def shown(outputs: list[dict[str, Any]]) -> list[str]:
    """The models of the widgets that a cell shows."""
    return [
        o["data"][VIEW_TYPE]["model_id"]
        for o in outputs
        if o["type"] in ("display_data", "execute_result") and VIEW_TYPE in o["data"]
    ]


@pytest.fixture
def held(kernel: Kernel) -> tuple[Page, list[dict[str, Any]]]:
    """A page with the widget of a run that is held, and what its cell put out."""
    kernel("%floe break slow --when 'msg == 9'")
    outputs = kernel.outputs(kernel.begin("r = %floe run one --input [0.01, 9]\nr", **LOOK))
    return Page(kernel, shown(outputs)[0]), outputs


def test_a_run_shows_its_widget_at_once_and_as_its_value_only_how_it_ended(kernel):
    found = kernel.outputs(kernel.begin("%floe run one --input [0.01]", **LOOK))
    opened = [o for o in found if o["type"] == "comm_open" and "_esm" in o["data"]["state"]]
    assert len(opened) == 1
    first, results, last = (o for o in found if o["type"] in ("display_data", "execute_result"))
    assert set(results["data"]) == {"text/plain", "text/html"}
    assert first["data"][VIEW_TYPE]["model_id"] == opened[0]["comm_id"]
    assert {"text/plain", "text/html", "image/svg+xml", VIEW_TYPE} < set(first["data"])
    assert list(last["data"]) == ["text/plain"]
    assert last["data"]["text/plain"].endswith("done, 1 result")


def test_the_widget_keeps_the_last_state_for_saved_notebooks(kernel):
    found = kernel.outputs(kernel.begin("%floe run one --input [0.01, 0.02]", **LOOK))
    [update] = [o for o in found if o["type"] == "update_display_data"]
    assert [update["data"][VIEW_TYPE]["model_id"]] == shown(found)
    assert "done, 2 results" in update["data"]["text/plain"]
    [state] = [o["data"]["state"] for o in found if o["type"] == "comm_msg" and "view" in o["data"].get("state", {})]
    assert state["status"] == "done"
    assert [(n["id"], n["taken"]) for n in state["view"]["nodes"]] == [("slow", 2)]


def test_a_widget_carries_positions_for_wide_and_narrow_pages_which_a_page_also_gets_from_the_dispatcher(kernel):
    found = kernel.outputs(kernel.begin("floe.flow('one')", **LOOK))
    [state] = [o["data"]["state"] for o in found if o["type"] == "comm_open" and "_esm" in o["data"]["state"]]
    wide, narrow = state["definition"]["layouts"]
    assert [[box[0] for box in layout["boxes"]] for layout in (wide, narrow)] == [["slow"], ["slow"]]
    assert (wide.get("vertical", False), narrow["vertical"]) == (False, True)
    page = Page(kernel, shown(found)[0])
    assert page.ask(1, "layout", flow="one")["value"] == wide
    assert page.ask(2, "layout", flow="one", vertical=True)["value"] == narrow


def test_an_interrupt_stops_a_run_that_is_shown_and_its_widget_says_so(kernel):
    cell = kernel.begin("%floe run one --input [0.01, 30, 30]", **LOOK)
    kernel.until("display_data", cell)
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    found = kernel.outputs(cell)
    assert time.monotonic() - began < 3.0
    assert [o["ename"] for o in found if o["type"] == "error"] == ["Interrupted"]
    [status] = [o["data"]["state"]["status"] for o in found if o["type"] == "comm_msg" and "status" in o["data"].get("state", {})]
    assert status in {"cancelled", "cancelling"}  # the module sleeps on for the two seconds that it has, on a busy machine
    while status != "cancelled":
        message = kernel.client.get_iopub_msg(timeout=10.0)
        status = message["content"].get("data", {}).get("state", {}).get("status", status)


def test_a_widget_knows_how_many_messages_a_list_has(kernel):
    found = kernel.outputs(kernel.begin("%floe run one --input [0.01, 0.02, 0.03]", **LOOK))
    assert [o["data"]["state"]["total"] for o in found if o["type"] == "comm_open" and "total" in o["data"]["state"]] == [3]
    found = kernel.outputs(kernel.begin("%floe run one --input (n/100 for n in range(3))", **LOOK))
    assert [o["data"]["state"].get("total") for o in found if o["type"] == "comm_open" and "_esm" in o["data"]["state"]] == [0]


def test_a_flow_shows_a_widget_too_and_a_program_gets_a_picture(kernel):
    [shows] = [o["data"] for o in kernel.outputs(kernel.begin("floe.flow('one')", **LOOK)) if o["type"] == "execute_result"]
    assert VIEW_TYPE in shows
    [shows] = [o["data"] for o in kernel.outputs(kernel.begin("floe.flow('one')")) if o["type"] == "execute_result"]
    assert set(shows) == {"text/plain", "text/html", "image/svg+xml"}


def test_the_view_of_a_run_is_its_widget_and_for_a_program_its_picture(kernel):
    kernel("r = floe.flow('one').run([0.01])")
    [shows] = [o["data"] for o in kernel.outputs(kernel.begin("r.view()", **LOOK)) if o["type"] == "execute_result"]
    assert VIEW_TYPE in shows
    assert "done, 1 result" in shows["text/plain"]
    [shows] = [o["data"] for o in kernel.outputs(kernel.begin("r.view()")) if o["type"] == "execute_result"]
    assert set(shows) == {"text/plain", "text/html", "image/svg+xml"}


def test_a_run_that_is_taken_up_shows_its_widget_and_can_be_used(held):
    page, _ = held
    found = page.kernel.outputs(page.kernel.begin("again = %floe attach", **LOOK))
    assert len(shown(found)) == 1
    assert "held, 1 result" in next(o for o in found if o["type"] == "display_data")["data"]["text/plain"]
    assert page.kernel("again.held()[0].drop()\nagain.wait().results, again.ref == r.ref") == "([0.01], True)"
    found = page.kernel.outputs(page.kernel.begin("%floe attach"))
    shows, last = (o for o in found if o["type"] in ("display_data", "execute_result"))
    assert set(shows["data"]) == {"text/plain", "text/html", "image/svg+xml"}
    assert list(last["data"]) == ["text/plain"]


def test_no_key_and_no_path_is_in_a_trait(kernel, home):
    found = kernel.outputs(kernel.begin("%floe run one --input [0.01]", **LOOK))
    key = json.loads((home / "runtime" / "floe-test.json").read_text())["key"]
    states = [o["data"].get("state", {}) for o in found if o["type"] in ("comm_open", "comm_msg")]
    text = json.dumps([{k: v for k, v in state.items() if k != "_esm"} for state in states])
    assert key not in text
    assert str(home) not in text
    assert "time.sleep" not in text


def test_a_page_sees_and_drives_a_held_run_through_the_comm(held):
    page, _ = held
    page.say(kind="hello")
    page.wait(lambda m: m.get("kind") == "hello", "the kernel's hello")
    ref = page.ask(1, "runs", flow="one")["value"][0]["ref"]
    page.say(subscribe=f"view/{ref}")
    page.wait(lambda m: m.get("topic") == f"view/{ref}" and m["value"].get("held") == 1, "the view of what is held")
    [message] = page.ask(2, "held", flow=ref)["value"]
    assert message["value"] == 9
    assert page.ask(3, "edit", flow=ref, id=message["id"], text="MC4wMQ==")["value"]["value"] == 0.01
    assert page.ask(4, "step", flow=ref)["value"]["slow"]["errors"] == []
    page.say(id=5, call="resume", args={"flow": ref})
    page.wait(lambda m: m.get("topic") == f"view/{ref}" and m["value"].get("results") == 2, "both results")
    assert page.kernel("r.wait().results") == "[0.01, 0.01]"


def test_the_picture_follows_when_a_held_run_ends_later(held):
    page, outputs = held
    display = next(o for o in outputs if o["type"] == "display_data")["transient"]["display_id"]
    page.say(id=1, call="drop", args={"flow": "one", "id": page.kernel("r.held()[0].id").strip("'")})
    ends = time.monotonic() + 15
    while True:
        message = page.kernel.client.get_iopub_msg(timeout=max(ends - time.monotonic(), 0.01))
        content = message["content"]
        if message["header"]["msg_type"] == "update_display_data" and "done, 1 result" in content["data"]["text/plain"]:
            break
    assert content["transient"]["display_id"] == display


def test_events_come_at_most_twenty_a_second(kernel):
    found = kernel.outputs(kernel.begin("floe.flow('one').run([0.001] * 3000, wait=False)", **LOOK))
    page = Page(kernel, shown(found)[0])
    ref = page.ask(1, "runs", flow="one")["value"][0]["ref"]
    began = time.monotonic()
    page.say(subscribe=f"view/{ref}")
    page.wait(lambda m: m.get("topic") == f"view/{ref}" and m["value"].get("results") == 3000, "all results", 40)
    views = [m for m in page.heard if m.get("topic") == f"view/{ref}"]
    took = views[-1]["at"] - began  # from when it was asked for: if we stood still as the first came, others came close behind it
    assert len(views) <= 20 * took + 2
    assert [v["sequence"] for v in views] == sorted({v["sequence"] for v in views})


def test_a_wrong_call_is_answered_with_its_cause(held):
    page, _ = held
    assert page.ask(1, "hello", key="")["error"][0] == "protocol"
    assert page.ask(2, "hold")["error"] == ["unknown", "no call 'hold'; did you mean 'held'?"]
    kind, text = page.ask(3, "held", flaw="one")["error"]
    assert kind == "definition"
    assert "flow" in text
    assert page.ask(4, "held", flow="two")["error"][0] == "unknown"


def test_a_batch_that_the_machine_could_not_trust_is_refused(held):
    page, _ = held
    for payload, message in ((b"[18446744073709551616]", "has more than 64 bits"), (b"[NaN]", "no JSON"), (b"[1,2]", "with n=1")):
        batch = {"payload": base64.b64encode(payload).decode(), "n": 1}
        kind, text = page.ask(1, "inject", flow="one", node="slow", batch=batch)["error"]
        assert (kind, message in text) == ("value", True), text


def test_answers_name_their_page(held):
    page, _ = held
    other = Page(page.kernel, page.comm, "p2")
    other.say(id=7, call="breaks", args={})
    assert page.wait(lambda m: m.get("id") == 7, "the answer")["page"] == "p2"


def test_a_cell_that_runs_again_closes_its_former_widget(kernel):
    [first] = shown(kernel.outputs(kernel.begin("%floe run one --input [0.01]", **LOOK)))
    found = kernel.outputs(kernel.begin("%floe run one --input [0.01]", **LOOK))
    assert first in [o["comm_id"] for o in found if o["type"] == "comm_close"]


COUNT = """
import comm, ipywidgets, threading
def left():
    open_widgets = ipywidgets.widgets.widget._instances
    return len(comm.get_comm_manager().comms), len(open_widgets), [t.name for t in threading.enumerate() if t.name == "floe pages"]
"""


def test_a_hundred_widgets_leave_nothing_behind(kernel):
    kernel(COUNT)
    kernel("from floe_jupyter.kernel.display.shown import WIDGETS\nr = floe.flow('one').run([0.01])")
    listeners = kernel("len(r._session.client._listeners)")
    page = Page(kernel, shown(kernel.outputs(kernel.begin("for n in range(100): display(r)", cellId="many")))[-1])
    page.say(subscribe="view/")
    page.ask(1, "runs")
    assert kernel("len(WIDGETS), left()[0], left()[2]") == "(40, 80, ['floe pages'])"
    kernel("WIDGETS.clear()")
    until(lambda: kernel("left()") == "(0, 0, [])", "the widgets, their comms and their thread to be gone")
    assert kernel("len(r._session.client._listeners)") == listeners


ALIVE = """
import gc
def alive(*names):
    gc.collect()
    return [sum(type(o).__name__ == name for o in gc.get_objects()) for name in names]
"""


def test_B11_a_closed_widget_is_free_and_the_value_of_a_cell_keeps_nothing_but_its_run(kernel):
    kernel(ALIVE)
    for _ in range(4):  # the same cell: each closes the one before it
        kernel.outputs(kernel.begin("%floe run one --input [0.01]", **LOOK))
    assert kernel("alive('FlowWidget', 'Pages', 'Run', 'Feeder')") == "[1, 1, 4, 0]"
