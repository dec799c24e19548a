"""The way of a message: onto wires, off them, into calls.

Nothing here looks into a payload unless a join or the debugger needs single messages.
"""

from __future__ import annotations

from functools import partial

from floe_jupyter.core.events import CHUNK, Accepted, Call, Failure, Inject, More, Result, State
from floe_jupyter.core.instance import Instance, Lane, NodeState, Work
from floe_jupyter.core.lanes import by_lane, free_lane
from floe_jupyter.core.messages import Batch, split
from floe_jupyter.core.model import CYCLE_FACTOR
from floe_jupyter.core.quarantine import room, suspects_at
from floe_jupyter.core.queues import Item, Queue, batch_of, chop, named_as, rename
from floe_jupyter.core.runs import account, alive, fail_run, finish, open_run, roomier
from floe_jupyter.errors import UnknownName, unknown

Items = list[Batch | Item]


# --- in ------------------------------------------------------------------------------------------------------------------


def inject(instance: Instance, event: Inject) -> None:
    queue = _entry(instance, event)
    for run in _runs(event):
        if open_run(instance, run) and event.close:
            instance.runs[run].closed = True
    batch = alive(instance, event.batch)
    for part in chop(batch, CHUNK) if batch is not None else ():
        account(instance, part, 1)
        enqueue(instance, queue, part)
    if event.token is None:
        return
    if batch is not None and queue.full:
        queue.tokens.append(event.token)
    else:
        instance.order(Accepted(event.token))


def _runs(event: Inject) -> dict[int, None]:
    return dict.fromkeys(event.batch.runs or (event.batch.run,))


def _entry(instance: Instance, event: Inject) -> Queue:
    """Where its messages wait. Raises `UnknownName`; runs that were to get nothing but these messages have failed then."""
    try:
        if event.node not in instance.nodes:
            raise unknown("node", event.node, instance.nodes)
        return inbox(instance, instance.nodes[event.node], event.port)
    except UnknownName as error:
        for run in _runs(event) if event.close else ():
            if open_run(instance, run):
                fail_run(instance, run, Failure(event.node, str(error), kind="refused", run=run), at_once=True)
        raise


def inbox(instance: Instance, node: NodeState, port: str) -> Queue:
    """Where injections for a port wait; they pass by the node's join."""
    name = f">{node.id}.{port}"
    queue = node.find(name)
    if queue is None:
        _check_port(node, port)
        queue = Queue(name, node.id, port, instance.max_n, instance.max_bytes)
        node.inputs.append(queue)
    return queue


def _check_port(node: NodeState, port: str) -> None:
    ports = [*(node.module.inputs if node.module else ("in",)), *(wire.port for wire in node.wires)]
    if port not in ports:
        raise UnknownName(str(unknown(f"input port of node {node.id!r},", port, ports)))


def enqueue(instance: Instance, queue: Queue, batch: Batch) -> None:
    """Put a batch on a queue and see that its node is asked. Its messages are accounted for already."""
    if not instance.debugger.on:
        queue.put(batch)
    else:
        items = [Item(part) for part in split(named_as(batch, queue.name, queue.sent))]
        queue.put_items(items)
        instance.debugger.note_put(queue, items)
    instance.wake_node(instance.nodes[queue.target])
    if queue.cyclic and (queue.n >= queue.max_n * CYCLE_FACTOR or queue.bytes >= queue.max_bytes * CYCLE_FACTOR):
        _overflow(instance, queue, batch)


def _overflow(instance: Instance, queue: Queue, batch: Batch) -> None:
    """A wire on a cycle never blocks, so it must end somewhere."""
    text = (f"wire {queue.name} is part of a cycle and holds {queue.n} messages ({queue.bytes} bytes), {CYCLE_FACTOR} times its "
            "limit: the cycle makes more messages than it takes; give it a way out, or a larger wire limit")
    for run in dict.fromkeys(batch.runs or (batch.run,)):
        fail_run(instance, run, Failure(queue.target, text, kind="overflow", run=run), at_once=True)


# --- out -----------------------------------------------------------------------------------------------------------------


def emit(instance: Instance, node: NodeState, port: str, batch: Batch) -> None:
    """What a node gave: to the wires of the port, or out of the flow. Counts what is in flight."""
    targets = node.outs.get(port)
    if not targets:
        result(instance, node, port, batch)
        return
    plain = send(instance, targets, batch)
    if plain:
        account(instance, batch, plain)


def send(instance: Instance, targets: list[Queue], batch: Batch) -> int:
    """Put a batch on all these wires; how many of them just queue it (the caller accounts for those).

    A wire that overflows ends its run, which the wires after it get nothing of any more.
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
            joins.take(instance, queue, batch)
    return plain


def result(instance: Instance, node: NodeState, port: str, batch: Batch) -> None:
    instance.results += batch.n
    instance.order(Result(node.id, port, batch))
    if instance.journal is not None:
        instance.debugger.note_result(batch)


# --- calls ---------------------------------------------------------------------------------------------------------------


def pump(instance: Instance) -> None:
    """Ask every node that may have something to do, in the order of the flow, until none has."""
    dirty = instance.dirty
    while dirty:
        for index in sorted(dirty):
            node = dirty.pop(index)
            if not node.removed:
                pump_node(instance, node)


def pump_node(instance: Instance, node: NodeState) -> None:
    """Call this node as long as it has something to do, a lane for it and room behind it."""
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
        if lane is None or not room(node):
            return
        queue = next_queue(instance, node, lane)
        if queue is None:
            return
        call_from(instance, node, lane, queue)


def next_queue(instance: Instance, node: NodeState, lane: Lane) -> Queue | None:
    """The next input with a message for this lane: one with a suspect, or in turn."""
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


def deliverable(instance: Instance, node: NodeState, queue: Queue, state: State) -> bool:
    """Nothing holds its first message; asks the breakpoints."""
    head = queue.items[0]
    if type(head) is not Item:
        return True
    if head.held or (head.due and not instance.debugger.clock.reached(head.due)):
        return False
    return not instance.debugger.on or instance.debugger.lets_in(node, queue, head, state)


def call_from(instance: Instance, node: NodeState, lane: Lane, queue: Queue) -> None:
    """Take the next messages off a queue and call a lane with them."""
    was_full = queue.full
    place = queue.sent - queue.n
    items = queue.take(_most(instance, node, queue))
    if was_full:
        roomier(instance, queue)
    begin(instance, node, lane, queue, items, place)


def _spread_by_key(instance: Instance, node: NodeState) -> None:
    """Messages with an equal key go to the same worker, as long as theirs has a call to spare."""
    while room(node) and not node.fusing:
        queue = next_queue(instance, node, node.lanes[0])
        if queue is None:
            return
        was_full = queue.full
        place = queue.sent - queue.n
        items = queue.take(1 if instance.debugger.on else CHUNK)
        if isinstance(items[0], Batch):
            items = list(split(named_as(batch_of(items), queue.name, place)))
        groups, rest = by_lane(instance, node, items)
        queue.put_back(rest)
        if was_full:
            roomier(instance, queue)
        for lane, given in groups:
            begin(instance, node, lane, queue, given)
        if not groups or rest:
            return


def _most(instance: Instance, node: NodeState, queue: Queue) -> int:
    if instance.debugger.on or node.node.timeout:
        return 1
    if len(node.lanes) > 1:
        return max(1, min(CHUNK, queue.n // (2 * len(node.lanes))))
    return CHUNK


def begin(instance: Instance, node: NodeState, lane: Lane, queue: Queue, items: Items, place: int = 0) -> None:
    """Call a lane with what was taken off a queue, unless a recording knows the answer."""
    batch = batch_of(items)
    instance.last_call += 1
    work = Work(instance.last_call, lane, queue, items, batch, place)
    special = work.special
    if instance.debugger.on:
        instance.debugger.open(work)
    if queue.wire is None:
        _mark(work)
    work.first = node.called
    if special is not None and special.number is not None:
        work.first, batch = special.number, rename(batch, None)
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
    """What is executed now counts as run in the `any` join that let it through."""
    for item in work.items:
        if type(item) is Item and item.entry is not None:
            if work.journal is not None:
                work.journal.append(partial(item.entry.put_back, item.entry.join, item.entry.item))
            item.entry.run_it()


def _more(instance: Instance, node: NodeState) -> None:
    for lane in node.lanes:
        for work in lane.calls:
            if work.waiting and (node.removed or work.batch.run_of(work.done) not in instance.runs or room(node)):
                more(instance, work)


def more(instance: Instance, work: Work) -> None:
    """Let a generator go on."""
    work.waiting = False
    work.window = work.emitted
    del instance.waiting[work.id]
    instance.order(More(work.id))


def _reach_end(instance: Instance, node: NodeState) -> None:
    """The built-in `end`: whatever reaches it ends its run."""
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


def swallow(instance: Instance, node: NodeState, items: Items) -> None:
    """The end of these messages, and of their runs."""
    batch = batch_of(items)
    node.taken += batch.n
    account(instance, batch, -1)
    for run in dict.fromkeys(batch.runs or (batch.run,)):
        finish(instance, run, "done")
