"""The dispatcher with the real runner and real Python modules: what only both together can show."""

from __future__ import annotations

import os
import re
import time

import msgspec
import pytest

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import View
from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import UnknownName
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import Processes, batch, define, over, run, until, values_of


def chain(client: Client) -> None:
    define(client, double="def f(x): return 2 * x", inc="def f(x): return x + 1")


def test_a_run_through_two_modules(real: Client) -> None:
    chain(real)
    info = run(real, *range(200))
    assert (info.status, info.results) == ("done", 200)
    assert values_of(real, info.ref) == [2 * n + 1 for n in range(200)]


def test_stepping_back_withdraws_the_result_and_an_edit_changes_it(real: Client) -> None:
    chain(real)
    real.call("set_break", node="inc")
    info = run(real, 5, debug=True)
    assert (info.status, info.held) == ("held", 1)
    assert real.call("step")["inc"]["outputStates"] == {"out": [11]}
    assert values_of(real, info.ref) == [11]
    real.call("back")
    assert values_of(real, info.ref) == []
    [held] = real.call("held")
    assert real.call("edit", id=held.id[:6], text=b"100").value == 100
    copy = real.call("duplicate", id=held.id)
    assert (copy.value, copy.id != held.id) == (100, True)
    assert real.call("drop", id=copy.id) is None
    real.call("clear_break")
    real.call("resume")
    assert real.call("wait", ref=info.ref).status == "done"
    assert values_of(real, info.ref) == [101]


def test_a_fork_executes_only_what_is_downstream(real: Client) -> None:
    chain(real)
    info = run(real, 5, debug=True)
    [record] = [r for r in real.call("history", flow=info.ref) if r.node == "inc"]
    forked = real.call("fork", id=record.id, flow=info.ref, text=b"1")
    real.call("wait", ref=forked.ref)
    assert (forked.forked_from, values_of(real, forked.ref)) == (info.ref, [2])


def test_C7_a_fork_that_is_to_be_held_waits_in_front_of_its_first_node(real: Client) -> None:
    chain(real)
    info = run(real, 5, debug=True)
    [record] = [r for r in real.call("history", flow=info.ref) if r.node == "inc"]
    forked = real.call("fork", id=record.id, flow=info.ref, text=b"1", hold=True)
    assert real.call("wait", ref=forked.ref).status == "held"
    assert [(m.node, m.value, m.reason) for m in real.call("held", flow=forked.ref)] == [("inc", 1, "pause")]
    assert real.call("step", flow=forked.ref)["inc"]["outputStates"] == {"out": [2]}
    real.call("resume", flow=forked.ref)
    assert (real.call("wait", ref=forked.ref).status, values_of(real, forked.ref)) == ("done", [2])


def test_a_flow_that_is_up_is_updated_between_two_requests(real: Client) -> None:
    chain(real)
    started = real.call("start")
    assert real.call("request", batch=batch(5))[1][0].batch.payload == b"[11]"
    assert real.call("define", module=Module("double", "def f(x): return 3 * x"))["updated"] == [started["instance"]]
    assert real.call("request", batch=batch(5))[1][0].batch.payload == b"[16]"
    refused = real.call("define", module=Module("double", "def f(x: return x"))["refused"]
    assert [f.node for f in refused] == ["double"]
    assert real.call("request", batch=batch(5))[1][0].batch.payload == b"[16]"


def test_a_module_that_fails_or_does_not_load_fails_its_run(real: Client) -> None:
    define(real, "bad", boom="def f(x): return 1 / 0")
    assert "ZeroDivisionError" in run(real, 1, flow="bad").failures[0].message
    define(real, "worse", broken="def f(x: return 1")
    assert run(real, 1, flow="worse").status == "failed"


def test_a_module_that_does_not_load_fails_what_comes_later_too(real: Client) -> None:
    define(real, "worse", first="def f(x): return x", broken="def f(x: return 1")
    info = real.call("open_run", flow="worse")
    until(lambda: any(n.status == "refused" for n in real.call("view", flow=info.ref).nodes), "the refusal", within=30.0)
    assert real.call("feed", ref=info.ref, batch=batch(1)) is None
    real.call("close_run", ref=info.ref)
    info = over(real, info.ref)
    assert (info.status, info.failures[0].node, info.failures[0].kind) == ("failed", "broken", "load")
    real.call("start", flow="worse")
    for _ in range(2):
        assert real.call("request", flow="worse", batch=batch(1), timeout=30.0)[0].status == "failed"


def test_a_debugged_run_waits_in_front_of_what_does_not_load_until_it_is_mended(real: Client) -> None:
    define(real, "worse", broken="def f(x: return 1")
    info = run(real, 1, flow="worse", debug=True)
    assert (info.status, values_of(real, info.ref)) == ("held", [])
    real.call("define", module=Module("broken", "def f(x): return x + 1"))
    assert over(real, info.ref, through_holds=True).status == "done"
    assert values_of(real, info.ref) == [2]


def test_a_busy_module_is_gone_within_two_seconds_of_its_client(real: Client, processes: Processes) -> None:
    define(real, "slow", slow="import time\ndef f(x):\n    while True: time.sleep(60)")
    info = real.call("open_run", flow="slow")
    real.submit("feed", ref=info.ref, batch=batch(1))
    until(lambda: real.call("runtimes"), "a runtime")
    processes.watch(real.pid)
    real.close()
    processes.wait_gone(2.0)


def test_what_a_busy_module_has_started_is_gone_with_it(real: Client, processes: Processes) -> None:
    started = "import subprocess, time\nsubprocess.Popen(['sleep', '300'])\ndef f(x):\n    while True: time.sleep(60)"
    define(real, "slow", slow=started)
    info = real.call("open_run", flow="slow")
    real.submit("feed", ref=info.ref, batch=batch(1))
    until(lambda: any(n.status == "busy" for n in real.call("view", flow=info.ref).nodes), "the module at work")
    processes.watch(real.pid)
    assert [p for p in processes.all() if p.name() == "sleep"]
    assert real.call("shutdown") is None
    processes.wait_gone(2.0)


def test_bytes_of_a_megabyte_come_back_and_leave_nothing(real: Client, processes: Processes) -> None:
    define(real, same="def f(x): return x")
    data = os.urandom(1 << 20)
    info = real.call("open_run")
    given = Batch(b'[{"$floe":["bytes",0]}]', 1, tagged=True, buffers=(Buffer(len(data), data),), counts=(1,))
    real.call("feed", ref=info.ref, batch=given)
    real.call("close_run", ref=info.ref)
    assert real.call("wait", ref=info.ref).status == "done"
    [item] = real.call("results", ref=info.ref)
    [buffer] = item.batch.buffers
    with open(f"/dev/shm/{buffer.segment}", "rb") as file:
        assert file.read(buffer.size) == data
    pid = real.pid
    real.close()
    processes.wait_gone()
    mine = (f"floe-{pid}-", f"floe-{os.getpid()}-")
    assert [name for name in os.listdir("/dev/shm") if name.startswith(mine)] == []


def test_shared_memory_of_killed_runtimes_is_swept_before_shutdown_is_answered(real: Client, processes: Processes) -> None:
    define(real, "busy", make="def f(x): return bytes(1 << 20)", slow="import time\ndef f(x):\n    while True: time.sleep(60)")
    info = real.call("open_run", flow="busy")
    real.submit("feed", ref=info.ref, batch=batch(*range(10)))
    runner = real.call("runners")[0]["pid"]
    until(lambda: [name for name in os.listdir("/dev/shm") if name.startswith(f"floe-{runner}-")], "a segment", within=20.0)
    assert real.call("shutdown") is None
    assert [name for name in os.listdir("/dev/shm") if name.startswith(f"floe-{runner}-")] == []
    processes.wait_gone()


def test_a_run_that_was_never_fed_is_cancelled_at_once(real: Client) -> None:
    chain(real)
    info = real.call("open_run")
    assert real.call("cancel", ref=info.ref, timeout=20.0).status == "cancelled"


def test_continuing_to_the_very_end_answers_with_the_last_view(real: Client) -> None:
    chain(real)
    real.call("set_break", node="inc")
    info = run(real, 5)
    view = real.call("resume")
    assert (type(view), view.held) == (View, 0)
    assert real.call("wait", ref=info.ref).status == "done"


def test_waiting_again_tells_how_many_are_held_now(real: Client) -> None:
    chain(real)
    real.call("set_break", node="inc")
    info = run(real, 5, 6, 7)
    first, *_ = real.call("held")
    real.call("drop", id=first.id)
    assert real.call("wait", ref=info.ref).held == len(real.call("held")) == real.call("run_info", ref=info.ref).held
    real.call("cancel", ref=info.ref)


def test_what_a_module_prints_in_a_short_run_is_in_its_logs(real: Client) -> None:
    define(real, "talk", say="def say(x):\n    print('heard', x)\n    return x\n")
    for n in range(5):
        info = run(real, n, flow="talk")
        until(
            lambda n=n, ref=info.ref: f"heard {n}" in "".join(line["text"] for line in real.call("logs", flow=ref)), "the print"
        )


@pytest.mark.parametrize("say", ["print(line)", "os.write(1, line.encode() + b'\\n')", "lines += [line]"])
def test_logs_of_a_chatty_module_are_whole_lines_with_a_mark_where_some_are_left_out(real: Client, say: str) -> None:
    source = f"import os\ndef chat(n):\n    lines = []\n    for line in (f'line {{i}} ünï ' + 'x' * 80 for i in range(n)):\n        {say}\n"
    define(real, "chatty", chat=source + "    print(*lines, 'through', sep='\\n')\n    return n\n")
    info = run(real, 5_000, flow="chatty", debug=True)
    logs = until(
        lambda: (found := real.call("logs", flow=info.ref, limit=1_000)) and "left out" in str(found) and found, "the gap"
    )
    lines = "".join(entry["text"] if entry["text"].endswith("\n") else f"{entry['text']}\n" for entry in logs).splitlines()
    every = {f"line {i} ünï {'x' * 80}" for i in range(5_000)} | {"through"}
    gaps = [line for line in lines if line not in every]
    assert len(lines) > 1_000
    assert gaps
    assert all(re.fullmatch(r"\.\.\. \d+ bytes were left out", gap) for gap in gaps)


@pytest.mark.parametrize("each", [False, True])
def test_what_is_sent_to_an_unknown_port_leaves_no_run_open(real: Client, each: bool) -> None:
    chain(real)
    real.call("start")
    with pytest.raises(UnknownName, match="nowhere"):
        real.call("send", batch=batch(1, 2, 3), node="inc", port="nowhere", each=each)
    ended = real.call("runs")
    assert [(over(real, run.ref).status, over(real, run.ref).failures[0].kind) for run in ended] == [("failed", "refused")] * (
        3 if each else 1
    )


def test_each_message_of_one_send_is_a_run_of_its_own(real: Client) -> None:
    chain(real)
    real.call("start")
    last = real.call("send", batch=batch(*range(300)), each=True)
    until(lambda: len(real.call("runs", status="done", limit=1_000)) == 300, "the end of all runs")
    ended = real.call("runs", limit=1_000)
    assert (ended[0].ref, {run.fed for run in ended}, {run.results for run in ended}) == (last.ref, {1}, {1})
    assert sorted(values_of(real, run.ref)[0] for run in ended) == [2 * n + 1 for n in range(300)]


COUNTS = """def f(x, ctx):
    if x == 3: raise ValueError(x)
    ctx.state['n'] = ctx.state.get('n', 0) + 1
    return [x, ctx.state['n']]
"""


@pytest.mark.parametrize("around", [False, True], ids=["alone", "on local routes"])
def test_what_comes_behind_a_failing_message_of_a_flow_that_is_up_keeps_its_order(real: Client, around: bool) -> None:
    same = "def f(x): return x"
    define(real, "up", **({"pre": same, "a": COUNTS, "post": same} if around else {"a": COUNTS}))
    real.call("start", flow="up")
    real.call("request", batch=batch(1))
    real.call("send", batch=batch(*range(3, 300)), each=True)
    until(lambda: not real.call("runs", status="active", limit=1), "the end of all runs")
    done = [values_of(real, info.ref) for info in real.call("runs", limit=1000) if info.status == "done"]
    handled = dict(values[0] for values in done if values)
    assert [handled[x] for x in range(4, 300)] == list(range(2, 298))


def test_the_end_of_every_one_of_many_runs_is_published(real: Client) -> None:
    define(real, double="def double(msg):\n    return 2 * msg\n")
    newest: dict[str, str] = {}
    real.subscribe("run/", lambda topic, value: newest.__setitem__(topic, value["status"]))
    until(lambda: newest or run(real), "the first event")
    newest.clear()
    real.call("start", flow="co2")
    for _ in range(6):
        real.call("send", flow="co2", batch=batch(*range(500)), each=True)
    until(lambda: list(newest.values()).count("done") >= 3_000, "the ends of 3,000 runs", 30.0)


def test_what_a_new_version_of_the_flow_has_no_place_for_is_named_as_an_error_of_its_run(real: Client) -> None:
    flow = define(real, double="def f(x): return 2 * x", inc="def f(x): return x + 1")
    real.call("set_break", node="inc")
    info = run(real, 1, 2, 3)
    assert info.status == "held"
    real.call("define_flow", flow=Flow(flow.name, flow.nodes[:1]))
    info = over(real, info.ref)
    assert (info.status, info.results) == ("done", 0)
    [failure] = info.failures
    assert (failure.node, failure.kind) == ("inc", "dropped")
    assert failure.message.startswith(
        "3 messages at double.out>inc.in dropped: the new version of the flow does not have that place"
    )
    assert [line["text"] for line in real.call("logs", flow=flow.name)] == [info.failures[0].message]


def test_a_flow_whose_messages_move_inside_a_runtime_gets_another_shape(real: Client) -> None:
    flow = define(real, double="def f(x): return 2 * x", inc="import time\ndef f(x):\n    time.sleep(0.02)\n    return x + 1")
    real.call("start", flow=flow.name)
    run(real, 1)
    info = real.call("open_run", flow=flow.name)
    real.call("feed", ref=info.ref, batch=batch(*range(20)))
    real.call("close_run", ref=info.ref)
    real.call("define_flow", flow=Flow(flow.name, flow.nodes[1:]))
    info = over(real, info.ref)
    dropped = sum(int(f.message.split(" ")[0]) for f in info.failures)
    assert (info.status, info.results + dropped) == ("done", 20)


def test_a_step_with_many_outputs_is_taken_back_at_once(real: Client) -> None:
    define(real, many="def f(x):\n    for n in range(1000): yield n")
    info = real.call("open_run", flow="co2", debug=True)
    real.call("pause", flow=info.ref)
    real.call("feed", ref=info.ref, batch=batch(*range(20)))
    for _ in range(20):
        real.call("step", flow=info.ref)
    until(lambda: real.call("run_info", ref=info.ref).results == 20_000, "all results")
    began = time.monotonic()
    real.call("back", flow=info.ref)
    until(lambda: real.call("run_info", ref=info.ref).results == 19_000, "the results of one step to be taken back")
    assert time.monotonic() - began < 5.0  # 12 s and more where each output looked at all results


def test_breakpoints_set_and_cleared_without_waiting_are_in_force_in_the_order_of_the_calls(real: Client) -> None:
    chain(real)
    real.call("start", flow="co2")
    both = [real.submit("set_break", flow="co2", node=node) for node in ("double", "inc")]
    assert len({future.result(20)["id"] for future in both}) == 2
    assert len(real.call("breaks", flow="co2")) == 2
    for _ in range(10):
        orders = [real.submit("set_break", flow="co2", node="inc"), real.submit("clear_break", flow="co2")]
        for order in orders:
            order.result(20)
        assert real.call("breaks", flow="co2") == []
    assert run(real, 1).status == "done"


def test_what_a_node_skips_is_named_among_the_errors_of_its_run(real: Client) -> None:
    flow = define(real, double="def f(x):\n    if x % 2: raise ValueError(x)\n    return 2 * x")
    real.call("define_flow", flow=msgspec.structs.replace(flow, nodes=(msgspec.structs.replace(flow.nodes[0], on_error="skip"),)))
    info = run(real, *range(4))
    assert (info.status, values_of(real, info.ref)) == ("done", [0, 4])
    assert [(f.node, f.kind, f.message) for f in info.failures] == [
        ("double", "skipped", "ValueError: 1"),
        ("double", "skipped", "ValueError: 3"),
    ]
