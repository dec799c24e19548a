"""Which worker of a node takes the next message."""

from __future__ import annotations

from zlib import crc32

from floe_jupyter.core import quarantine
from floe_jupyter.core.instance import Instance, Lane, NodeState
from floe_jupyter.core.keys import key_of
from floe_jupyter.core.messages import Batch, split
from floe_jupyter.core.queues import Item
from floe_jupyter.core.runs import account

Items = list[Batch | Item]


def free_lane(instance: Instance, node: NodeState) -> Lane | None:
    """The lane with the fewest calls that may have another one."""
    credit = 1 if instance.debugger.on else node.credit
    best: Lane | None = None
    for lane in node.lanes:
        if len(lane.calls) < credit and usable(instance, lane) and (best is None or len(lane.calls) < len(best.calls)):
            best = lane
    return best


def usable(instance: Instance, lane: Lane) -> bool:
    """It runs some version and nothing stands in the way of a call."""
    if lane.phase != "ready" or lane.recalled or lane.routing or (lane.coming is not None and lane.coming.loaded):
        return False
    return not instance.suspects or quarantine.lets(instance, lane)


def lane_for(instance: Instance, node: NodeState, item: Item) -> Lane | None:
    """The lane that can take this message now, while no other call is made."""
    if node.key is not None:
        lane = _keyed(instance, node, item.batch)
        return lane if lane is not None and not lane.calls and usable(instance, lane) else None
    return next((lane for lane in node.lanes if not lane.calls and usable(instance, lane)), None)


def _keyed(instance: Instance, node: NodeState, message: Batch) -> Lane | None:
    """The worker for the message's key; None if it has none (and its run failed for that)."""
    assert node.key is not None
    keys = key_of(instance, node, node.key, "by", message)
    return None if keys[0] is None else node.lanes[crc32(keys[0].encode()) % len(node.lanes)]


def by_lane(instance: Instance, node: NodeState, items: Items) -> tuple[list[tuple[Lane, Items]], Items]:
    """Divide messages among the workers by their keys; from the first one on whose worker is busy, they go back."""
    credit = 1 if instance.debugger.on or instance.suspects else node.credit
    groups: dict[int, Items] = {}
    singles = [single for item in items for single in (split(item) if isinstance(item, Batch) else [item])]
    for place, single in enumerate(singles):
        message = single if isinstance(single, Batch) else single.batch
        lane = _keyed(instance, node, message)
        if lane is None:
            account(instance, message, -1)
        elif len(lane.calls) >= credit or not usable(instance, lane):
            return [(node.lanes[i], group) for i, group in groups.items()], singles[place:]
        else:
            groups.setdefault(lane.index, []).append(single)
    return [(node.lanes[i], group) for i, group in groups.items()], []
