"""E5: blocking nodes of one language run at once, in several processes, without a word."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine.events import Break, CancelRun, CloseRun, Continue, Step, Unbreak, Update
from floe_jupyter.runner.runtimes.pool import SPREAD_OVER
from tests.runner.harness import RunnerProcess, batches, flow_of, js, python

NAP = "import os, time\ncount = 0\ndef {}(m):\n    global count\n    time.sleep({})\n    count += 1\n    return [os.getpid(), count]\n"
BUSY = (
    "import os, time\ndef {}(m):\n    until = time.thread_time() + {}\n    while time.thread_time() < until:\n        pass\n"
    "    return [os.getpid(), 1]\n"
)
SAME = "def s(m):\n    return m\n"
FOUR = "s -> a, b, c, d"


def naps(seconds: float, names: str = "abcd", source: str = NAP) -> list[Module]:
    return [python(name, source.format(name, seconds)) for name in names]


def pids(results: list[Any]) -> set[int]:
    return {pid for pid, _ in results}


def timed(runner: RunnerProcess, node: str, run: int, instance: str = "i") -> tuple[float, list[Any]]:
    begin = time.monotonic()
    results = runner.run(node, [1], run=run, instance=instance)
    return time.monotonic() - begin, results


def test_E5_four_nodes_that_block_take_about_the_time_of_one(runner: RunnerProcess):
    runner.open(flow_of("a"), naps(1.0, "a"), instance="one")
    one, _ = timed(runner, "a", 1, "one")
    runner.open(flow_of(FOUR), [python("s", SAME), *naps(1.0)], instance="four")
    four, results = timed(runner, "s", 2, "four")
    assert len(pids(results)) == 4
    assert four < 2.5 * one, f"one: {one:.2f} s, four: {four:.2f} s"


def test_E5_nodes_that_are_fed_one_by_one_and_compute_are_moved_as_well(runner: RunnerProcess):
    runner.open(flow_of("a; b; c; d"), naps(0.3, source=BUSY))
    for node in "abcd":
        runner.feed(node, [1])
    runner.send_event(CloseRun(1))
    runner.wait(lambda: 1 in runner.ended, "the end of the run")
    assert len(pids(runner.values())) == 4


def test_E5_quick_nodes_stay_together(runner: RunnerProcess):
    runner.open(flow_of(FOUR), [python("s", SAME), *naps(0.0)])
    assert len(pids(runner.run("s", range(500)))) == 1


def test_E5_each_message_is_handled_once_and_a_node_keeps_what_it_has(runner: RunnerProcess):
    runner.open(flow_of(FOUR), [python("s", SAME), *naps(0.1)])
    counts = sorted(count for _, count in runner.run("s", range(5)))
    assert counts == sorted([1, 2, 3, 4, 5] * 4)


def test_E5_more_nodes_than_processes_share_them(runner: RunnerProcess):
    names = [f"n{i}" for i in range(SPREAD_OVER + 4)]
    runner.open(flow_of(f"s -> {', '.join(names)}"), [python("s", SAME), *(python(n, NAP.format(n, 0.2)) for n in names)])
    results = runner.run("s", [1])
    assert len(results) == len(names)
    assert 2 <= len(pids(results)) <= SPREAD_OVER


def test_E5_a_module_of_which_there_can_be_only_one_stays_where_it_is(runner: RunnerProcess, tmp_path):
    lock = f"import fcntl\nheld = open({str(tmp_path / 'lock')!r}, 'w')\nfcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    runner.open(flow_of("a; b"), [*naps(0.3, "a"), python("b", lock + NAP.format("b", 0.0))])
    for node in "ab":
        runner.feed(node, [1])
    runner.send_event(CloseRun(1))
    runner.wait(lambda: 1 in runner.ended, "the end of the run")
    assert (runner.ended[1].status, len(runner.values())) == ("done", 2)


def moved(runner: RunnerProcess, seconds: float = 0.1) -> list[int]:
    """A flow whose four nodes are in four processes; these, with that of `s` first."""
    runner.open(flow_of(FOUR), [python("s", SAME), *naps(seconds)])
    found = pids(runner.run("s", [1]))
    assert len(found) == 4
    runner.wait(lambda: len(runtimes(runner)) == 4, "the runtimes with their nodes")
    first = next(each["pid"] for each in runtimes(runner) if "i/s" in each["nodes"])
    return [first, *sorted(found - {first})]


def runtimes(runner: RunnerProcess) -> list[dict[str, Any]]:
    found = runner.ask("listRuntimes")
    return [each for each in found if any(node.startswith("i/") for node in each["nodes"])]


def test_E5_runtimes_tell_where_moved_nodes_are_and_idle_ones_are_used_again(runner: RunnerProcess):
    processes = set(moved(runner))
    assert sorted(len(each["nodes"]) for each in runtimes(runner)) == [1, 1, 1, 2]
    runner.shut()
    runner.wait(lambda: not runtimes(runner), "the end of the instance")
    runner.open(flow_of(FOUR), [python("s", SAME), *naps(0.1)], instance="next")
    assert pids(runner.run("s", [1], run=2, instance="next")) <= processes


def test_E5_a_crash_of_a_process_with_a_moved_node_loses_nothing(runner: RunnerProcess):
    processes = moved(runner)
    runner.results.clear()
    os.kill(processes[-1], signal.SIGKILL)
    assert len(runner.run("s", [1, 2], run=2)) == 8
    assert runner.ended[2].status == "done"


def test_E5_a_cancelled_run_with_moved_nodes_ends_and_the_next_one_runs(runner: RunnerProcess):
    moved(runner)
    runner.results.clear()
    runner.feed_batches("s", batches(range(200), run=2, size=1))
    runner.wait(lambda: len(runner.results) > 0, "the first results of the second run")
    runner.send_event(CancelRun(2))
    runner.wait(lambda: 2 in runner.ended, "the end of the cancelled run")
    assert runner.ended[2].status == "cancelled"
    runner.results.clear()
    assert len(runner.run("s", [1], run=3)) == 4


def test_E5_a_cancel_while_nodes_are_being_moved_ends_the_run(runner: RunnerProcess):
    runner.open(flow_of(FOUR), [python("s", SAME), *naps(0.1)])
    runner.feed("s", range(20))
    runner.send_event(CancelRun(1))
    runner.wait(lambda: 1 in runner.ended, "the end of the cancelled run")
    runner.results.clear()
    assert len(runner.run("s", [1], run=2)) == 4


def test_E5_a_new_version_reaches_a_moved_node(runner: RunnerProcess):
    moved(runner)
    runner.results.clear()
    new = Module("d", "def d(m):\n    return [0, 'new']\n", version=2)
    assert runner.request(lambda token: Update(new, token))["updated"] == ["d"]
    assert [0, "new"] in runner.run("s", [1], run=2)


def test_E5_steps_and_breakpoints_work_where_nodes_were_moved(runner: RunnerProcess):
    moved(runner)
    runner.results.clear()
    runner.request(lambda token: Break("here", "d", token=token))
    runner.feed("s", [1], run=2)
    runner.send_event(CloseRun(2))
    runner.wait(lambda: len(runner.values()) == 3, "the results of the others")
    assert runner.request(lambda token: Step(node="d", token=token))["d"]["errors"] == []
    runner.wait(lambda: len(runner.values()) == 4, "the result of the step")
    runner.request(lambda token: Unbreak(token=token))
    runner.request(lambda token: Continue(token=token))
    runner.wait(lambda: 2 in runner.ended, "the end of the run")


def test_E5_javascript_that_blocks_is_moved_when_it_comes_to_answer(runner: RunnerProcess, need):
    need("node", "install Node.js 20")
    nap = "export default function (m) { const end = Date.now() + 200; while (Date.now() < end); return [process.pid, 1]; }"
    runner.open(flow_of("a; b; c; d"), [js(name, nap) for name in "abcd"])
    for node in "abcd":
        runner.feed(node, [1])
    runner.send_event(CloseRun(1))
    runner.wait(lambda: 1 in runner.ended, "the end of the run")
    assert (runner.ended[1].status, len(runner.values())) == ("done", 4)
