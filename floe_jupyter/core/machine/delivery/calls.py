"""Path of a message off its wire and into a call.

Payloads are decoded here only if the debugger or a node with workers by key needs single messages.
"""

from __future__ import annotations

from functools import partial

from floe_jupyter.core.machine.clocks import watch
from floe_jupyter.core.machine.debugging.holding import admits
from floe_jupyter.core.machine.debugging.recording import open_record
from floe_jupyter.core.machine.delivery.ends import consume_at_end, swallow_recorded
from floe_jupyter.core.machine.delivery.replay import replays
from floe_jupyter.core.machine.delivery.workers import by_worker, free_worker, free_workers
from floe_jupyter.core.machine.events import CHUNK, Call, More, State
from floe_jupyter.core.machine.failures.quarantine import may_go_on, suspects_at
from floe_jupyter.core.machine.quiescing import holds_back
from floe_jupyter.core.machine.room import announce_room, room
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState
from floe_jupyter.core.machine.state.tracked import Items, TrackedMessage, batch_of, named_as, number_of, rename
from floe_jupyter.core.messages import Batch, split


def pump(instance: MachineState) -> None:
    """Ask every node with possible work, in the order of the flow, until none has any."""
    awake = instance.awake
    while awake:
        for index in sorted(awake):
            node = awake.pop(index)
            if instance.fusing:
                instance.rested[index] = node
            if not node.removed:
                pump_node(instance, node)


def pump_node(instance: MachineState, node: NodeState) -> None:
    """Call the node as long as messages, a free worker and room behind the node are available."""
    if instance.debugger.paused or node.fusing:
        return
    if instance.quiescing and holds_back(instance, node):
        return
    if instance.waiting:
        _more(instance, node)
    if not node.workers:
        _reach_end(instance, node)
        return
    if node.key is not None:
        _spread_by_key(instance, node)
        return
    while True:
        worker = free_worker(instance, node)
        if worker is None or not room(instance, node):
            return
        queue = next_queue(instance, node, worker)
        if queue is None:
            return
        call_from(instance, node, worker, queue)


def next_queue(instance: MachineState, node: NodeState, worker: WorkerState) -> Queue | None:
    """Return the next input with a message for this worker: first an input with a suspect, otherwise in turn."""
    if instance.suspects and not instance.debugger.on and (first := suspects_at(instance, node)) is not None:
        return first
    inputs, count = node.inputs, len(node.inputs)
    for step in range(count):
        index = (node.turn + step) % count
        queue = inputs[index]
        if queue.n and deliverable(instance, node, queue, worker.state):
            node.turn = (index + 1) % count
            return queue
    return None


def deliverable(instance: MachineState, node: NodeState, queue: Queue, state: State) -> bool:
    """Return whether the first message of a queue is free to go; asks the breakpoints."""
    head = queue.items[0]
    if type(head) is not TrackedMessage:
        return True
    if head.held or (head.due and not instance.clock.reached(head.due, instance.now)):
        return False
    return not instance.debugger.on or admits(instance, node, queue, head, state)


def call_from(instance: MachineState, node: NodeState, worker: WorkerState, queue: Queue) -> None:
    """Take the next messages off a queue and call a worker."""
    was_full = queue.full
    place = queue.sent - queue.n
    items = queue.take(_most(instance, node, queue))
    if was_full:
        announce_room(instance, queue)
    begin(instance, node, worker, queue, items, place)


def _spread_by_key(instance: MachineState, node: NodeState) -> None:
    """Call workers by key: messages with equal keys go to the same worker, as long as the worker has a call to spare."""
    while room(instance, node) and not node.fusing:
        workers = free_workers(instance, node)
        queue = next_queue(instance, node, node.workers[0]) if workers else None
        if queue is None:
            return
        was_full = queue.full
        place = queue.sent - queue.n
        items = queue.take(1 if instance.debugger.on or number_of([queue.items[0]]) is not None else CHUNK)
        if isinstance(items[0], Batch):
            items = list(split(named_as(batch_of(items), queue.name, place)))
        groups, rest = by_worker(instance, node, queue, items, workers)
        queue.put_back(rest)
        if was_full:
            announce_room(instance, queue)
        for worker, given in groups:
            begin(instance, node, worker, queue, given)
        if not groups or rest:
            return


def _most(instance: MachineState, node: NodeState, queue: Queue) -> int:
    if instance.debugger.on or node.node.timeout:
        return 1
    if len(node.workers) > 1:
        return max(1, min(CHUNK, queue.n // (2 * len(node.workers))))
    return CHUNK


def begin(instance: MachineState, node: NodeState, worker: WorkerState, queue: Queue, items: Items, place: int = 0) -> None:
    """Call a worker with items taken off a queue, unless a recording has the answer."""
    batch = batch_of(items)
    instance.last_call += 1
    work = Work(instance.last_call, worker, queue, items, batch, place)
    special = work.special
    if instance.debugger.on:
        open_record(instance, work)
    if queue.wire is None:
        _mark(work)
    work.first = node.called
    if (number := number_of(items)) is not None:
        work.first, batch = number, rename(batch, None)
    else:
        node.called += batch.n
    instance.calls[work.id] = work
    worker.calls.append(work)
    if instance.debugger.on and replays(instance, work):
        return
    state = worker.state if worker.reset else None
    worker.reset = False
    if node.node.timeout:
        watch(instance, work)
    instance.order(Call(work.id, node.id, worker.index, queue.port, batch, special.skip if special else 0, work.first, state))


def _mark(work: Work) -> None:
    """Count the called messages as run in the `any` joins through which they came."""
    for item in work.items:
        if type(item) is TrackedMessage and item.entry is not None:
            if work.journal is not None:
                work.journal.append(partial(item.entry.put_back, item.entry.join, item.entry.item))
            item.entry.run_it()


def _more(instance: MachineState, node: NodeState) -> None:
    for worker in node.workers:
        for work in worker.calls:
            over = node.removed or work.run not in instance.runs
            if work.waiting and (over or room(instance, node)) and may_go_on(instance, work):
                more(instance, work)


def more(instance: MachineState, work: Work) -> None:
    """Let a generator continue."""
    work.waiting = False
    work.window = work.emitted
    del instance.waiting[work.id]
    instance.order(More(work.id))


def _reach_end(instance: MachineState, node: NodeState) -> None:
    """End the run of every message that reaches the built-in `end`."""
    for queue in node.inputs:
        while queue.n and deliverable(instance, node, queue, {}):
            was_full = queue.full
            items = queue.take(1 if instance.debugger.on else CHUNK)
            if was_full:
                announce_room(instance, queue)
            if instance.debugger.on:
                swallow_recorded(instance, node, queue, items)
            else:
                consume_at_end(instance, node, items)
