"""Steps forward (one message of every node with a message, of one node, or one given message) and steps back."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.machine.debugging.holding import announce, let_go, recount_held
from floe_jupyter.core.machine.debugging.switching import refresh, stop
from floe_jupyter.core.machine.delivery.calls import begin, more
from floe_jupyter.core.machine.delivery.ends import swallow_recorded
from floe_jupyter.core.machine.delivery.workers import worker_for
from floe_jupyter.core.machine.events import Back, Pause, Record, Reply, Step
from floe_jupyter.core.machine.room import announce_room, room
from floe_jupyter.core.machine.state.debugging import Stepping
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.machine.stepping.switches import end_delayed
from floe_jupyter.core.machine.views import find_waiting
from floe_jupyter.core.machine.wires.outbox import release
from floe_jupyter.core.messages import values
from floe_jupyter.errors import DefinitionError, FloeError, unknown

Pick = tuple[NodeState, WorkerState | None, Queue, TrackedMessage]


def request_step(instance: MachineState, event: Step | Back) -> None:
    """Step (or step back) as soon as no module is at work; pauses first."""
    if isinstance(event, Step) and event.node and event.node not in instance.nodes:
        raise unknown("node", event.node, instance.nodes)
    stop(instance)
    instance.debugger.requests.append(event)


def serve_requests(instance: MachineState) -> None:
    """Refresh the debugger after an event, and carry out waiting requests."""
    if instance.debugger.stale:
        refresh(instance)
    advance(instance)


def advance(instance: MachineState) -> None:
    """Carry out the requests which waited until no module was at work."""
    debugger = instance.debugger
    while debugger.requests or debugger.stepping is not None:
        _go_on(instance)
        if not quiet(instance):
            return
        if debugger.stepping is not None:
            _answer_step(instance, debugger.stepping)
            continue
        event = debugger.requests[0]
        if not isinstance(event, Pause) and _loading(instance):
            return
        debugger.requests.popleft()
        try:
            _carry_out(instance, event)
        except FloeError as error:
            instance.order(Reply(event.token, None, (error.kind, str(error))))


def _carry_out(instance: MachineState, event: Pause | Step | Back) -> None:
    if isinstance(event, Pause):
        instance.order(Reply(event.token))
    elif isinstance(event, Step):
        _step(instance, event)
    else:
        _back(instance, event)


def quiet(instance: MachineState) -> bool:
    """Return True if no module is at work: open calls are only generators waiting for room."""
    return all(work.waiting for work in instance.calls.values()) and not instance.rerouting


def _loading(instance: MachineState) -> bool:
    """Return True if a worker is about to be ready: a step waits for the worker."""
    return instance.started and bool(instance.loading)


def _go_on(instance: MachineState) -> None:
    """Let a generator in a step give all outputs for which there is room."""
    stepping = instance.debugger.stepping
    for work in list(instance.waiting.values()):
        if stepping is not None and work.group == stepping.group and room(instance, work.worker.node):
            more(instance, work)


# --- forward ---------------------------------------------------------------------------------------------------------------


def _step(instance: MachineState, event: Step) -> None:
    debugger = instance.debugger
    debugger.stepped = True
    picks = _picks(instance, event)
    suspended = [work for work in instance.waiting.values() if event.node in {"", work.worker.node.id}]
    debugger.stepping = Stepping(event.token, debugger.new_group())
    behind = [] if event.node or event.message or event.run else [node for node in instance.nodes.values() if node.outbox]
    for node in behind:
        release(instance, node)
    for work in suspended:
        work.group = debugger.stepping.group
        more(instance, work)
    for pick in picks:
        _take(instance, *pick)
    if not (picks or suspended or behind):
        end_delayed(instance)


def _take(instance: MachineState, node: NodeState, worker: WorkerState | None, queue: Queue, item: TrackedMessage) -> None:
    announce(instance, node, queue, item)
    let_go(item, keep_attempts=True)
    queue.remove(item)
    announce_room(instance, queue)
    recount_held(instance)
    if worker is None:
        swallow_recorded(instance, node, queue, [item])
    else:
        begin(instance, node, worker, queue, [item])


def _picks(instance: MachineState, event: Step) -> list[Pick]:
    if event.message:
        return [_pick_message(instance, event.message)]
    nodes = [instance.nodes[event.node]] if event.node else list(instance.nodes.values())
    found = [_pick(instance, node, event.run) for node in nodes]
    return [pick for pick in found if pick is not None]


def _pick(instance: MachineState, node: NodeState, run: int) -> Pick | None:
    """Return the message which the node would get next."""
    for step in range(len(node.inputs)):
        queue = node.inputs[(node.turn + step) % len(node.inputs)]
        item = queue.items[0] if queue.items else None
        if not isinstance(item, TrackedMessage) or (run and item.batch.run != run) or instance.runs[item.batch.run].ending_as:
            continue
        worker = _worker(instance, node, item)
        if worker is None and node.workers:
            continue
        node.turn = (node.inputs.index(queue) + 1) % len(node.inputs)
        return node, worker, queue, item
    return None


def _worker(instance: MachineState, node: NodeState, item: TrackedMessage) -> WorkerState | None:
    """Return a worker which can take the message now."""
    if not room(instance, node):
        return None
    return worker_for(instance, node, item)


def _pick_message(instance: MachineState, prefix: str) -> Pick:
    node, queue, item = find_waiting(instance, prefix)
    if queue.items[0] is not item:
        head = queue.items[0]
        first = head.id if isinstance(head, TrackedMessage) else "another"
        raise DefinitionError(f"message {item.id} waits behind {first} on {queue.name}; step over that one first, or drop it")
    worker = _worker(instance, node, item)
    if worker is None and node.workers:
        raise DefinitionError(
            f"node {node.id!r} cannot take message {item.id} now: it is not loaded, or a wire behind it is "
            "full; see its status, or step the nodes behind it"
        )
    return node, worker, queue, item


def _answer_step(instance: MachineState, stepping: Stepping) -> None:
    instance.debugger.stepping = None
    instance.order(Reply(stepping.token, told(instance.debugger.recorder.of_group(stepping.group))))


def told(records: list[Record]) -> dict[str, Any]:
    """Return the effects of a step, in the form of the runner API."""
    answer: dict[str, Any] = {}
    for record in records:
        node = answer.setdefault(record.node, {"inputStates": {}, "outputStates": {}, "errors": []})
        node["inputStates"][record.port] = values(record.input)[0]
        for port, batch in record.outputs:
            node["outputStates"].setdefault(port, []).extend(values(batch))
        if record.failure is not None:
            node["errors"].append(msgspec.to_builtins(record.failure))
    return answer


# --- back ------------------------------------------------------------------------------------------------------------------


def _back(instance: MachineState, event: Back) -> None:
    debugger = instance.debugger
    group = debugger.recorder.last_group()
    _check_back(instance, group)
    debugger.stepped = True
    for entry in group:
        debugger.recorder.undo(entry)
    recount_held(instance)
    instance.order(Reply(event.token, told([record for record, _ in reversed(group)])))


def _check_back(instance: MachineState, group: list[Any]) -> None:
    if instance.calls:
        names = ", ".join(sorted({work.worker.node.id for work in instance.calls.values()}))
        raise DefinitionError(f"a generator is in the middle of its message ({names}); step it to its end first")
    if not group:
        raise DefinitionError("there is no recorded step to take back; steps are recorded while debugging is on")
    for record, undo in group:
        if undo is None:
            raise DefinitionError(
                "the last recorded step cannot be taken back: the flow ran on without recording after it; "
                "fork its message instead"
            )
        if record.run not in instance.runs:
            raise DefinitionError(f"run {record.run} is over and stays as it is; fork message {record.id} instead")
