"""Views of an instance for people: pure reading."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import cast

from floe_jupyter.core.machine.events import HeldMessage, NodeView, State, Status, View, WireView
from floe_jupyter.core.machine.room import exits
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.messages import Batch, values
from floe_jupyter.errors import UnknownName, unknown

SHOWN_RUNS = 100
"""Maximum number of finished runs shown."""


def view(instance: MachineState) -> View:
    """Return a snapshot of the instance."""
    debugger = instance.debugger
    runs: dict[int, Status] = {number: cast("Status", status) for number, status in list(instance.ended.items())[-SHOWN_RUNS:]}
    for number in instance.runs:
        runs[number] = "held" if debugger.idle and instance.inflight[number] else "active"
    runs.update(dict.fromkeys(instance.ending, "cancelling"))
    total = sum(held_count(instance, node) for node in instance.nodes.values())
    breaks: dict[str, tuple[str, ...]] = {}
    for name, breakpoint_ in debugger.breaks.items():
        breaks[breakpoint_.given.node] = (*breaks.get(breakpoint_.given.node, ()), name)
    return View(
        instance.flow.name,
        instance.flow.version,
        tuple(_node(instance, node, breaks.get(node.id, ())) for node in instance.nodes.values()),
        tuple(_wire(queue) for queue in instance.wires.values()),
        runs,
        held=total,
        paused=debugger.paused,
        debug=debugger.on,
        recorded=len(debugger.recorder.records),
        dead=len(instance.dead),
        results=instance.results,
    )


def _node(instance: MachineState, node: NodeState, breaks: tuple[str, ...]) -> NodeView:
    worker = node.workers[0] if node.workers else None
    return NodeView(
        node.id,
        node.module.lang if node.module else "",
        status(instance, node),
        worker.version if worker else 0,
        node.taken,
        node.given,
        node.failed,
        sum(queue.n for queue in node.inputs),
        held_count(instance, node),
        node.error,
        worker.runtime if worker else "",
        breaks,
        node.dropped,
        node.unfinished,
        ", ".join(dict.fromkeys(worker.runner for worker in node.workers if worker.runner)),
    )


def _wire(queue: Queue) -> WireView:
    return WireView(queue.name, queue.sent, queue.n + queue.parts, queue.bytes, queue.gate.full)


def status(instance: MachineState, node: NodeState) -> str:
    """Return one word for the node's present activity."""
    # The first word that applies is shown: the order is the rule.
    phases = {worker.phase for worker in node.workers}
    if node.refused:
        return "refused"
    if phases & {"loading", "activating", "vacant"}:
        return "loading"
    if any(item.held == "error" for item in _tracked(node)):
        return "failed"
    if held_count(instance, node):
        return "held"
    if any(queue.n for queue in node.inputs) and any(queue.full for queue in exits(instance, node)):
        return "full"
    return "busy" if any(_of_live_run(instance, work.batch) for worker in node.workers for work in worker.calls) else "idle"


def _tracked(node: NodeState) -> Iterator[TrackedMessage]:
    """Yield the messages in front of a node with a history of their own."""
    return (item for queue in node.inputs for item in queue.items if isinstance(item, TrackedMessage))


def _of_live_run(instance: MachineState, batch: Batch) -> bool:
    """Return whether some run of a call is not over; other calls are only waited for."""
    return any(run in instance.runs or run in instance.ending for run in batch.runs or (batch.run,))


def held_count(instance: MachineState, node: NodeState) -> int:
    """Return the number of messages held in front of the node and behind the node."""
    if instance.debugger.paused:
        return sum(queue.n for queue in node.inputs) + len(node.outbox)
    if not instance.debugger.held:
        return 0
    return sum(1 for item in _tracked(node) if item.held) + len(node.outbox)


def held(instance: MachineState, limit: int = 0, beginning: str = "", *, buffers: bool = False) -> list[HeldMessage]:
    """Return all held messages, node by node, in the order of handling; the first *limit* of each node, if *limit* is not 0.
    Only messages whose id has this *beginning* (``id@node`` for one node); with their *buffers* on request.
    """
    wanted, _, place = beginning.partition("@")
    return [
        message
        for node in instance.nodes.values()
        if place in {"", node.id}
        for message in islice((m for m in _held_at(instance, node, buffers) if m.id.startswith(wanted)), limit or None)
    ]


def _held_at(instance: MachineState, node: NodeState, buffers: bool) -> Iterator[HeldMessage]:
    # Reasons are tried from the most exact to the most general.
    debugger = instance.debugger
    reason = ("step" if debugger.stepped else "pause") if debugger.paused else ""
    for queue in node.inputs:
        if queue.n and (debugger.held or reason):
            yield from (
                _shown(node, queue.port, item, item.held or reason, buffers=buffers)
                for item in queue.items
                if isinstance(item, TrackedMessage) and (item.held or reason)
            )
    for port, item in node.outbox:
        yield _shown(node, port, item, item.held or reason or "breakpoint", side="out", buffers=buffers)


def _shown(node: NodeState, port: str, item: TrackedMessage, reason: str, side: str = "in", *, buffers: bool) -> HeldMessage:
    return HeldMessage(
        item.id,
        node.id,
        port,
        item.batch.run,
        values(item.batch)[0],
        reason,
        side,
        item.breakpoint,
        item.failure if item.held else None,
        item.batch.buffers if buffers else (),
    )


# --- finding -----------------------------------------------------------------------------------------------------------------


def find_waiting(instance: MachineState, prefix: str) -> tuple[NodeState, Queue, TrackedMessage]:
    """Return the message in front of a node whose id begins with *prefix*; ``id@node`` names one of several copies.

    Copies of one message share an id. Without a node, the held copy is meant, since the held copy was shown; of several, the
    failed copy.
    """
    wanted, _, at = prefix.partition("@")
    found = _waiting(instance, wanted, at)
    _check_unique(instance, prefix, [item.id for _, _, item in found])
    return found[0]


def _waiting(instance: MachineState, beginning: str, place: str) -> list[tuple[NodeState, Queue, TrackedMessage]]:
    found = [
        (node, queue, item)
        for node in instance.nodes.values()
        if place in {"", node.id}
        for queue in node.inputs
        for item in queue.items
        if isinstance(item, TrackedMessage) and item.id and item.id.startswith(beginning)
    ]
    return sorted(found, key=lambda entry: (entry[2].failure is None, not entry[2].held))


def _check_unique(instance: MachineState, prefix: str, ids: list[str]) -> None:
    names = sorted(set(ids))
    if not names or not prefix:
        waiting = [item.id for _, _, item in _waiting(instance, "", "")]
        raise unknown("held message", prefix, waiting) if waiting else UnknownName(f"no held message {prefix!r}; nothing is held")
    if len(names) > 1:
        raise UnknownName(f"{prefix!r} begins the ids of {len(names)} messages ({', '.join(names[:5])}); give more of it")


def at(instance: MachineState, prefix: str) -> tuple[str, str, Batch, dict[str, State]]:
    """Return the node, port and content of a message in front of a node, now or formerly, with all states at that moment."""
    wanted, _, place = prefix.partition("@")
    waiting = _waiting(instance, wanted, place)
    records = [record for record in instance.debugger.recorder.find(wanted) if place in {"", record.node}]
    _check_unique(instance, prefix, [*(item.id for _, _, item in waiting), *(record.id for record in records)])
    if records:
        record = records[0]
        return record.node, record.port, record.input, _states_before(instance, record.seq)
    node, queue, item = waiting[0]
    return node.id, queue.port, item.batch, states(instance)


def states(instance: MachineState) -> dict[str, State]:
    """Return the state of every node (worker 0)."""
    return {node.id: dict(node.workers[0].state) for node in instance.nodes.values() if node.workers}


def _states_before(instance: MachineState, seq: int) -> dict[str, State]:
    found = states(instance)
    for record, _ in reversed(instance.debugger.recorder.records):
        if record.seq < seq:
            break
        if record.lane == 0 and record.node in found:
            found[record.node] = dict(record.before)
    return found
