"""What people see of an instance: pure reading."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import cast

from floe_jupyter.core.events import HeldMessage, NodeView, State, Status, View, WireView
from floe_jupyter.core.instance import Instance, NodeState
from floe_jupyter.core.messages import Batch, values
from floe_jupyter.core.queues import Item, Queue
from floe_jupyter.errors import UnknownName, unknown

SHOWN_RUNS = 100
"""So many of the runs that are over are shown."""


def view(instance: Instance) -> View:
    debugger = instance.debugger
    runs: dict[int, Status] = {number: cast("Status", status) for number, status in list(instance.ended.items())[-SHOWN_RUNS:]}
    for number in instance.runs:
        runs[number] = "held" if debugger.idle and instance.inflight[number] else "active"
    total = sum(held_count(instance, node) for node in instance.nodes.values())
    return View(
        instance.flow.name, instance.flow.version, tuple(_node(instance, node) for node in instance.nodes.values()),
        tuple(_wire(queue) for queue in instance.wires.values()), runs, held=total, paused=debugger.paused,
        debug=debugger.on, recorded=len(debugger.recorder.records), dead=len(instance.dead), results=instance.results)


def _node(instance: Instance, node: NodeState) -> NodeView:
    lane = node.lanes[0] if node.lanes else None
    breaks = tuple(name for name, b in instance.debugger.breaks.items() if b.given.node == node.id)
    return NodeView(
        node.id, node.module.lang if node.module else "", status(instance, node), lane.version if lane else 0, node.taken,
        node.given, node.failed, sum(queue.n for queue in node.inputs), held_count(instance, node), node.error,
        lane.runtime if lane else "", breaks)


def _wire(queue: Queue) -> WireView:
    return WireView(queue.name, queue.sent, queue.n + queue.parts, queue.bytes, queue.gate.full)


def status(instance: Instance, node: NodeState) -> str:
    """One word for what the node does."""
    phases = {lane.phase for lane in node.lanes}
    if node.refused:
        return "refused"
    if phases & {"loading", "activating"}:
        return "loading"
    if any(item.held == "error" for queue in node.inputs for item in queue.items if isinstance(item, Item)):
        return "failed"
    if held_count(instance, node):
        return "held"
    if any(queue.full for queue in node.exits) and any(queue.n for queue in node.inputs):
        return "full"
    return "busy" if any(lane.calls for lane in node.lanes) else "idle"


def held_count(instance: Instance, node: NodeState) -> int:
    """How many messages are held in front of the node and behind it."""
    if instance.debugger.paused:
        return sum(queue.n for queue in node.inputs) + len(node.outbox)
    if not instance.debugger.held:
        return 0
    return sum(1 for queue in node.inputs for item in queue.items if isinstance(item, Item) and item.held) + len(node.outbox)


def held(instance: Instance, limit: int = 0, beginning: str = "", *, buffers: bool = False) -> list[HeldMessage]:
    """All messages that something holds, node by node, in the order in which they would be handled; the first *limit* of each
    node, if that is not 0. Only those whose id has this *beginning* (``id@node`` for one place); their *buffers*, too.
    """
    wanted, _, place = beginning.partition("@")
    return [message for node in instance.nodes.values() if place in {"", node.id}
            for message in islice((m for m in _held_at(instance, node, buffers) if m.id.startswith(wanted)), limit or None)]


def _held_at(instance: Instance, node: NodeState, buffers: bool) -> Iterator[HeldMessage]:
    debugger = instance.debugger
    reason = ("step" if debugger.stepped else "pause") if debugger.paused else ""
    for queue in node.inputs:
        if queue.n and (debugger.held or reason):
            yield from (_shown(node, queue.port, item, item.held or reason, buffers=buffers) for item in queue.items
                        if isinstance(item, Item) and (item.held or reason))
    for port, item in node.outbox:
        yield _shown(node, port, item, item.held or reason or "breakpoint", side="out", buffers=buffers)


def _shown(node: NodeState, port: str, item: Item, reason: str, side: str = "in", *, buffers: bool) -> HeldMessage:
    return HeldMessage(item.id, node.id, port, item.batch.run, values(item.batch)[0], reason, side, item.breakpoint,
                       item.failure if item.held else None, item.batch.buffers if buffers else ())


# --- finding -----------------------------------------------------------------------------------------------------------------


def find_waiting(instance: Instance, prefix: str) -> tuple[NodeState, Queue, Item]:
    """A message in front of a node by the beginning of its id; `id@node` where copies of it wait at several nodes."""
    wanted, _, at = prefix.partition("@")
    found = _waiting(instance, wanted, at)
    _check_unique(instance, prefix, [item.id for _, _, item in found])
    return found[0]


def _waiting(instance: Instance, beginning: str, place: str) -> list[tuple[NodeState, Queue, Item]]:
    return [(node, queue, item) for node in instance.nodes.values() if place in {"", node.id} for queue in node.inputs
            for item in queue.items if isinstance(item, Item) and item.id and item.id.startswith(beginning)]


def _check_unique(instance: Instance, prefix: str, ids: list[str]) -> None:
    names = sorted(set(ids))
    if not names or not prefix:
        waiting = [item.id for _, _, item in _waiting(instance, "", "")]
        raise unknown("held message", prefix, waiting) if waiting else UnknownName(f"no held message {prefix!r}; nothing is held")
    if len(names) > 1:
        raise UnknownName(f"{prefix!r} begins the ids of {len(names)} messages ({', '.join(names[:5])}); give more of it")


def at(instance: Instance, prefix: str) -> tuple[str, str, Batch, dict[str, State]]:
    """Where a message was, or is, in front of a node, with all states at that moment."""
    wanted, _, place = prefix.partition("@")
    waiting = _waiting(instance, wanted, place)
    records = [record for record in instance.debugger.recorder.find(wanted) if place in {"", record.node}]
    _check_unique(instance, prefix, [*(item.id for _, _, item in waiting), *(record.id for record in records)])
    if records:
        record = records[0]
        return record.node, record.port, record.input, _states_before(instance, record.seq)
    node, queue, item = waiting[0]
    return node.id, queue.port, item.batch, states(instance)


def states(instance: Instance) -> dict[str, State]:
    return {node.id: dict(node.lanes[0].state) for node in instance.nodes.values() if node.lanes}


def _states_before(instance: Instance, seq: int) -> dict[str, State]:
    found = states(instance)
    for record, _ in reversed(instance.debugger.recorder.records):
        if record.seq < seq:
            break
        if record.lane == 0 and record.node in found:
            found[record.node] = dict(record.before)
    return found

