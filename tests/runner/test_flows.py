from __future__ import annotations

import os
import time

import orjson
import pytest

from floe_jupyter.core.flow.model import RetryPolicy
from floe_jupyter.core.machine.events import CancelRun, Ended, Inject
from floe_jupyter.core.messages import Batch
from floe_jupyter.runner.runtimes.spawn import resident
from floe_jupyter.wire.leftovers import maker
from tests.runner.conftest import session
from tests.runner.harness import RunnerProcess, batches, flow_of, js, python

ADD = "def add(m):\n    return m + 1\n"
DOUBLE = "def double(m):\n    return m * 2\n"


def assert_done(ended: Ended) -> None:
    assert (ended.status, ended.failures) == ("done", ())


def test_a_flow_gives_the_results_of_its_modules_in_order(runner: RunnerProcess):
    runner.open(flow_of("add -> double"), [python("add", ADD), python("double", DOUBLE)])
    assert runner.run("add", range(1_000)) == [(i + 1) * 2 for i in range(1_000)]
    assert [(n.kind, n.node) for n in runner.notices] == [("loaded", "add"), ("loaded", "double")]


def test_modules_of_one_environment_share_a_process_and_workers_do_not(runner: RunnerProcess):
    pid = "import os\ndef {}(m):\n    return [m, os.getpid()]\n"
    flow = flow_of("a -> b; c", c={"workers": 3})
    runner.open(
        flow,
        [
            python("a", pid.format("a")),
            python("b", "import os\ndef b(m):\n    return [*m, os.getpid()]"),
            python("c", pid.format("c")),
        ],
    )
    assert {pid_a == pid_b for _, pid_a, pid_b in runner.run("a", range(10))} == {True}
    runner.wait(lambda: sum(n.kind == "loaded" and n.node == "c" for n in runner.notices) == 3, "three workers")
    assert len({pid for _, pid in runner.run("c", range(1_000), run=2)}) == 3


def test_fan_out_and_joins_work_across_processes(runner: RunnerProcess):
    join = "def c(m):\n    return m['a1'] + m['a2']\n"
    flow = flow_of("a -> a1, a2; a1, a2 -> c", c={"join": "all"}, a1={"workers": 2})
    modules = [
        python("a", "def a(m):\n    return m"),
        python("a1", "def a1(m):\n    return m + 1"),
        python("a2", "def a2(m):\n    return m * 10"),
        python("c", join),
    ]
    runner.open(flow, modules)
    for run in range(1, 20):
        assert runner.run("a", [run], run=run) == [run + 1 + run * 10]


def test_python_javascript_python(runner: RunnerProcess, need):
    need("node", "install Node.js 20")
    runner.open(
        flow_of("a -> b -> c"),
        [
            python("a", "def a(m):\n    return {'n': m}"),
            js("b", "export default function (m) { return {n: m.n * 2}; }"),
            python("c", "def c(m):\n    return m['n'] + 1"),
        ],
    )
    assert runner.run("a", range(5_000)) == [i * 2 + 1 for i in range(5_000)]


def test_a_module_that_raises_fails_the_run_with_its_own_trace(runner: RunnerProcess):
    runner.open(flow_of("bad"), [python("bad", "def bad(m):\n    return 1 / m\n")])
    runner.feed("bad", [0])
    ended = runner.end()
    assert ended.status == "failed"
    [failure] = ended.failures
    assert (failure.node, failure.message, failure.kind) == ("bad", "ZeroDivisionError: division by zero", "raised")
    assert "return 1 / m" in failure.trace


def test_a_module_that_does_not_load_is_refused_and_the_runner_lives_on(runner: RunnerProcess):
    runner.open(flow_of("bad"), [python("bad", "def bad(m:\n    pass\n")])
    runner.feed("bad", [1])
    ended = runner.end()
    assert ended.status == "failed"
    assert "SyntaxError" in ended.failures[0].message
    runner.open(flow_of("add"), [python("add", ADD)], "other")
    assert runner.run("add", [1], run=7, instance="other") == [2]


def test_a_module_that_ends_its_process_while_it_is_loaded_is_tried_three_times_and_named(runner: RunnerProcess):
    runner.open(flow_of("add -> bad"), [python("add", ADD), python("bad", "import os\nos._exit(3)\n")])
    runner.feed("add", [1])
    [failure] = runner.end().failures
    assert failure.node == "bad"
    assert "exit code 3" in failure.message


def test_a_retry_waits_its_time_and_starts_from_the_state_before(runner: RunnerProcess, tmp_path):
    source = (
        "import os\ndef shaky(path, ctx):\n    ctx.state['seen'] = ctx.state.get('seen', 0) + 1\n"
        "    if not os.path.exists(path):\n        open(path, 'w').close()\n        raise OSError('not yet')\n"
        "    return ctx.state['seen']\n"
    )
    path = str(tmp_path / "seen")
    runner.open(flow_of("shaky", shaky={"on_error": "retry", "retry": RetryPolicy(2, 0.2)}), [python("shaky", source)])
    begin = time.monotonic()
    assert runner.run("shaky", [path]) == [1]
    assert time.monotonic() - begin >= 0.2


def test_a_message_may_not_take_longer_than_its_time(runner: RunnerProcess):
    source = "import time\ndef slow(m):\n    time.sleep(m)\n    return m\n"
    runner.open(flow_of("slow", slow={"timeout": 0.3}), [python("slow", source)])
    runner.feed("slow", [30])
    begin = time.monotonic()
    ended = runner.end()
    assert (ended.status, ended.failures[0].kind) == ("failed", "timeout")
    assert time.monotonic() - begin < 5


def test_cancelling_a_run_ends_a_module_that_never_returns(runner: RunnerProcess):
    runner.open(flow_of("forever"), [python("forever", "def forever(m):\n    while True:\n        pass\n")])
    runner.feed("forever", [1])
    runner.wait(lambda: "i" in runner.views and any(n.status == "busy" for n in runner.views["i"].nodes), "the module to be busy")
    runner.send_event(CancelRun(1))
    runner.wait(lambda: 1 in runner.ended, "the end of the cancelled run")
    assert runner.ended[1].status == "cancelled"


def test_one_flow_in_an_endless_loop_does_not_stop_another(runner: RunnerProcess):
    runner.open(flow_of("forever"), [python("forever", "def forever(m):\n    while True:\n        pass\n")])
    runner.feed("forever", [1])
    runner.open(flow_of("add"), [python("add", ADD)], "other")
    assert runner.run("add", [1], run=2, instance="other") == [2]
    runner.shut()


def test_a_closed_instance_leaves_a_warm_process_for_the_next(runner: RunnerProcess):
    times = []
    for k in range(20):
        begin = time.perf_counter()
        runner.open(flow_of("add"), [python("add", ADD)], f"i{k}")
        assert runner.run("add", [k], run=1, instance=f"i{k}") == [k + 1]
        times.append(time.perf_counter() - begin)
        runner.shut(f"i{k}")
        del runner.ended[1]
    assert len(runner.ask("listRuntimes")) == 1
    warm = sorted(times[1:])[len(times) // 2]
    print(f"warm start of a flow to its first result: {warm * 1e3:.1f} ms")
    assert warm < 0.1


def test_prints_arrive_as_logs_and_a_flood_is_cut(runner: RunnerProcess):
    source = (
        "import os, sys\ndef loud(m):\n    print('hello', m)\n    os.write(2, b'raw ' * 4)\n"
        "    for _ in range(m):\n        os.write(1, b'x' * 65536)\n    return m\n"
    )
    runner.open(flow_of("loud"), [python("loud", source)])
    assert runner.run("loud", [1, 600]) == [1, 600]
    text = "".join(log.text for log in runner.logs)
    assert "hello 1" in text
    assert "raw raw" in text
    assert sum(len(log.text) for log in runner.logs) < 4 * 1024 * 1024


def test_a_dispatcher_that_does_not_keep_up_holds_the_flow_back_and_loses_nothing(runner: RunnerProcess):
    source = "def big(m):\n    for i in range(4000):\n        yield 'x' * 50_000\n"
    runner.open(flow_of("big"), [python("big", source)])
    runner.feed("big", [1])
    time.sleep(3)  # this is the stall of the dispatcher, not a wait for something
    memory = resident(runner.process.pid)
    assert_done(runner.end(limit=50))
    assert sum(batch.n for _, _, batch in runner.results) == 4000
    print(f"resident memory of the runner at the end of the stall: {memory / 1e6:.0f} MB")
    assert memory < 400e6


@pytest.mark.slow
def test_memory_stays_flat_when_a_producer_is_faster_than_its_consumer(runner: RunnerProcess):
    slow = "import time\ndef slow(m):\n    time.sleep(0.0005)\n    return None\n"
    runner.open(
        flow_of("fast -> slow", slow={"workers": 2}),
        [python("fast", "def fast(m):\n    return [m, 'x' * 2000]\n"), python("slow", slow)],
    )
    deadline, sent, peak = time.monotonic() + 10, 0, []
    parts = batches(range(64))
    while time.monotonic() < deadline:
        runner.feed_batches("fast", parts * 8, ahead=4)
        sent += 512
        peak.append(sum(x["memory"] for x in runner.ask("listRuntimes")) + resident(runner.process.pid))
    early, late = max(peak[: len(peak) // 3]), max(peak[-len(peak) // 3 :])
    print(f"{sent} messages in 10 s; resident {early / 1e6:.0f} MB early, {late / 1e6:.0f} MB late")
    assert late < early + 20e6
    assert_done(runner.end(limit=20))


def test_what_a_call_held_is_let_go_when_it_is_over_not_when_garbage_is_collected(runner: RunnerProcess):
    runner.open(flow_of("a"), [python("a", "import gc\ngc.disable()\ndef a(m):\n    return len(m)\n")])
    runner.run("a", ["x" * 1_000_000])
    before = runner.ask("listRuntimes")[0]["memory"]
    for number in range(2, 12):
        assert runner.run("a", ["x" * 1_000_000] * 10, run=number) == [1_000_000] * 10
    after = runner.ask("listRuntimes")[0]["memory"]
    print(f"after 100 MB: {(after - before) / 1e6:.0f} MB more")
    assert after < before + 30e6


def test_large_values_and_buffers_pass(runner: RunnerProcess):
    runner.open(flow_of("a -> b", b={"workers": 2}), [python(n, f"def {n}(m):\n    return m\n") for n in "ab"])
    big = ["é" * 1_000_000, "x" * 5_000_000]
    assert runner.run("a", big) == big


def test_bytes_go_through_shared_memory_and_results_outlive_the_runner(runner: RunnerProcess):
    source = "def make(m):\n    return b'\\x01' * m\n"
    check = "def check(m):\n    return m + b'\\x02' if len(m) > 5 else m\n"
    flow = flow_of("make -> check", check={"workers": 2})
    runner.open(flow, [python("make", source), python("check", check)])
    runner.feed("make", [3, 1_000_000])
    assert_done(runner.end())
    buffers = [b for _, _, batch in runner.results for b in batch.buffers]
    small, large = sorted(buffers, key=lambda b: b.size)
    assert small.data == b"\x01" * 3
    assert large.segment.startswith(f"{maker()}-d{runner.process.pid}-")
    with open(f"/dev/shm/{large.segment}", "rb") as file:
        assert file.read() == b"\x01" * 1_000_000 + b"\x02"
    os.unlink(f"/dev/shm/{large.segment}")


def test_a_child_that_a_module_started_ends_with_its_runtime(runner: RunnerProcess):
    source = "import subprocess\ndef parent(m):\n    return subprocess.Popen(['sleep', '1000']).pid\n"
    runner.open(flow_of("parent"), [python("parent", source)])
    [pid] = runner.run("parent", [1])
    assert pid in [p for p, _ in session(runner.process.pid)]


def test_an_instance_that_does_not_exist_is_refused_by_name(runner: RunnerProcess):
    token = runner.token()
    runner.send_event(Inject("a", Batch(b"[1]", 1), "in", token), "nobody")
    runner.wait(lambda: token in runner.replies, "the refusal")
    kind, text = runner.replies[token].error
    assert kind == "unknown"
    assert "no instance 'nobody'" in text


@pytest.mark.parametrize(
    ("instance", "port", "status"), [("i", "in", "done"), ("i", "nowhere", "failed"), ("gone", "in", "failed")]
)
def test_an_injection_that_closes_its_run_ends_it_also_when_it_is_refused(runner: RunnerProcess, instance, port, status):
    runner.open(flow_of("add"), [python("add", ADD)])
    runner.send_event(Inject("add", Batch(b"[1]", 1, 7), port, close=True), instance)
    runner.wait(lambda: 7 in runner.ended, "the end of run 7")
    assert runner.ended[7].status == status
    assert runner.values() == ([2] if (instance, port) == ("i", "in") else [])


def test_nothing_answers_an_injection_without_a_token(runner: RunnerProcess):
    runner.open(flow_of("add"), [python("add", ADD)])
    runner.send_event(Inject("add", Batch(b"[1]", 1, 7), close=True))
    runner.wait(lambda: 7 in runner.ended, "the end of run 7")
    assert not runner.accepted


def test_order_holds_on_a_wire_whatever_the_size_of_batches(runner: RunnerProcess):
    runner.open(flow_of("a -> b"), [python("a", "async def a(m):\n    return m"), python("b", "def b(m):\n    return m")])
    parts, n = [], 0
    for size in (1, 64, 3, 200, 17, 1, 1, 64) * 20:
        parts.append(Batch(orjson.dumps(list(range(n, n + size))), size, run=1))
        n += size
    runner.feed_batches("a", parts)
    assert_done(runner.end())
    assert runner.values() == list(range(n))
