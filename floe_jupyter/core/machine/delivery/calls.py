"""Path of a message: onto wires, off them, into calls.

Payloads are decoded here only if a join or the debugger needs single messages.
"""

from __future__ import annotations

from functools import partial

from floe_jupyter.core.flow.model import CYCLE_FACTOR
from floe_jupyter.core.machine.delivery.workers import by_lane, free_lane, free_lanes
from floe_jupyter.core.machine.events import CHUNK, Accepted, Call, Failure, Inject, More, Result, State
from floe_jupyter.core.machine.failures.quarantine import lets_go_on, room, suspects_at
from floe_jupyter.core.machine.runs import account, alive, fail_run, finish, open_run, roomier
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue, TrackedMessage, batch_of, chop, named_as, newest, number_of, rename
from floe_jupyter.core.machine.state.records import Lane, NodeState, Work
from floe_jupyter.core.messages import Batch, split
from floe_jupyter.errors import UnknownName, unknown

Items = list[Batch | TrackedMessage]


# --- in ------------------------------------------------------------------------------------------------------------------


def inject(instance: MachineState, event: Inject) -> None:
    """Put injected messages into a node's inbox and open their runs. Raises `UnknownName` for an unknown node or port."""
    queue = _entry(instance, event)
    for run in _runs(event):
        if open_run(instance, run) and event.close:
            instance.runs[run].closed = True
    batch = alive(instance, event.batch)
    if batch is not None:
        _count_fed(instance, batch)
    for part in chop(batch, CHUNK) if batch is not None else ():
        account(instance, part, 1)
        enqueue(instance, queue, part)
    if event.token is None:
        return
    if batch is not None and queue.full:
        queue.tokens.append(event.token)
    else:
        instance.order(Accepted(event.token))


def _count_fed(instance: MachineState, batch: Batch) -> None:
    if batch.runs is None:
        instance.runs[batch.run].fed += batch.n
    else:
        for run in batch.runs:
            instance.runs[run].fed += 1


def _runs(event: Inject) -> dict[int, None]:
    return dict.fromkeys(event.batch.runs or (event.batch.run,))


def _entry(instance: MachineState, event: Inject) -> Queue:
    """Return the queue for injected messages. Raises `UnknownName`, after failing the runs without any other messages to come."""
    try:
        if event.node not in instance.nodes:
            raise unknown("node", event.node, instance.nodes)
        return inbox(instance, instance.nodes[event.node], event.port)
    except UnknownName as error:
        for run in _runs(event) if event.close else ():
            if open_run(instance, run):
                fail_run(instance, run, Failure(event.node, str(error), kind="refused", run=run), at_once=True)
        raise


def inbox(instance: MachineState, node: NodeState, port: str) -> Queue:
    """Return the queue for injections into a port; injections bypass the node's join. Raises `UnknownName` for unknown ports."""
    name = f">{node.id}.{port}"
    queue = node.find(name)
    if queue is None:
        _check_port(node, port)
        queue = _add_inbox(instance, node, port)
    return queue


def _add_inbox(instance: MachineState, node: NodeState, port: str) -> Queue:
    queue = Queue(f">{node.id}.{port}", node.id, port, instance.max_n, instance.max_bytes, filled=instance.filled)
    node.inputs.append(queue)
    return queue


def way_back(instance: MachineState, node: NodeState, queue: Queue) -> Queue:
    """Return the queue for messages given back by a call: their wire, or the inbox if the wire was removed meanwhile, since the
    messages still belong to the node.
    """
    if any(other is queue for other in node.inputs):
        return queue
    return node.find(f">{node.id}.{queue.port}") or _add_inbox(instance, node, queue.port)


def _check_port(node: NodeState, port: str) -> None:
    ports = [*(node.module.inputs if node.module else ("in",)), *(wire.port for wire in node.wires)]
    if port not in ports:
        raise UnknownName(str(unknown(f"input port of node {node.id!r},", port, ports)))


def enqueue(instance: MachineState, queue: Queue, batch: Batch) -> None:
    """Put a batch on a queue and wake its node. The messages are already accounted for."""
    if not instance.debugger.on:
        queue.put(batch)
    else:
        items = [TrackedMessage(part) for part in split(named_as(batch, queue.name, queue.sent))]
        queue.put_items(items)
        instance.debugger.note_put(queue, items)
    instance.wake_node(instance.nodes[queue.target])
    if queue.cyclic and (queue.n >= queue.max_n * CYCLE_FACTOR or queue.bytes >= queue.max_bytes * CYCLE_FACTOR):
        _overflow(instance, queue, batch)


def _overflow(instance: MachineState, queue: Queue, batch: Batch) -> None:
    """Fail the runs of a batch that overflowed a cyclic wire: cyclic wires never block, which makes a limit necessary."""
    text = (
        f"wire {queue.name} is part of a cycle and holds {queue.n} messages ({queue.bytes} bytes), {CYCLE_FACTOR} times its "
        "limit: the cycle makes more messages than it takes; give it a way out, or a larger wire limit"
    )
    for run in dict.fromkeys(batch.runs or (batch.run,)):
        fail_run(instance, run, Failure(queue.target, text, kind="overflow", run=run), at_once=True)


# --- out -----------------------------------------------------------------------------------------------------------------


def emit(instance: MachineState, node: NodeState, port: str, batch: Batch) -> None:
    """Send a node's output to the wires of the port, or out of the flow. Counts messages in flight."""
    targets = node.outs.get(port)
    if not targets:
        result(instance, node, port, batch)
        return
    plain = send(instance, targets, batch)
    if plain:
        account(instance, batch, plain)


def send(instance: MachineState, targets: list[Queue], batch: Batch) -> int:
    """Put a batch on all *targets*; return the number of wires that just queue the batch (accounted for by the caller).

    An overflowing wire ends its run, and the wires after it get no messages of the run any more.
    """
    plain, known = 0, len(instance.runs)
    for queue in targets:
        if len(instance.runs) != known:
            rest = alive(instance, batch)
            if rest is None:
                break
            batch, known = rest, len(instance.runs)
        joins = instance.nodes[queue.target].joins
        if joins is None:
            plain += 1
            enqueue(instance, queue, batch)
        else:
            queue.sent += batch.n
            queue.latest = newest(batch)
            joins.take(instance, queue, batch)
    return plain


def result(instance: MachineState, node: NodeState, port: str, batch: Batch) -> None:
    """Send a batch out of the flow as a result."""
    instance.results += batch.n
    instance.order(Result(node.id, port, batch))
    if instance.journal is not None:
        instance.debugger.note_result(batch)


# --- calls ---------------------------------------------------------------------------------------------------------------


def pump(instance: MachineState) -> None:
    """Ask every node with possible work, in the order of the flow, until none has any."""
    dirty = instance.dirty
    while dirty:
        for index in sorted(dirty):
            node = dirty.pop(index)
            if instance.fusing:
                instance.rested[index] = node
            if not node.removed:
                pump_node(instance, node)


def pump_node(instance: MachineState, node: NodeState) -> None:
    """Call the node as long as messages, a free worker and room behind the node are available."""
    if instance.debugger.paused or node.fusing:
        return
    if instance.waiting:
        _more(instance, node)
    if not node.lanes:
        _reach_end(instance, node)
        return
    if node.key is not None:
        _spread_by_key(instance, node)
        return
    while True:
        lane = free_lane(instance, node)
        if lane is None or not room(instance, node):
            return
        queue = next_queue(instance, node, lane)
        if queue is None:
            return
        call_from(instance, node, lane, queue)


def next_queue(instance: MachineState, node: NodeState, lane: Lane) -> Queue | None:
    """Return the next input with a message for this worker: first an input with a suspect, otherwise in turn."""
    if instance.suspects and not instance.debugger.on and (first := suspects_at(instance, node)) is not None:
        return first
    inputs, count = node.inputs, len(node.inputs)
    for step in range(count):
        index = (node.turn + step) % count
        queue = inputs[index]
        if queue.n and deliverable(instance, node, queue, lane.state):
            node.turn = (index + 1) % count
            return queue
    return None


def deliverable(instance: MachineState, node: NodeState, queue: Queue, state: State) -> bool:
    """Return whether the first message of a queue is free to go; asks the breakpoints."""
    head = queue.items[0]
    if type(head) is not TrackedMessage:
        return True
    if head.held or (head.due and not instance.debugger.clock.reached(head.due)):
        return False
    return not instance.debugger.on or instance.debugger.lets_in(node, queue, head, state)


def call_from(instance: MachineState, node: NodeState, lane: Lane, queue: Queue) -> None:
    """Take the next messages off a queue and call a worker."""
    was_full = queue.full
    place = queue.sent - queue.n
    items = queue.take(_most(instance, node, queue))
    if was_full:
        roomier(instance, queue)
    begin(instance, node, lane, queue, items, place)


def _spread_by_key(instance: MachineState, node: NodeState) -> None:
    """Call workers by key: messages with equal keys go to the same worker, as long as the worker has a call to spare."""
    while room(instance, node) and not node.fusing:
        lanes = free_lanes(instance, node)
        queue = next_queue(instance, node, node.lanes[0]) if lanes else None
        if queue is None:
            return
        was_full = queue.full
        place = queue.sent - queue.n
        items = queue.take(1 if instance.debugger.on or number_of([queue.items[0]]) is not None else CHUNK)
        if isinstance(items[0], Batch):
            items = list(split(named_as(batch_of(items), queue.name, place)))
        groups, rest = by_lane(instance, node, queue, items, lanes)
        queue.put_back(rest)
        if was_full:
            roomier(instance, queue)
        for lane, given in groups:
            begin(instance, node, lane, queue, given)
        if not groups or rest:
            return


def _most(instance: MachineState, node: NodeState, queue: Queue) -> int:
    if instance.debugger.on or node.node.timeout:
        return 1
    if len(node.lanes) > 1:
        return max(1, min(CHUNK, queue.n // (2 * len(node.lanes))))
    return CHUNK


def begin(instance: MachineState, node: NodeState, lane: Lane, queue: Queue, items: Items, place: int = 0) -> None:
    """Call a worker with items taken off a queue, unless a recording has the answer."""
    batch = batch_of(items)
    instance.last_call += 1
    work = Work(instance.last_call, lane, queue, items, batch, place)
    special = work.special
    if instance.debugger.on:
        instance.debugger.open(work)
    if queue.wire is None:
        _mark(work)
    work.first = node.called
    if (number := number_of(items)) is not None:
        work.first, batch = number, rename(batch, None)
    else:
        node.called += batch.n
    instance.calls[work.id] = work
    lane.calls.append(work)
    if instance.debugger.on and instance.debugger.replays(work):
        return
    state = lane.state if lane.reset else None
    lane.reset = False
    if node.node.timeout:
        instance.debugger.clock.watch(work)
    instance.order(Call(work.id, node.id, lane.index, queue.port, batch, special.skip if special else 0, work.first, state))


def _mark(work: Work) -> None:
    """Count the called messages as run in the `any` joins through which they came."""
    for item in work.items:
        if type(item) is TrackedMessage and item.entry is not None:
            if work.journal is not None:
                work.journal.append(partial(item.entry.put_back, item.entry.join, item.entry.item))
            item.entry.run_it()


def _more(instance: MachineState, node: NodeState) -> None:
    for lane in node.lanes:
        for work in lane.calls:
            over = node.removed or work.run not in instance.runs
            if work.waiting and (over or room(instance, node)) and lets_go_on(instance, work):
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
                roomier(instance, queue)
            if instance.debugger.on:
                instance.debugger.record_end(node, queue, items)
            else:
                swallow(instance, node, items)


def swallow(instance: MachineState, node: NodeState, items: Items) -> None:
    """Consume messages at an `end` node, and finish their runs."""
    batch = batch_of(items)
    instance.take(node, batch.n)
    account(instance, batch, -1)
    for run in dict.fromkeys(batch.runs or (batch.run,)):
        finish(instance, run, "done", node.id)
