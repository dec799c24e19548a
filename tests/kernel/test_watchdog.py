"""A runner that hangs is noticed, named, and ended when something waits for its end; nobody waits longer than is said."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from floe_jupyter.client import flows
from floe_jupyter.client.session import Session
from tests.kernel.conftest import Cells
from tests.kernel.waits import until

ANSWERED = 5.0
"""Seconds: the two that are promised, and as many for a machine that does other things as well."""


@pytest.fixture
def stopped(cells: Cells, session: Session) -> Iterator[psutil.Process]:
    """The home runner of a flow that runs, stopped by a signal."""
    cells("%%floe module slow\nimport time\ndef slow(msg):\n    time.sleep(msg)\n    return msg")
    cells("%%floe flow one\nslow")
    [runner] = session.call("runners")
    process = psutil.Process(runner["pid"])
    yield process
    if process.is_running():
        process.send_signal(signal.SIGCONT)


def silence(session: Session) -> bool:
    return any("silent" in runner["status"] for runner in session.call("runners"))


def test_C1_a_runner_that_does_not_answer_is_named_and_offered_to_be_ended(cells, session, stopped):
    run = flows.Flow(session, "one").run([60], wait=False)
    until(lambda: run.status == "active", "the run is active")
    stopped.send_signal(signal.SIGSTOP)
    until(lambda: silence(session), "the runner is silent", 5 + ANSWERED)
    until(lambda: "has not answered" in run.info.waits_for, "the run says so")
    began = time.monotonic()
    for text in ("%floe runners", "%floe runtimes", "%floe status", "%floe runs", "%floe logs one"):
        cells(text)
    error = cells.error("%floe held one")
    assert time.monotonic() - began < 5 * ANSWERED
    assert f"runners --end {stopped.pid}" in str(error)
    cells(f"%floe runners --end {stopped.pid}")
    until(lambda: not stopped.is_running(), "its process is gone")
    until(lambda: run.status == "failed", "the run has failed")
    assert cells("r = %floe run one --input [0.01]\nr.results") == [0.01]


def test_C1_a_runner_that_answers_again_goes_on_as_if_nothing_had_been(cells, session, stopped):
    run = flows.Flow(session, "one").run([2], wait=False)
    until(lambda: run.status == "active", "the run is active")
    stopped.send_signal(signal.SIGSTOP)
    until(lambda: silence(session), "the runner is silent", 5 + ANSWERED)
    stopped.send_signal(signal.SIGCONT)
    assert run.wait(30).results == [2]
    assert not silence(session)


@pytest.mark.parametrize("way", ["cancel", "stop", "timeout"])
def test_C1_a_silent_runner_is_ended_when_a_cancel_a_stop_or_a_time_limit_is_due(cells, session, stopped, way):
    flow = flows.Flow(session, "one")
    if way == "stop":
        flow.start()
        run = flow.send(60)
    else:
        run = flow.run([60], wait=False, timeout=4 if way == "timeout" else None)
    until(lambda: run.status == "active", "the run is active")
    stopped.send_signal(signal.SIGSTOP)
    if way == "cancel":
        run.cancel()
        assert run.status == "cancelled"
    elif way == "stop":
        flow.stop()
    until(lambda: not stopped.is_running(), "the silent runner is gone", 30)
    until(lambda: run.status in ("cancelled", "failed"), "the run is over")
    assert cells("r = %floe run one --input [0.01]\nr.results") == [0.01]
