"""What a runtime gives back: outputs go on, consumed messages are over, the rest returns to the head of its wire."""

from __future__ import annotations

from operator import itemgetter

from floe_jupyter.core import faults, plan, updates
from floe_jupyter.core.delivery import result, send
from floe_jupyter.core.events import WINDOW, More, Output, Returned, StateChange
from floe_jupyter.core.instance import Instance, Lane, NodeState, Work
from floe_jupyter.core.messages import Batch, cut, derive, split
from floe_jupyter.core.quarantine import room
from floe_jupyter.core.queues import Item, Queue, named_as, rename
from floe_jupyter.core.runs import account, alive, count_runs, recall


def returned(instance: Instance, event: Returned) -> None:
    """Take in one frame. Frames of calls that a crash ended come too late and are nothing."""
    work = instance.calls.get(event.call)
    if work is None:
        return
    recording = instance.debugger.record_into(work)
    for change in event.states:
        _change(instance, change)
    outputs = event.outputs
    if len(outputs) == 1 and not recording and _straight(instance, work, outputs[0], event.consumed):
        _pass_on(instance, work, outputs[0].batch, outputs[0])
    else:
        for output in outputs:
            give(instance, work, output)
        if event.consumed:
            consume(instance, work, event.consumed)
    if event.counts:
        plan.count(instance, event.counts)
    _progress(instance, work, event)
    instance.journal = None


def _straight(instance: Instance, work: Work, output: Output, consumed: int) -> bool:
    """Each consumed message gave exactly this one, and its run goes on: what is in flight hardly changes."""
    batch = output.batch
    if output.parent is not None or batch.n != consumed or output.node != work.lane.node.id:
        return False
    if instance.debugger.on or instance.suspects:
        return False
    if batch.runs is None:
        return work.batch.runs is None and batch.run == work.batch.run and batch.run in instance.runs
    return batch.n == work.batch.n and batch.runs == work.batch.runs and all(map(instance.runs.__contains__, batch.runs))


def _pass_on(instance: Instance, work: Work, batch: Batch, output: Output) -> None:
    node = work.lane.node
    node.given += batch.n
    targets = node.outs.get(output.port)
    if targets:
        plain = send(instance, targets, batch)
    else:
        plain = 0
        result(instance, node, output.port, batch)
    _advance(work, batch.n)
    if plain != 1:
        account(instance, batch, plain - 1)


def _advance(work: Work, consumed: int) -> None:
    work.done += consumed
    work.emitted = work.window = 0
    work.lane.node.taken += consumed
    work.lane.reloads = 0


def consume(instance: Instance, work: Work, count: int) -> None:
    """The next *count* messages of a call are over."""
    start, batch = work.done, work.batch
    _advance(work, count)
    instance.note(lambda: _untake(work.lane.node, count))
    item = work.special
    if item is not None and item.suspect:
        clear(instance, item)
    count_runs(instance, batch.run, None if batch.runs is None else batch.runs[start : start + count], count, -1)


def clear(instance: Instance, item: Item) -> None:
    """The message is no suspect any more."""
    item.suspect = False
    instance.suspects -= 1
    instance.wake_all()


def give(instance: Instance, work: Work, output: Output) -> None:
    """Send on what a node gave on one port."""
    node = instance.nodes.get(output.node)
    batch = output.batch if node is None or work.batch.ids is None or node is not work.lane.node else _named(work, output)
    known = alive(instance, batch)
    if node is None or known is None:
        return
    node.given += known.n
    instance.note(lambda: ungive(node, known.n))
    instance.debugger.emitted(node, output.port, known)


def _untake(node: NodeState, n: int) -> None:
    node.taken -= n


def ungive(node: NodeState, n: int) -> None:
    node.given -= n


def _named(work: Work, output: Output) -> Batch:
    """The outputs under the ids that follow from their parents'."""
    n, ids = output.batch.n, work.batch.ids or ()
    parents = output.parent if output.parent is not None else range(work.done, work.done + n)
    places = output.index or (0,) * n
    return rename(output.batch, tuple(derive(ids[p], output.node, i) for p, i in zip(parents, places, strict=True)))


def _change(instance: Instance, change: StateChange) -> None:
    node = instance.nodes.get(change.node)
    if node is None or change.lane >= len(node.lanes):
        return
    lane = node.lanes[change.lane]
    if instance.debugger.on:
        lane.state = dict(lane.state)
    lane.state.update(change.set)
    for key in change.unset:
        lane.state.pop(key, None)


def _progress(instance: Instance, work: Work, event: Returned) -> None:
    """How the call goes on, or ends."""
    for failure in event.skipped:
        faults.passed_over(instance, failure)
    if event.end or event.failure is not None or event.left:
        finish(instance, work, event)
    elif event.emitted:
        work.emitted = event.emitted
        given = event.emitted - work.window
        if given >= WINDOW and not work.waiting:
            work.waiting = True
            instance.waiting[work.id] = work
            instance.wake_node(work.lane.node)
        elif given >= WINDOW // 2 and _calm(instance, work.lane.node):
            work.window = event.emitted  # before it must wait for it
            instance.order(More(work.id))
    if work.since is not None and event.consumed:
        instance.debugger.clock.watch(work)


def _calm(instance: Instance, node: NodeState) -> bool:
    """Nothing asks for the flow to come to a halt, and there is room for more."""
    return not (instance.debugger.on or instance.suspects or node.fusing or node.removed) and room(node)


def finish(instance: Instance, work: Work, event: Returned) -> None:
    """The call is over: what it did not consume goes back."""
    lane = work.lane
    lane.calls.remove(work)
    forget(instance, work)
    rest = remainder(work)
    own = event.failure is None or event.failure.node == lane.node.id
    if event.failure is not None:
        lane.reset = True  # its runtime gives back all calls until one carries the state
        recall(instance, lane)
    if event.failure is not None and own and rest:
        rest = faults.stopped(instance, work, rest, event.failure)
    instance.debugger.through(work, event.failure if own else None)
    if event.left:
        plan.take_back(instance, lane, event.left, None if own else event.failure)
    if rest:
        give_back(instance, lane, work.id, work.queue, rest)
    all_in(instance, lane)
    instance.wake_node(lane.node)


def forget(instance: Instance, work: Work) -> None:
    del instance.calls[work.id]
    instance.waiting.pop(work.id, None)
    instance.deadlines.pop(work.id, None)
    if instance.suspects:
        instance.wake_all()


def remainder(work: Work) -> list[Batch | Item]:
    """What a call has not consumed, in order; under the ids of their places, as others will come between them."""
    if work.done >= work.batch.n:
        return []
    rest: list[Batch | Item] = []
    done = work.done
    place = work.place
    for item in work.items:
        place += item.n
        if done >= item.n:
            done -= item.n
            continue
        if isinstance(item, Batch):
            left = cut(item, done)[1] if done else item
            rest.append(named_as(left, work.queue.name, place - left.n))
        else:
            item.batch = named_as(item.batch, work.queue.name, place - 1)
            rest.append(item)
        done = 0
    return rest


def give_back(instance: Instance, lane: Lane, number: int, queue: Queue, rest: list[Batch | Item]) -> None:
    """To the head of its wire, once everything that was called after it is back as well."""
    lane.back.append((number, queue, [x for item in rest if (x := _known(instance, item)) is not None]))
    recall(instance, lane)


def all_in(instance: Instance, lane: Lane) -> None:
    """If no call of the lane is left: return what came back, and swap versions if one waits."""
    if lane.calls:
        return
    lane.recalled = False
    for _, queue, rest in sorted(lane.back, key=itemgetter(0), reverse=True):
        queue.put_back(rest)
        if instance.debugger.on:
            queue.name_all()
    lane.back.clear()
    updates.swap(instance, lane)


def _known(instance: Instance, item: Batch | Item) -> Batch | Item | None:
    """What is left of it without the runs that are over."""
    if type(item) is Batch:
        return alive(instance, item)
    assert isinstance(item, Item)
    if item.batch.run in instance.runs:
        return item
    if item.suspect:
        clear(instance, item)
    return None


def number(work: Work, items: list[Item]) -> None:
    """These are the next messages of a call: where they had no ids, they keep the numbers under which they were called."""
    if work.batch.ids is None:
        for place, item in enumerate(items, work.first + work.done):
            item.number = place if item.number is None else item.number


def first_of(rest: list[Batch | Item]) -> tuple[Item, list[Batch | Item]]:
    """The first message by itself, and the others."""
    head = rest[0]
    if isinstance(head, Item):
        return head, rest[1:]
    first, *others = split(head)
    return Item(first), [*others, *rest[1:]]

