"""What modules start ends with their runtime (B5, R20)."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from floe_jupyter.core.machine.events import CancelRun
from tests.processes import zombies
from tests.runner.harness import RunnerProcess, flow_of, python

SPIN = "while True: pass"
STARTS = {
    "a session of its own": "subprocess.Popen([sys.executable, '-c', SPIN], start_new_session=True)",
    "a group of its own": "subprocess.Popen([sys.executable, '-c', SPIN], process_group=0)",
    "a double fork": "if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n"
    "            os.execv(sys.executable, [sys.executable, '-c', SPIN])\n        os._exit(0)\n    os.wait()",
    "a double fork without variables": "subprocess.run(['setsid', 'sh', '-c', sys.executable + ' -c \"' + SPIN + '\" &'], env={})",
    "a fork that ignores SIGTERM": "if os.fork() == 0:\n        os.setsid()\n        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "        os.execv(sys.executable, [sys.executable, '-c', SPIN])",
}


def starting(how: str, mark: str, then: str) -> str:
    """A module that starts a spinning process, which carries *mark*, and then does something."""
    return (
        f"import os, signal, subprocess, sys, time\nSPIN = 'while True: pass #{mark}'\n"
        f"def start(m):\n    {STARTS[how]}\n    {then}\n    return os.getpid()\n"
    )


def marked(mark: str) -> list[int]:
    """Living processes whose command line holds *mark*, and the runtimes (which hold it in their memory only) not."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            line, stat = Path(f"/proc/{entry}/cmdline").read_bytes(), Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        if mark.encode() in line and stat.rpartition(")")[2].split()[0] != "Z":
            found.append(int(entry))
    return found


def until(what: str, condition, limit: float = 10.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"waited {limit} s for {what}"
        time.sleep(0.01)


def pid_of(runner: RunnerProcess) -> int:
    [pid] = [r["pid"] for r in runner.ask("listRuntimes") if r["nodes"]]
    return pid


@pytest.fixture
def mark(tmp_path: Path) -> str:
    return f"mark-{os.getpid()}-{tmp_path.name}"


@pytest.mark.parametrize("how", STARTS)
def test_B5_what_a_module_started_ends_with_a_runtime_that_is_killed(runner: RunnerProcess, how: str, mark: str):
    runner.open(flow_of("start"), [python("start", starting(how, mark, ""))])
    assert runner.run("start", [1]) == [pid_of(runner)]
    until("the child", lambda: marked(mark))
    os.kill(pid_of(runner), signal.SIGKILL)
    runner.wait(lambda: any(n.kind == "lost" for n in runner.notices), "the word that the runtime is gone")
    assert marked(mark) == []


@pytest.mark.parametrize("how", STARTS)
def test_B5_what_a_module_started_ends_with_the_runner(tmp_path: Path, how: str, mark: str):
    with RunnerProcess(tmp_path) as runner:
        runner.open(flow_of("start"), [python("start", starting(how, mark, ""))])
        runner.run("start", [1])
        until("the child", lambda: marked(mark))
    assert marked(mark) == []


def test_B5_a_runtime_leaves_what_another_has_started_alone(runner: RunnerProcess, mark: str):
    runner.open(flow_of("start"), [python("start", starting("a double fork", f"{mark}-a", ""))], "a")
    runner.open(flow_of("start"), [python("start", starting("a double fork", f"{mark}-b", ""))], "b")
    [one] = runner.run("start", [1], run=1, instance="a")
    [other] = runner.run("start", [1], run=2, instance="b")[-1:]
    assert one != other
    until("the children", lambda: marked(f"{mark}-a") and marked(f"{mark}-b"))
    os.kill(one, signal.SIGKILL)
    runner.wait(lambda: any(n.kind == "lost" for n in runner.notices), "the word that the runtime is gone")
    assert marked(f"{mark}-a") == []
    assert len(marked(f"{mark}-b")) == 1


def test_B5_adopted_processes_that_end_do_not_stay_in_the_table_of_processes(runner: RunnerProcess):
    source = "import subprocess\ndef start(m):\n    subprocess.run(['sh', '-c', 'sleep 0.01 &'])\n    return m\n"
    runner.open(flow_of("start"), [python("start", source)])
    runner.run("start", range(50))
    until("the last of them to be taken note of", lambda: not zombies(runner.process.pid))


@pytest.mark.parametrize("how", STARTS)
def test_B5_what_a_module_started_is_gone_when_its_run_is_said_to_be_cancelled(runner: RunnerProcess, how: str, mark: str):
    runner.open(flow_of("start"), [python("start", starting(how, mark, "while True: pass"))])
    runner.feed("start", [1])
    until("the child", lambda: runner.pump(0.01) or marked(mark))
    runner.send_event(CancelRun(1))
    runner.wait(lambda: 1 in runner.ended, "the end of the cancelled run", 3.0)
    assert (marked(mark), runner.ended[1].status) == ([], "cancelled")
