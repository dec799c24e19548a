"""Runs: messages in flight, and the end of each run (exactly once; later messages of the run are dropped)."""

from __future__ import annotations

from collections import Counter

from floe_jupyter.core.machine import suspects, unprocessed
from floe_jupyter.core.machine.debugging.holding import recount_held
from floe_jupyter.core.machine.events import CancelRun, CloseRun, Ended, Failure, Status
from floe_jupyter.core.machine.outcome import UNFINISHED
from floe_jupyter.core.machine.room import announce_room
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.open_runs import FAILURES, REMEMBERED, Ending, OpenRun
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage, of_wanted_runs
from floe_jupyter.core.machine.work import recall
from floe_jupyter.core.messages import Batch

GRACE = 2.0
"""Seconds that a cancelled run's calls get before their runtime is killed. `Ended` follows when the calls are over."""


def is_over(instance: MachineState, number: int) -> bool:
    """Return whether the run has ended."""
    return number not in instance.runs and (number in instance.ended or number <= instance.forgotten)


def open_run(instance: MachineState, number: int) -> bool:
    """Open the run if new; return False if the run is over."""
    if number in instance.runs:
        return True
    if is_over(instance, number):
        return False
    instance.runs[number] = OpenRun(instance.clock.active(instance.now))
    instance.inflight[number] = 0
    instance.timed = instance.timed or instance.timeout > 0
    return True


def close_run(instance: MachineState, event: CloseRun) -> None:
    """Close a run to further injections; a new run is opened first."""
    if open_run(instance, event.run):
        instance.runs[event.run].closed = True
        instance.settled.append(event.run)


def cancel_run(instance: MachineState, event: CancelRun) -> None:
    """End a run as cancelled; a new run is opened first."""
    if open_run(instance, event.run):
        end_run(instance, event.run, "cancelled")


def settle(instance: MachineState) -> None:
    """End the closed runs without messages in flight."""
    candidates, instance.settled = instance.settled, []
    for number in candidates:
        run = instance.runs.get(number)
        if run is not None and run.closed and not instance.inflight[number] and not _is_delayed(instance):
            end_run(instance, number)


def _is_delayed(instance: MachineState) -> bool:
    """Return whether the ends of runs are delayed: while paused, so that the last step of a run can be undone."""
    return instance.debugger.paused and not instance.stopping


def fail_run(instance: MachineState, number: int, failure: Failure, *, at_once: bool) -> None:
    """Add a final failure of a message to a run; with *at_once* end the run and all its work."""
    run = instance.runs.get(number)
    if run is None:
        return
    if len(run.failures) < FAILURES:
        run.failures.append(failure)
        instance.note(lambda: run.failures.remove(failure) if failure in run.failures else None)
    if at_once:
        finish(instance, number, "failed")


def finish(instance: MachineState, number: int, status: Status, by: str = "") -> None:
    """End a run early (*by* an `end` node); while stepping, delay the end until stepping is over, so that the step can be
    undone.
    """
    run = instance.runs.get(number)
    if run is None or run.ending_as:
        return
    run.cut = by
    if not instance.debugger.paused:
        end_run(instance, number, status)
        return
    run.ending_as = status
    instance.note(lambda: setattr(run, "ending_as", ""))


def end_run(instance: MachineState, number: int, status: Status | None = None) -> None:
    """End a run: early with a *status*, or because no message of the run is in flight."""
    # An end is told once, with counts that the steps before it have made: the order matters.
    run, early = instance.runs.pop(number), status
    left = instance.inflight.pop(number)
    if early in {None, "done"}:
        status = "failed" if run.failures else "done"
    assert status is not None
    _remember(instance, number, status)
    counts = _forget_joins(instance, number, run, early)
    instance.debugger.forget_run(number)
    kill = status == "cancelled" or any(failure.kind == "timeout" for failure in run.failures)
    if left or early == "failed":
        counts = Counter(counts) + _purge(instance, number, left, kill=kill)
    instance.giving_up = instance.giving_up or kill
    if counts:
        unprocessed.left_behind(instance, run, counts, "cut" if early == "done" else UNFINISHED)
    told = unprocessed.told(instance, number, run) if run.dropped else ()
    _say(instance, Ended(number, status, tuple(run.failures), told, run.fed if early else 0))


def _say(instance: MachineState, said: Ended) -> None:
    """Report the end of a run; that of a cancelled one waits until no call works on its messages."""
    if said.status == "cancelled" and not instance.stopping:
        calls = {work.id for work in instance.calls.values() if _concerns(work.batch, said.run)}
        instance.ending[said.run] = Ending(said, calls)
    else:
        instance.order(said)


def _forget_joins(instance: MachineState, number: int, run: OpenRun, early: Status | None) -> dict[unprocessed.Kept, int]:
    """Remove the run from all joins. Held parts are dropped if no other message could arrive; otherwise counted in the result."""
    counts: dict[unprocessed.Kept, int] = {}
    for node, joins in instance.joining:
        shapes = joins.forget(number)
        if shapes and early is None:
            unprocessed.missed(run, node, joins.wires, shapes)
        elif shapes:
            counts[node.id, f"join {node.id}"] = sum(got.bit_count() * n for got, n in shapes.items())
    return counts


def tell_ended(instance: MachineState) -> None:
    """Order the delayed `Ended` of each cancelled run without work left in calls or loads."""
    for number, ending in list(instance.ending.items()):
        if not (ending.calls or instance.leaving) or instance.stopping:
            del instance.ending[number]
            instance.order(ending.said)


def _remember(instance: MachineState, number: int, status: Status) -> None:
    instance.ended[number] = status
    if len(instance.ended) > REMEMBERED:
        oldest = next(iter(instance.ended))
        del instance.ended[oldest]
        instance.forgotten = max(instance.forgotten, oldest)


def _purge(instance: MachineState, number: int, left: int, *, kill: bool) -> Counter[unprocessed.Kept]:
    """Drop the waiting messages of a run that ended early and recall its calls; return the positions of the *left* messages."""
    counts: Counter[unprocessed.Kept] = Counter()

    def wanted(run: int) -> bool:
        return run != number

    for node in instance.nodes.values():
        for queue in [*node.inputs, *node.wires] if node.joins else node.inputs:
            if queue.n and (gone := queue.keep(wanted)):
                counts[node.id, f"node {node.id}"] += gone
                announce_room(instance, queue)
        counts += _purge_outbox(node, number)
        for worker in node.workers:
            if here := _purge_worker(instance, worker, number, kill=kill):
                counts[node.id, f"node {node.id}"] += here
        instance.wake_node(node)
    for node in instance.nodes.values():
        if node.outbox:
            instance.let_through(instance, node)
    recount_held(instance)
    suspects.recount(instance)
    return counts + _in_hand(instance, number, left - counts.total())


def _purge_worker(instance: MachineState, worker: WorkerState, number: int, *, kill: bool) -> int:
    """Drop the messages of a run that a worker gave back and recall its calls; return the number of its messages there."""
    here = sum(_remaining(work, number) for work in worker.calls)
    here += sum(_count_of(item, number) for _, _, items in worker.back for item in items)
    worker.back = [
        (call, queue, [kept for item in items if (kept := of_wanted_runs(item, lambda run: run != number)) is not None])
        for call, queue, items in worker.back
    ]
    if any(_concerns(work.batch, number) for work in worker.calls):
        recall(instance, worker)
        _set_deadlines(instance, worker, number, kill=kill)
    return here


def _purge_outbox(node: NodeState, number: int) -> Counter[unprocessed.Kept]:
    counts: Counter[unprocessed.Kept] = Counter()
    if node.outbox:
        kept = [(port, item) for port, item in node.outbox if item.batch.run != number]
        counts.update((node.id, f"output {node.id}.{port}") for port, item in node.outbox if item.batch.run == number)
        node.outbox.clear()
        node.outbox.extend(kept)
    return counts


def _remaining(work: Work, number: int) -> int:
    """Return the number of messages of the run not yet consumed by a call."""
    if work.batch.runs is None:
        return work.batch.n - work.done if work.batch.run == number else 0
    return work.batch.runs[work.done :].count(number)


def _count_of(item: Batch | TrackedMessage, number: int) -> int:
    batch = item if isinstance(item, Batch) else item.batch
    if batch.runs is None:
        return batch.n if batch.run == number else 0
    return batch.runs.count(number)


def _in_hand(instance: MachineState, number: int, left: int) -> Counter[unprocessed.Kept]:
    """Return the positions of messages not yet given back by just ended calls. The call being handled may have an uncounted
    extra message: the failed message.
    """
    counts: Counter[unprocessed.Kept] = Counter()
    for work in reversed(instance.hand):
        n = min(left, _remaining(work, number))
        counts[work.worker.node.id, f"node {work.worker.node.id}"] += n
        left -= n
    return +counts


def _concerns(batch: Batch, number: int) -> bool:
    return batch.run == number if batch.runs is None else number in batch.runs


def _set_deadlines(instance: MachineState, worker: WorkerState, number: int, *, kill: bool) -> None:
    """Set deadlines for calls of the run: for generators always (a generator may go on for ever), for others only with *kill*."""
    for work in worker.calls:
        if _concerns(work.batch, number) and (kill or work.emitted):
            instance.deadlines[work.id] = instance.now + GRACE
            instance.timed = True
