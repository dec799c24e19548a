"""Frames from runtimes: outputs go on, consumed messages are over, the rest returns to the head of its wire."""

from __future__ import annotations

from operator import itemgetter

from floe_jupyter.core.machine import local_routes
from floe_jupyter.core.machine.accounting import account, alive, count_runs
from floe_jupyter.core.machine.clocks import watch
from floe_jupyter.core.machine.debugging.recording import close_record, record_into
from floe_jupyter.core.machine.delivery import spread
from floe_jupyter.core.machine.delivery.left import take_back
from floe_jupyter.core.machine.events import WINDOW, More, Output, Returned, StateChange
from floe_jupyter.core.machine.failures import policy
from floe_jupyter.core.machine.inboxes import return_queue
from floe_jupyter.core.machine.room import room
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage, number_of, rename
from floe_jupyter.core.machine.suspects import clear_suspect
from floe_jupyter.core.machine.versions.updates import swap
from floe_jupyter.core.machine.wires.outbox import put_out
from floe_jupyter.core.machine.wires.outputs import result, send
from floe_jupyter.core.machine.work import forget_call, recall, remainder, uncount_given, wake_others
from floe_jupyter.core.messages import Batch, derive


def returned(instance: MachineState, event: Returned) -> None:
    """Take in one frame. Late frames of calls already ended by a crash are ignored."""
    work = instance.calls.get(event.call)
    if work is None:
        return
    recording = record_into(instance, work)
    for change in event.states:
        _change(instance, change)
    outputs = event.outputs
    if len(outputs) == 1 and not recording and _is_one_to_one(instance, work, outputs[0], event.consumed):
        _pass_on(instance, work, outputs[0].batch, outputs[0])
    else:
        for output in outputs:
            give(instance, work, output)
        if event.consumed:
            consume(instance, work, event.consumed)
    if event.counts:
        local_routes.count(instance, event.counts)
    _progress(instance, work, event)
    instance.journal = None


def _is_one_to_one(instance: MachineState, work: Work, output: Output, consumed: int) -> bool:
    """Return whether each consumed message gave exactly one output and the runs go on: the counts in flight hardly change."""
    batch = output.batch
    if output.parent is not None or batch.n != consumed or output.node != work.worker.node.id or work.batch.ids is not None:
        return False
    if instance.debugger.on or instance.suspects or work.worker.node.outbox:
        return False
    if batch.runs is None:
        return work.batch.runs is None and batch.run == work.batch.run and batch.run in instance.runs
    return batch.n == work.batch.n and batch.runs == work.batch.runs and all(map(instance.runs.__contains__, batch.runs))


def _pass_on(instance: MachineState, work: Work, batch: Batch, output: Output) -> None:
    node = work.worker.node
    node.given += batch.n
    targets = node.outs.get(output.port)
    if targets:
        plain = send(instance, targets, batch)
    else:
        plain = 0
        result(instance, node, output.port, batch)
    _advance(instance, work, batch.n)
    if plain != 1:
        account(instance, batch, plain - 1)


def _advance(instance: MachineState, work: Work, consumed: int) -> None:
    node = work.worker.node
    work.done += consumed
    work.emitted = work.window = 0
    instance.take(node, consumed)
    work.worker.reloads = 0


def consume(instance: MachineState, work: Work, count: int) -> None:
    """Count the next *count* messages of a call as handled."""
    start, batch, node = work.done, work.batch, work.worker.node
    over = _of_runs_over(instance, batch, start, count)
    _advance(instance, work, count)
    node.taken -= over  # counted as unfinished when their run ended
    instance.note(lambda: _uncount_taken(node, count - over))
    item = work.special
    if item is not None and item.suspect:
        clear_suspect(instance, item)
    count_runs(instance, batch.run, None if batch.runs is None else batch.runs[start : start + count], count, -1)


def _of_runs_over(instance: MachineState, batch: Batch, start: int, count: int) -> int:
    """Return the number of messages, from *start* on, whose runs ended meanwhile."""
    if batch.runs is None:
        return 0 if batch.run in instance.runs else count
    return count - sum(map(instance.runs.__contains__, batch.runs[start : start + count]))


def give(instance: MachineState, work: Work, output: Output) -> None:
    """Send on a node's outputs on one port."""
    node = instance.nodes.get(output.node)
    batch = output.batch if node is None or work.batch.ids is None or node is not work.worker.node else _named(work, output)
    known = alive(instance, batch)
    if node is None or known is None:
        return
    node.given += known.n
    instance.note(lambda: uncount_given(node, known.n))
    put_out(instance, node, output.port, known)


def _uncount_taken(node: NodeState, n: int) -> None:
    node.taken -= n


def _named(work: Work, output: Output) -> Batch:
    """Return the outputs with ids derived from the parents' ids or numbers in the call: the same ids as on local routes."""
    n, ids, first, port = output.batch.n, work.batch.ids or (), number_of(work.items), work.queue.port
    parents = output.parent if output.parent is not None else range(work.done, work.done + n)
    places = output.index or (0,) * n
    return rename(
        output.batch,
        tuple(
            derive(f"{port}/{ids[p] if first is None else first + p}", output.node, i)
            for p, i in zip(parents, places, strict=True)
        ),
    )


def _change(instance: MachineState, change: StateChange) -> None:
    node = instance.nodes.get(change.node)
    if node is None or change.worker >= len(node.workers):
        return
    worker = node.workers[change.worker]
    if instance.debugger.on:
        worker.state = dict(worker.state)
    worker.state.update(change.set)
    for key in change.unset:
        worker.state.pop(key, None)


def _progress(instance: MachineState, work: Work, event: Returned) -> None:
    """Continue or end the call."""
    # One branch for each part of a frame, in the order in which the runtime made them.
    for failure in event.skipped:
        policy.passed_over(instance, failure)
    if event.consumed and work.waiting:  # `More` was ordered before the generator began to wait
        work.waiting = False
        del instance.waiting[work.id]
    if event.end or event.failure is not None or event.left:
        finish(instance, work, event)
    elif event.emitted:
        work.emitted = event.emitted
        given = event.emitted - work.window
        if given >= WINDOW and not work.waiting:
            work.waiting = True
            instance.waiting[work.id] = work
            instance.wake_node(work.worker.node)
            wake_others(instance)
        elif given >= WINDOW // 2 and _takes_more(instance, work.worker.node):
            work.window = event.emitted  # early, so that the generator need not wait
            instance.order(More(work.id))
    if work.since is not None and event.consumed:
        watch(instance, work)


def _takes_more(instance: MachineState, node: NodeState) -> bool:
    """Return whether no halt of the flow is requested and the node has room for more outputs."""
    return not (instance.debugger.on or instance.suspects or node.fusing or node.removed) and room(instance, node)


def finish(instance: MachineState, work: Work, event: Returned) -> None:
    """End a call and give back its unconsumed messages."""
    worker = work.worker
    worker.calls.remove(work)
    forget_call(instance, work)
    instance.hand.append(work)
    rest = remainder(work)
    own = event.failure is None or event.failure.node == worker.node.id
    if event.failure is not None:
        worker.reset = True  # the runtime gives back all calls until a call carries the state
        recall(instance, worker)
    if event.left and own:
        take_back(instance, worker, event.left, None)  # first: the failure ends the run, which counts what is left
    if event.failure is not None and own and rest:
        rest = policy.stopped(instance, work, rest, event.failure)
    close_record(instance, work, event.failure if own else None)
    if event.left and not own:
        take_back(instance, worker, event.left, event.failure)
    instance.hand.pop()
    if rest:
        give_back(instance, worker, work.id, work.queue, rest)
    all_in(instance, worker)
    instance.wake_node(worker.node)


def give_back(instance: MachineState, worker: WorkerState, number: int, queue: Queue, rest: list[Batch | TrackedMessage]) -> None:
    """Return messages to the head of their wire, once all messages called later are back as well."""
    worker.back.append((number, queue, [x for item in rest if (x := _known(instance, item)) is not None]))
    recall(instance, worker)


def all_in(instance: MachineState, worker: WorkerState) -> None:
    """Put the returned messages back and swap to a waiting version, if no call of the worker is left."""
    if worker.calls:
        return
    worker.recalled = False
    for _, queue, rest in sorted(worker.back, key=itemgetter(0), reverse=True):
        home = return_queue(instance, worker.node, queue)
        home.put_back(rest)
        if instance.debugger.on:
            home.name_all()
    worker.back.clear()
    if worker.moving:
        spread.move(instance, worker)
    swap(instance, worker)


def _known(instance: MachineState, item: Batch | TrackedMessage) -> Batch | TrackedMessage | None:
    """Return the item without runs that are over; None if no message remains."""
    if type(item) is Batch:
        return alive(instance, item)
    assert isinstance(item, TrackedMessage)
    if item.batch.run in instance.runs:
        return item
    if item.suspect:
        clear_suspect(instance, item)
    return None
