"""The Python objects, against a real dispatcher."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import threading
import time

import pytest

import floe_jupyter as floe
from floe_jupyter.client.define import define_flow, define_module, flow_of
from floe_jupyter.client.waiting import Interrupted, block
from floe_jupyter.core.flow.model import Module, Place
from floe_jupyter.errors import DefinitionError, UnknownName, ValueRefused
from tests.kernel.waits import until

PARSE = "def parse(msg):\n    return {'n': int(msg)}\n"
DOUBLE = "def double(msg, ctx):\n    ctx.state['seen'] = ctx.state.get('seen', 0) + 1\n    return msg['n'] * 2\n"


@pytest.fixture
def sums(session):
    define_module(session, Module("parse", PARSE, place=Place(3, 1)))
    define_module(session, Module("double", DOUBLE))
    define_flow(session, flow_of(session, {"name": "sums"}, "parse -> double\n", Place()))
    return floe.flow("sums")


def test_an_unknown_flow_is_a_key_error_that_names_the_nearest(sums):
    with pytest.raises(KeyError, match="no flow 'sum'; did you mean 'sums'"):
        floe.flow("sum")


def test_an_interrupt_while_a_run_is_being_shown_cancels_it(sums):
    shown = []

    def interrupted(run):
        shown.append(run)
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="was cancelled after 0 results"):
        block(sums.running([1, 2], opened=interrupted))
    assert shown[0].info.status == "cancelled"


def test_a_flow_tells_what_it_is(sums):
    assert repr(sums) == "Flow sums: parse, double"
    assert (sums.nodes, sums.version, [m.name for m in sums.modules], repr(sums.runner)) == (
        ["parse", "double"],
        1,
        ["parse", "double"],
        "Runner('local:')",
    )
    assert sums._repr_mimebundle_()["image/svg+xml"].startswith("<svg")


def test_any_iterable_is_fed_in_order_as_fast_as_it_is_taken(sums):
    assert sums.run(str(i) for i in range(20_000)).results == [2 * i for i in range(20_000)]


def test_an_endless_iterable_ends_with_its_run(sums):
    run = sums.run((str(i) for i in itertools.count()), wait=False)
    until(lambda: len(run.results) > 1_000, "a thousand results")
    assert run.cancel().status == "cancelled"


def test_a_slow_iterable_gives_results_while_it_is_read(sums):
    more = threading.Event()

    def lines():
        yield "1"
        more.wait(10)
        yield "2"

    run = sums.run(lines(), wait=False)
    until(lambda: run.results == [2], "the result of the first line")
    assert run.status == "active"
    more.set()
    assert run.wait().results == [2, 4]


def test_an_iterable_that_raises_cancels_the_run_and_raises_to_the_caller(sums):
    def broken():
        yield from ["1"] * 50
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        sums.run(broken())
    until(lambda: sums.runs()[0].status == "cancelled", "the end of the run")
    with pytest.raises(OSError, match="the file is gone"):
        sums.run(broken(), wait=False).wait()


def test_an_empty_list_is_a_run_of_nothing(sums):
    assert (sums.run([]).status, sums.run(iter([])).results) == ("done", [])


def test_a_run_that_waits_for_its_first_message_can_be_cancelled(sums):
    gate = threading.Event()
    run = sums.run((gate.wait(30) for _ in range(1)), wait=False)
    assert run.cancel().status in ("done", "cancelled")
    gate.set()


def test_a_value_that_cannot_travel_is_refused_before_the_run_begins(sums):
    with pytest.raises(ValueRefused):
        sums.run([object()])
    assert sums.runs() == []


def test_a_failed_run_raises_and_tells(sums):
    with pytest.raises(floe.RunFailed, match=r"failed in 'parse': ValueError: .* \(Cell In\[3\], line 3\)") as caught:
        sums.run(["1", "x", "2"])
    [error] = caught.value.run.errors
    assert isinstance(error, floe.ModuleError)
    assert (error.node, error.cell, error.line, error.input, error.place) == ("parse", 3, 3, "x", "Cell In[3], line 3")
    assert "int(msg)" in error.trace


def test_runs_are_awaited(sums):
    async def main():
        first, second = sums.run(["1"], wait=False), sums.run(["2"], wait=False)
        return (await first).results + (await second).results

    assert asyncio.run(main()) == [2, 4]


def test_a_wait_that_runs_out_says_so_and_the_run_goes_on(session):
    define_module(session, Module("slow", "import time\ndef slow(msg):\n    time.sleep(msg)\n    return msg\n"))
    define_flow(session, flow_of(session, {"name": "one"}, "slow\n", Place()))
    run = floe.flow("one").run([0.6], wait=False)
    with pytest.raises(TimeoutError, match=r"run one\.1\.local\.1 is still \w+ after 0\.1 s; wait longer, or cancel"):
        run.wait(timeout=0.1)
    assert run.wait().results == [0.6]


def test_the_time_that_a_run_may_take_is_bounded(session):
    define_module(session, Module("slow", "import time\ndef slow(msg):\n    time.sleep(msg)\n    return msg\n"))
    define_flow(session, flow_of(session, {"name": "one"}, "slow\n", Place()))
    began = time.monotonic()
    with pytest.raises(floe.RunFailed, match=r"^run one\.1\.local\.1 failed: .*0\.5"):
        floe.flow("one").run([20], timeout=0.5)
    assert time.monotonic() - began < 8


def test_one_node_is_fed_with_to(sums):
    assert sums.run([{"n": 4}], to="double").results == [8]
    with pytest.raises(UnknownName, match="did you mean 'double'"):
        sums.run([1], to="duble")


@pytest.mark.parametrize(
    ("to", "text"),
    [
        ("double.nope", "no input port of node 'double' 'nope'; known: in; write NODE.port, such as double.in"),
        ("double.out", "no input port of node 'double' 'out'"),
        ("parse.inn", "did you mean 'in'"),
    ],
)
def test_a_port_that_does_not_exist_is_refused_before_the_run_begins(sums, to, text):
    with pytest.raises(UnknownName, match=text):
        sums.run([1], to=to)
    assert sums.runs() == []


def test_messages_without_an_address_need_a_source_that_takes_them(session):
    define_module(session, Module("two", "def two(msg):\n    return msg\n", inputs=("a", "b")))
    define_flow(session, flow_of(session, {"name": "ports"}, "two\n", Place()))
    flow = floe.flow("ports")
    with pytest.raises(UnknownName, match=r"no input port of node 'two' 'in'; known: a, b; write NODE.port, such as two.a"):
        flow.run([1])
    assert flow.run([1], to="two.b").results == [1]
    define_flow(session, flow_of(session, {"name": "cycle"}, "two.out -> two.a\n", Place()))
    with pytest.raises(DefinitionError, match=r"say into which one the messages go: --to NODE \(to= in Python.*such as two"):
        floe.flow("cycle").run([1])


def test_a_flow_that_is_not_up_cannot_be_stopped(sums):
    for _ in range(2):
        with pytest.raises(DefinitionError, match=r"^flow 'sums' is not up; `%floe start sums` starts it$"):
            sums.stop()
        sums.start()
        sums.stop()


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ("x", "write one like 500ms, 10s"),
        *((wrong, "give a number of seconds, such as 30, or text") for wrong in (-1, [1], float("nan"))),
    ],
)
def test_a_timeout_that_is_none_is_named_with_the_cure(sums, wrong, cure):
    with pytest.raises(DefinitionError, match=rf"^timeout=.* is no duration; {cure}"):
        sums.run(["1"], timeout=wrong)
    with pytest.raises(DefinitionError, match=r"^timeout=.* is no duration"):
        sums.call("1", timeout=wrong)
    assert sums.runs() == []


def test_a_timeout_may_be_written_as_in_a_magic(sums):
    assert sums.run(["1"], timeout="2m").wait(timeout=float("inf")).results == [2]


def test_a_pause_and_going_on_show_one_line(sums):
    sums.start()
    paused = sums.pause()
    sums.send("1")
    until(lambda: sums.held() != [], "a held message")
    again = sums.pause()
    assert (repr(paused), repr(again), paused.paused, again.held) == (
        "Flow sums is paused",
        "Flow sums is paused; 1 held",
        True,
        1,
    )
    assert repr(sums.resume()) == "Flow sums goes on"
    sums.stop()


def test_a_flow_that_is_up_answers(sums):
    sums.start()
    assert [sums.call(str(i)) for i in range(3)] == [0, 2, 4]
    assert sums.send("5").wait().results == [10]
    assert sums.send({"n": 1}, to="double").wait().results == [2]
    assert sums.send(["5", "6"], each=True).wait().results == [12]
    with pytest.raises(DefinitionError, match="no messages"):
        sums.send([], each=True)
    with pytest.raises(floe.RunFailed, match="ValueError"):
        sums.call("x")
    sums.stop()
    with pytest.raises(DefinitionError):
        sums.call("1")


def test_call_wants_exactly_one_result(session):
    define_module(session, Module("many", "def many(msg):\n    yield from range(msg)\n"))
    define_flow(session, flow_of(session, {"name": "one"}, "many\n", Place()))
    flow = floe.flow("one").start()
    assert flow.call(1) == 0
    with pytest.raises(DefinitionError, match="gave 3 results; call"):
        flow.call(3)
    flow.stop()


def test_breakpoints_hold_and_can_be_switched_off_and_removed(sums):
    point = sums.breakpoint("double", when="msg['n'] > 1")
    assert (point.node, point.enabled, [p.id for p in sums.breakpoints]) == ("double", True, [point.id])
    run = sums.run(["1", "2", "3"])
    assert (run.status, point.hits) == ("held", 1)
    [message] = run.held()
    assert (message.node, message.port, message.value, message.reason) == ("double", "in", {"n": 2}, "breakpoint")
    point.enabled = False
    assert message.edit({"n": 50}).value == {"n": 50}
    run.resume()
    assert run.wait().results == [2, 100, 6]
    point.remove()
    assert sums.breakpoints == []


RICH = """
import datetime
def rich(msg):
    return {"b": bytes(msg), "day": datetime.date(2026, 11, 21), "big": 2**80}
"""


def test_held_messages_and_steps_show_values_as_python_has_them(session):
    define_module(session, Module("rich", RICH))
    define_module(session, Module("same", "def same(msg):\n    return [msg['b'], msg['day']]\n"))
    define_flow(session, flow_of(session, {"name": "riches"}, "rich -> same\n", Place()))
    flow = floe.flow("riches")
    flow.breakpoint("same")
    for size in (3, 100_000):  # inline, and in shared memory
        rich = {"b": bytes(size), "day": datetime.date(2026, 11, 21), "big": 2**80}
        run = flow.run([size])
        [message] = run.held()
        assert message.value == rich
        assert message.json["day"] == {"$floe": ["day", "2026-11-21"]}
        assert message.duplicate().value == rich
        assert message.step() == {
            "same": {"inputStates": {"in": rich}, "outputStates": {"out": [[rich["b"], rich["day"]]]}, "errors": []}
        }
        assert run.back()["same"]["inputStates"]["in"] == message.json, "its record, with the bytes, is no more"
        [message, _] = run.held()
        assert message.edit({"b": 1, "day": rich["day"]}).value == {"b": 1, "day": rich["day"]}
        run.step(message=message.id)
        [later] = [m for m in run.held() if m.node == "same"]
        run.cancel()
        assert later.value == later.json, "what it held is gone with its run"


def test_a_breakpoint_on_an_output_holds_what_came_out(sums):
    sums.breakpoint("parse.out")
    run = sums.run(["1"])
    [message] = run.held()
    assert (message.side, message.node, message.value) == ("out", "parse", {"n": 1})
    message.drop()
    assert run.wait().results == []


def test_steps_back_and_forth_and_a_fork(sums):
    sums.breakpoint("parse")
    run = sums.run(["1", "2"])
    assert sums.step() == {"parse": {"inputStates": {"in": "1"}, "outputStates": {"out": [{"n": 1}]}, "errors": []}}
    assert list(run.step("double")) == ["double"]
    assert sums.back()["double"]["inputStates"] == {"in": {"n": 1}}
    assert [m.value for m in run.messages("parse")] == ["1"]
    forked = sums.fork(run.messages("parse")[0].id, "21")
    assert forked.wait(through_holds=False).status in ("done", "held")
    for point in sums.breakpoints:
        point.remove()
    run.resume()
    assert run.wait().results == [2, 4]


def test_the_runner_api_takes_pythons_names(sums):
    runner = floe.runner("local:")
    assert runner.list_runtimes()[0]["lang"] == "python"
    assert [runner.add_or_update_flow(sums) for _ in range(2)] == [True, False]
    assert [runner.start_flow("sums") for _ in range(2)] == [True, False]
    assert runner.stop_flow(flow_id="sums") is True
    assert runner.remove_flow("sums") is True
    with pytest.raises(ValueRefused, match=r"send bytes, arrays and tables with flow.send"):
        runner.inject("sums/double", b"binary")
    with pytest.raises(AttributeError, match="did you mean 'list_runtimes'"):
        runner.list_runtime()
    assert "single_step_flow" in dir(runner)
