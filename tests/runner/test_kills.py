"""What a user reads when processes of a module are killed from outside (B9): progress in between clears it, else the count is told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.runner.harness import RunnerProcess, flow_of, python

KILLS = 12


def living(runner: RunnerProcess) -> list[int]:
    """The processes whose modules are loaded."""
    return [r["pid"] for r in runner.ask("listRuntimes") if r["nodes"] and r["status"] == "ready"]


def kill(runner: RunnerProcess) -> None:
    """Kill the process of the only module, when it is ready, and wait until that was noticed."""
    before = len([n for n in runner.notices if n.kind == "lost"])
    runner.wait(lambda: living(runner) != [], "the process")
    os.kill(living(runner)[0], signal.SIGKILL)
    runner.wait(lambda: len([n for n in runner.notices if n.kind == "lost"]) > before, "the end of the process")


def test_B9_a_healthy_module_that_is_killed_many_times_with_progress_in_between_loses_nothing_and_does_not_fail(
    runner: RunnerProcess,
):
    runner.open(flow_of("m"), [python("m", "import time\ndef m(v):\n    time.sleep(0.003)\n    return v\n")])
    runner.feed("m", range(1_500))
    for _ in range(KILLS):
        seen = runner.received
        runner.wait(lambda seen=seen: runner.received > seen, "some progress")
        kill(runner)
    ended = runner.end(limit=60)
    assert (ended.status, ended.failures) == ("done", ())
    assert runner.values() == list(range(1_500))
    assert [n for n in runner.notices if n.kind == "dead"] == []


def test_B9_a_message_whose_process_is_killed_three_times_fails_with_the_count_and_the_signal(
    runner: RunnerProcess, tmp_path: Path
):
    begun = tmp_path / "begun"
    runner.open(
        flow_of("m"), [python("m", f"import time\ndef m(v):\n    open({str(begun)!r}, 'a').write('x')\n    time.sleep(60)\n")]
    )
    runner.feed("m", [1])
    for n in range(1, 4):
        runner.wait(lambda n=n: begun.exists() and len(begun.read_text()) >= n, f"execution {n}")
        kill(runner)
    ended = runner.end(limit=20)
    [failure] = ended.failures
    assert (ended.status, failure.kind, failure.attempts) == ("failed", "crashed", 3)
    assert "the runtime ended 3 times while this message was being executed (killed by SIGKILL" in failure.message
    assert len(begun.read_text()) == 3


def test_B9_a_process_that_is_killed_again_and_again_while_it_has_nothing_to_do_fails_with_the_count(runner: RunnerProcess):
    runner.open(flow_of("m"), [python("m", "def m(v):\n    return v\n")])
    for n in range(5):
        kill(runner)
        if n == 3:
            assert runner.run("m", [1], run=1) == [1], "a message that is done begins the count anew"
    runner.wait(lambda: living(runner) != [], "the process")
    for _ in range(5):
        kill(runner)
    runner.feed("m", [2], run=2)
    ended = runner.end(2, limit=20)
    [failure] = ended.failures
    assert (ended.status, failure.kind) == ("failed", "crashed")
    assert "its runtime ended 6 times in a row without one message done (killed by SIGKILL" in failure.message
