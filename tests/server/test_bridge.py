"""A page, the Jupyter server, the dispatcher and a runner, all real."""

from __future__ import annotations

import base64
import json
import os
import signal
import statistics
import time
from collections.abc import Callable

import msgspec

from floe_jupyter.core.picture.page import page_layout
from floe_jupyter.core.picture.positions import PageLayout
from floe_jupyter.server import page as pages
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.calls import CALLS
from tests.dispatcher.kit import define, until
from tests.server.kit import Page, Server, batch, values_of

Kernels = Callable[..., Client]
Pages = Callable[..., Page]
DOUBLE = "def double(msg):\n    return 2 * msg\n"
SLOW = "import time\n\ndef slow(msg):\n    time.sleep(msg)\n    return msg\n"
BYTES = "def data(msg):\n    return bytes(msg)\n"


def test_a_page_runs_a_flow_and_sees_it(kernel: Kernels, visit: Pages) -> None:
    define(kernel(), double=DOUBLE)
    looking = visit()
    looking.present()
    looking.send({"subscribe": "view/"})
    info = looking.call("open_run", flow="co2")
    looking.call("feed", ref=info["ref"], batch=batch(1, 2, 3))
    looking.call("close_run", ref=info["ref"])
    assert looking.call("wait", ref=info["ref"])["status"] == "done"
    assert values_of(looking.call("results", ref=info["ref"])) == [2, 4, 6]
    assert looking.event(f"view/{info['ref']}")["flow"] == "co2"


def test_a_page_gets_the_positions_of_a_flow(kernel: Kernels, visit: Pages) -> None:
    flow = define(kernel(), double=DOUBLE, again=DOUBLE.replace("double", "again"))
    looking = visit()
    for vertical in (False, True):
        found = looking.call("layout", flow="co2", vertical=vertical)
        assert msgspec.convert(found, PageLayout) == page_layout(flow, vertical=vertical)
    assert looking.refused("layout", flow="c02") == ["unknown", "no flow 'c02'; did you mean 'co2'?"]


def test_a_page_steps_and_edits(kernel: Kernels, visit: Pages) -> None:
    define(kernel(), double=DOUBLE)
    looking = visit()
    looking.call("set_break", flow="co2", node="double")
    ref = looking.call("open_run", flow="co2", debug=True)["ref"]
    looking.call("feed", ref=ref, batch=batch(1, 2))
    assert looking.call("wait", ref=ref)["status"] == "held"
    [held] = looking.call("held", flow=ref)
    assert (held["value"], held["reason"]) == (1, "breakpoint")
    looking.send({"subscribe": "notice/"})
    looking.call("edit", flow=ref, id=held["id"], text=base64.b64encode(b"50").decode())
    assert looking.event(f"notice/{ref}", lambda notice: notice["kind"] == "edited")["data"] == {"id": held["id"]}
    assert list(looking.call("step", flow=ref)) == ["double"]
    looking.call("clear_break", flow="co2")
    looking.call("resume", flow=ref)
    looking.call("close_run", ref=ref)
    assert looking.call("wait", ref=ref)["status"] == "done"
    assert values_of(looking.call("results", ref=ref)) == [100, 4]
    first = looking.call("history", flow=ref)[0]
    assert json.loads(base64.b64decode(first["input"]["payload"])) == [50]


def test_a_page_that_is_opened_starts_nothing(server: Server, visit: Pages) -> None:
    opened = visit()
    opened.present(there=False)
    assert opened.refused("flows") == [
        "gone",
        "no dispatcher serves this Jupyter server; run a %%floe cell in a notebook to start one",
    ]
    assert opened.refused("open_run", flow="co2")[0] == "gone"
    assert server.dispatcher is None
    assert not os.path.exists(server.connection)
    assert server.ask("floe/status") == {**server.ask("floe/status"), "dispatcher": False, "pages": 1}


def test_a_page_hears_that_a_dispatcher_comes_dies_and_that_another_comes(server: Server, kernel: Kernels, visit: Pages) -> None:
    looking = visit()
    looking.present(there=False)
    looking.send({"subscribe": "defined/"})
    first = kernel()
    assert looking.present()["pid"] == first.pid
    define(first, double=DOUBLE)
    assert looking.event("defined/", lambda value: value["name"] == "co2")
    ref = looking.call("open_run", flow="co2")["ref"]
    waiting = looking.ask("wait", ref=ref)
    os.kill(first.pid, signal.SIGKILL)
    assert looking.answer(waiting)["error"][0] == "gone"
    looking.present(there=False)
    second = kernel(name="second")
    assert looking.present()["pid"] == second.pid
    define(second, "other", double=DOUBLE)
    assert looking.event("defined/", lambda value: value["name"] == "other")


def test_two_pages_see_the_same_and_the_second_gets_the_newest_view_at_once(kernel: Kernels, visit: Pages) -> None:
    define(kernel(), slow=SLOW)
    one, two = visit(), visit()
    one.present()
    one.send({"subscribe": "view/"})
    ref = one.call("open_run", flow="co2")["ref"]
    one.call("feed", ref=ref, batch=batch(0.01))
    one.event(f"view/{ref}", lambda view: view["nodes"][0].get("taken"))
    two.present()
    two.send({"subscribe": f"view/{ref}"})
    assert two.event(f"view/{ref}")["nodes"][0]["id"] == "slow"
    two.call("cancel", ref=ref)
    assert one.call("run_info", ref=ref)["status"] == "cancelled"


def test_a_topic_is_a_whole_name_unless_it_ends_with_a_slash(kernel: Kernels, visit: Pages) -> None:
    define(kernel(), double=DOUBLE)
    looking = visit()
    looking.present()
    refs = [looking.call("open_run", flow="co2")["ref"] for _ in range(10)]
    assert (refs[0][-2:], refs[9][-3:]) == (".1", ".10")
    looking.send({"subscribe": f"run/{refs[0]}"})
    looking.send({"subscribe": f"run/{refs[0]}"})  # twice is once
    looking.call("status")
    for ref in reversed(refs):
        looking.call("close_run", ref=ref)
    looking.event(f"run/{refs[0]}", lambda run: run["status"] == "done")
    topics = {frame["topic"] for frame in looking.heard if "topic" in frame}
    assert topics <= {f"run/{refs[0]}"}
    looking.send({"unsubscribe": f"run/{refs[0]}"})


def test_sequences_of_a_topic_strictly_increase(kernel: Kernels, visit: Pages) -> None:
    define(kernel(), slow=SLOW)
    looking = visit()
    looking.present()
    looking.send({"subscribe": "view/"})
    ref = looking.call("open_run", flow="co2")["ref"]
    for _ in range(5):
        looking.call("feed", ref=ref, batch=batch(0.05))
    looking.call("close_run", ref=ref)
    looking.call("wait", ref=ref)
    looking.event(f"view/{ref}", lambda view: view["runs"] and "done" in view["runs"].values())
    sequences = [frame["sequence"] for frame in looking.heard if frame.get("topic") == f"view/{ref}"]
    assert sequences == sorted(set(sequences))


def test_a_page_gets_what_lies_in_shared_memory(kernel: Kernels, visit: Pages) -> None:
    define(kernel(), data=BYTES)
    looking = visit()
    ref = looking.call("open_run", flow="co2")["ref"]
    looking.call("feed", ref=ref, batch=batch(1_000_000, 20_000_000))
    looking.call("close_run", ref=ref)
    assert looking.call("wait", ref=ref)["status"] == "done"
    buffers = [b for item in looking.call("results", ref=ref) for b in item["batch"]["buffers"]]
    assert base64.b64decode(buffers[0]["data"]) == bytes(1_000_000)
    assert buffers[1] == {"size": 20_000_000}, "it is too large for a page; its size tells"


def test_a_page_gets_the_bytes_of_a_held_message_it_asks_for(kernel: Kernels, visit: Pages) -> None:
    define(kernel(), data=BYTES, double=DOUBLE)
    looking = visit()
    looking.call("set_break", flow="co2", node="double", side="in")
    ref = looking.call("open_run", flow="co2")["ref"]
    looking.call("feed", ref=ref, batch=batch(1_000_000, 10))
    assert looking.call("wait", ref=ref)["status"] == "held"
    [first] = looking.call("held", flow=ref)
    assert (first["value"], "buffers" in first) == ({"$floe": ["bytes", 0]}, False)
    [whole] = looking.call("held", flow=ref, id=f"{first['id']}@double", buffers=True)
    assert base64.b64decode(whole["buffers"][0]["data"]) == bytes(1_000_000)


def test_calls_of_a_page_wait_neither_for_each_other_nor_for_other_pages(kernel: Kernels, visit: Pages) -> None:
    define(kernel(), slow=SLOW)
    one, two = visit(), visit()
    ref = one.call("open_run", flow="co2")["ref"]
    one.call("feed", ref=ref, batch=batch(30))
    waiting = one.ask("wait", ref=ref)
    began = time.monotonic()
    assert one.call("run_info", ref=ref)["status"] in ("pending", "active")
    assert two.call("run_info", ref=ref)["status"] in ("pending", "active")
    two.call("cancel", ref=ref)
    assert one.answer(waiting)["value"]["status"] == "cancelled"
    assert time.monotonic() - began < 10.0


def test_a_page_has_a_limit_of_calls_under_way(kernel: Kernels, visit: Pages) -> None:
    define(kernel(), slow=SLOW)
    looking = visit()
    ref = looking.call("open_run", flow="co2")["ref"]
    asked = [looking.ask("wait", ref=ref) for _ in range(pages.MOST_CALLS)]
    assert "calls of this page are under way; the limit is 64" in looking.refused("runs")[1]
    looking.send({"id": asked[0], "call": "runs"})
    assert f"a call with id {asked[0]} is under way" in looking.answer(asked[0])["error"][1]
    visit().call("close_run", ref=ref)
    assert {looking.answer(number)["value"]["status"] for number in asked} == {"done"}
    assert looking.call("runs")


def test_a_page_that_closes_in_the_middle_leaves_nothing_and_disturbs_nobody(
    server: Server, kernel: Kernels, visit: Pages
) -> None:
    define(kernel(), slow=SLOW)
    stays = visit()
    ref = stays.call("open_run", flow="co2")["ref"]
    for abrupt in (False, True) * 5:
        goes = server.page()
        goes.send({"subscribe": "view/"})
        for _ in range(20):
            goes.ask("wait", ref=ref)
        if abrupt:
            goes.socket.sock.close()
        else:
            goes.close()
    until(lambda: server.ask("floe/status")["pages"] == 1, "the end of the pages")
    assert stays.call("run_info", ref=ref)["status"] in ("pending", "active")
    stays.call("close_run", ref=ref)
    assert stays.call("wait", ref=ref)["status"] == "done"
    assert "Traceback" not in server.said()


def test_when_the_last_page_closes_the_dispatcher_is_left_alone(server: Server, kernel: Kernels, visit: Pages) -> None:
    first = kernel()
    opened = visit()
    opened.present()
    assert any(name.startswith("server ") for name in first.call("status")["clients"])
    opened.close()
    until(lambda: not [n for n in first.call("status")["clients"] if n.startswith("server ")], "the bridge to leave")
    first.close()
    until(lambda: server.dispatcher is None, "the dispatcher to end with its last client")


def test_calls_that_are_not_a_pages(kernel: Kernels, visit: Pages) -> None:
    kernel()
    looking = visit()
    looking.present()
    for name in ("hello", "leave"):
        assert looking.refused(name) == ["protocol", f"a page may not call {name!r}: {CALLS[name].closed_to_pages}"]
    assert looking.refused("runz") == ["unknown", "no call 'runz'; did you mean 'runs'?"]
    assert looking.refused("runs", limits=3)[1] == "runs: no argument 'limits'; did you mean 'limit'?"


def test_a_value_that_cannot_travel_is_refused(kernel: Kernels, visit: Pages) -> None:
    kernel()
    looking = visit()
    looking.present()
    looking.send('{"id": 1000, "call": "runner_api", "args": {"call": "listRuntimes", "args": {"n": %s}}}' % ("9" * 30))
    assert "error" in looking.answer(1000)
    assert looking.call("status")


def test_the_latency_of_a_call_over_the_bridge(kernel: Kernels, visit: Pages) -> None:
    bare = kernel()
    looking = visit()
    looking.present()

    def median(ask: Callable[[], object]) -> float:
        taken = []
        for _ in range(300):
            began = time.perf_counter()
            ask()
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    for ask in (lambda: bare.call("breaks"), lambda: looking.call("breaks")):
        median(ask)
    over, direct = median(lambda: looking.call("breaks")), median(lambda: bare.call("breaks"))
    print(f"\na call: bare {1e3 * direct:.2f} ms, over the bridge {1e3 * over:.2f} ms, ratio {over / direct:.1f}")
    assert over < 0.02, "no Nagle, no polling: the comm that it replaces takes 48 ms"
