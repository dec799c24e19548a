"""After a crash: messages that may have ended their runtime are called alone, one after the other, before anything else there.

What waits behind them, and whatever no suspect stands in the way of, is called as always.
"""

from __future__ import annotations

from floe_jupyter.core.instance import Instance, Lane, NodeState
from floe_jupyter.core.queues import Item, Queue


def room(node: NodeState) -> bool:
    """Every wire that the node's outputs may take has room."""
    for queue in node.exits:
        if queue.n >= queue.max_n or queue.bytes >= queue.max_bytes:
            return False
    return not node.outbox


def lets(instance: Instance, lane: Lane) -> bool:
    """No suspect stands in the way of a call of this lane."""
    at_work = [work for work in instance.calls.values() if work.lane.runtime == lane.runtime]
    if instance.debugger.on:
        return not at_work
    if any(work.special is not None and work.special.suspect for work in at_work):
        return False
    first = _first(instance, lane.runtime)
    return first is None or (first is lane.node and not at_work)


def _first(instance: Instance, runtime: str) -> NodeState | None:
    """The first node whose next message is a suspect that this runtime could be called with."""
    for node in instance.nodes.values():
        if suspects_at(instance, node) is not None and room(node) and _at_home(node, runtime):
            return node
    return None


def _at_home(node: NodeState, runtime: str) -> bool:
    """One of its lanes there can be called; where a key chooses the lane, all of them can."""
    ready = [lane.runtime for lane in node.lanes if lane.phase == "ready" and not lane.routing]
    return runtime in ready and (node.key is None or len(ready) == len(node.lanes))


def suspects_at(instance: Instance, node: NodeState) -> Queue | None:
    """The input of the node at whose head a suspect waits that nothing else holds."""
    if node.fusing or node.removed:
        return None
    for queue in node.inputs:
        head = queue.items[0] if queue.n else None
        if type(head) is Item and head.suspect and not head.held and not _is_early(instance, head):
            return queue
    return None


def _is_early(instance: Instance, item: Item) -> bool:
    return bool(item.due) and not instance.debugger.clock.reached(item.due)


def count(instance: Instance) -> int:
    """How many suspects there are: in front of nodes, in calls, and on the way back from calls."""
    found = sum(_is_suspect(item) for node in instance.nodes.values() for queue in node.inputs for item in queue.items)
    found += sum(_is_suspect(item) for work in instance.calls.values() for item in work.items)
    returned = (items for lane in instance.lanes() for _, _, items in lane.back)
    return found + sum(_is_suspect(item) for items in returned for item in items)


def recount(instance: Instance) -> None:
    """Some suspects may have gone with their run or their node."""
    if instance.suspects:
        instance.suspects = count(instance)


def _is_suspect(item: object) -> bool:
    return type(item) is Item and item.suspect
