"""Runs: what of them is in flight, and when they are over (exactly once; what comes later is dropped)."""

from __future__ import annotations

from typing import cast

from floe_jupyter.core import quarantine
from floe_jupyter.core.events import Accepted, CancelRun, CloseRun, Ended, Failure, Recall, Status
from floe_jupyter.core.instance import FAILURES, REMEMBERED, Instance, Lane, NodeState, Run
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.queues import Queue, sift

GRACE = 2.0
"""Seconds that a cancelled run's calls get before their runtime is killed."""


def is_over(instance: Instance, number: int) -> bool:
    return number not in instance.runs and (number in instance.ended or number <= instance.forgotten)


def open_run(instance: Instance, number: int) -> bool:
    """Open it if it is new; False when it is over."""
    if number in instance.runs:
        return True
    if is_over(instance, number):
        return False
    instance.runs[number] = Run(instance.debugger.clock.active(instance.now))
    instance.inflight[number] = 0
    instance.timed = instance.timed or instance.timeout > 0
    return True


def account(instance: Instance, batch: Batch, sign: int) -> None:
    """*sign* times the batch's messages are in flight more than before. Runs that are over do not count."""
    count_runs(instance, batch.run, batch.runs, batch.n, sign)


def count_runs(instance: Instance, run: int, runs: tuple[int, ...] | None, n: int, sign: int) -> None:
    """The same for *n* messages of one run, or of these runs."""
    inflight = instance.inflight
    if runs is None:
        if run in inflight:
            inflight[run] = count = inflight[run] + sign * n
            if not count:
                instance.settled.append(run)
    else:
        for number in runs:
            if number in inflight:
                inflight[number] = count = inflight[number] + sign
                if not count:
                    instance.settled.append(number)
    if instance.journal is not None:
        instance.journal.append(lambda: count_runs(instance, run, runs, n, -sign))


def alive(instance: Instance, batch: Batch) -> Batch | None:
    """The messages of runs that are not over."""
    runs = instance.runs
    if batch.runs is None:
        return batch if batch.run in runs else None
    return cast("Batch | None", sift(batch, runs.__contains__))


def close_run(instance: Instance, event: CloseRun) -> None:
    if open_run(instance, event.run):
        instance.runs[event.run].closed = True
        instance.settled.append(event.run)


def cancel_run(instance: Instance, event: CancelRun) -> None:
    if open_run(instance, event.run):
        end_run(instance, event.run, "cancelled")


def settle(instance: Instance) -> None:
    """End the runs of which nothing is in flight any more."""
    candidates, instance.settled = instance.settled, []
    for number in candidates:
        run = instance.runs.get(number)
        if run is not None and run.closed and not instance.inflight[number] and not instance.debugger.delays(number):
            end_run(instance, number)


def fail_run(instance: Instance, number: int, failure: Failure, *, at_once: bool) -> None:
    """A final failure of one of its messages; with *at_once* nothing of the run goes on."""
    run = instance.runs.get(number)
    if run is None:
        return
    if len(run.failures) < FAILURES:
        run.failures.append(failure)
        instance.note(lambda: run.failures.remove(failure) if failure in run.failures else None)
    if at_once:
        finish(instance, number, "failed")


def finish(instance: Instance, number: int, status: Status) -> None:
    """End a run before its time; while stepping, when stepping is over (so that the step can be undone)."""
    run = instance.runs.get(number)
    if run is None or run.doomed:
        return
    if not instance.debugger.paused:
        end_run(instance, number, status)
        return
    run.doomed = status
    instance.note(lambda: setattr(run, "doomed", ""))


def end_run(instance: Instance, number: int, status: Status | None = None) -> None:
    run = instance.runs.pop(number)
    left = instance.inflight.pop(number)
    if status in {None, "done"}:
        status = "failed" if run.failures else "done"
    assert status is not None
    _remember(instance, number, status)
    for node in instance.nodes.values():
        if node.joins is not None:
            node.joins.forget(number)
    instance.debugger.over(number)
    if left:
        _purge(instance, number, kill=status == "cancelled" or any(failure.kind == "timeout" for failure in run.failures))
    instance.order(Ended(number, status, tuple(run.failures)))


def _remember(instance: Instance, number: int, status: Status) -> None:
    instance.ended[number] = status
    if len(instance.ended) > REMEMBERED:
        oldest = next(iter(instance.ended))
        del instance.ended[oldest]
        instance.forgotten = max(instance.forgotten, oldest)


def _purge(instance: Instance, number: int, *, kill: bool) -> None:
    """Drop what waits of a run that ended early, and recall what is at work."""
    def wanted(run: int) -> bool:
        return run != number

    for node in instance.nodes.values():
        for queue in [*node.inputs, *node.wires] if node.joins else node.inputs:
            if queue.n and queue.keep(wanted):
                roomier(instance, queue)
        _purge_outbox(node, number)
        for lane in node.lanes:
            lane.back = [(number_, queue, [x for item in items if (x := sift(item, wanted)) is not None])
                         for number_, queue, items in lane.back]
            if any(_concerns(work.batch, number) for work in lane.calls):
                recall(instance, lane)
                _set_deadlines(instance, lane, number, kill=kill)
        instance.wake_node(node)
    instance.debugger.recount()
    quarantine.recount(instance)


def _purge_outbox(node: NodeState, number: int) -> None:
    if node.outbox:
        kept = [(port, item) for port, item in node.outbox if item.batch.run != number]
        node.outbox.clear()
        node.outbox.extend(kept)


def _concerns(batch: Batch, number: int) -> bool:
    return batch.run == number if batch.runs is None else number in batch.runs


def _set_deadlines(instance: Instance, lane: Lane, number: int, *, kill: bool) -> None:
    """A generator may go on for ever; anything else is killed only where somebody does not want to wait."""
    for work in lane.calls:
        if _concerns(work.batch, number) and (kill or work.emitted):
            instance.deadlines[work.id] = instance.now + GRACE
            instance.timed = True


def recall(instance: Instance, lane: Lane) -> None:
    """Ask for everything that is not begun; nothing is called until all of it is back."""
    if lane.calls and not lane.recalled:
        lane.recalled = True
        instance.order(Recall(lane.node.id, lane.index))


def roomier(instance: Instance, queue: Queue) -> None:
    """Something left a queue: those who wait for room may go on."""
    if queue.tokens and not queue.full:
        tokens, queue.tokens = queue.tokens, []
        instance.commands.extend(Accepted(token) for token in tokens)
    target = instance.nodes[queue.target]
    for wire in target.wires if target.joins is not None else (queue,):
        if wire.source:
            for node in upstream(instance, wire):
                instance.wake_node(node)


def upstream(instance: Instance, wire: Queue) -> list[NodeState]:
    """Who is called with an eye on this wire's room: its source, or what feeds that over local routes."""
    source = instance.nodes[wire.source]
    found = [source]
    for feeder in source.wires:
        if feeder.routed:
            found.extend(upstream(instance, feeder))
    return found
