"""Invariants that hold between two events under all circumstances: checked in tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from floe_jupyter.core.machine import local_routes, suspects
from floe_jupyter.core.machine.room import find_exits
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import BugError


def check(instance: MachineState) -> None:
    """Raise `BugError` naming the first invariant that does not hold."""
    for queue in instance.queues():
        _check_queue(queue)
    for worker in instance.workers():
        _check_worker(instance, worker)
    _check_runs(instance)
    _check_routes(instance)
    _check_joins(instance)
    _check_held(instance)


def _must(holds: bool, text: str) -> None:
    if not holds:
        raise BugError(f"{text}; please report this")


def _batch(item: Batch | TrackedMessage) -> Batch:
    return item if isinstance(item, Batch) else item.batch


def _check_queue(queue: Queue) -> None:
    n = sum(item.n for item in queue.items)
    size = sum(_batch(item).size for item in queue.items)
    _must(queue.n == n, f"{queue.name} counts {queue.n} messages and holds {n}")
    _must(queue.bytes == size, f"{queue.name} counts {queue.bytes} bytes and holds {size}")
    _must(all(_batch(item).n > 0 for item in queue.items), f"{queue.name} holds an empty batch")
    _must(not queue.tokens or queue.full, f"{queue.name} has room but has not accepted an injection")


def _check_worker(instance: MachineState, worker: WorkerState) -> None:
    name = f"{worker.node.id}/{worker.index}"
    _must(all(instance.calls.get(work.id) is work for work in worker.calls), f"worker {name} has a call that nobody knows")
    _must(not worker.calls or worker.phase == "ready" or instance.stopping, f"worker {name} has a call and is {worker.phase}")
    _must(not worker.calls or bool(worker.runtime), f"worker {name} has a call and no runtime")
    _must(
        bool(worker.calls) or (not worker.back and not worker.recalled),
        f"worker {name} keeps back messages with no call under way",
    )


def _check_runs(instance: MachineState) -> None:
    waiting = list(_waiting(instance))
    counted: Counter[int] = Counter()
    for batch in waiting:
        counted.update(batch.runs or (batch.run,) * batch.n)
    for work in instance.calls.values():
        counted.update(work.batch.run_of(i) for i in range(work.done, work.batch.n))
    for number, count in instance.inflight.items():
        _must(counted[number] == count, f"run {number} counts {count} messages in flight, and {counted[number]} are")
    _must(instance.runs.keys() == instance.inflight.keys(), "runs and their counts differ")
    late = sorted({run for batch in waiting for run in batch.runs or (batch.run,)} - instance.runs.keys())
    _must(not late, f"messages of runs {late} wait that are over")


def _waiting(instance: MachineState) -> Iterator[Batch]:
    """Yield all messages in front of nodes, given back by calls, and held behind nodes."""
    yield from (_batch(item) for queue in instance.queues() for item in queue.items)
    yield from (_batch(item) for worker in instance.workers() for _, _, rest in worker.back for item in rest)
    yield from (item.batch for node in instance.nodes.values() for _, item in node.outbox)


def _check_routes(instance: MachineState) -> None:
    for node in instance.nodes.values():
        settled = len(node.workers) != 1 or instance.stopping or local_routes.has_wanted_routes(instance, node)
        _must(settled, f"the local routes out of {node.id} are not what they should be")
        outs = [queue for queues in node.outs.values() for queue in queues]
        routed = sum(queue.routed for queue in [*node.wires, *outs])
        _must(node.routed == routed, f"{node.id} counts {node.routed} local routes")
        _must(node.routed_in == sum(queue.routed for queue in node.wires), f"{node.id} counts {node.routed_in} routes into it")
        _check_exits(instance, node)
        ordered = {wire for worker in node.workers for wires in worker.routes.values() for wire in wires}
        for queue in outs:
            _must(queue.routed or queue.name not in ordered, f"{queue.name} is a local route and not marked so")
            _check_ends(instance, queue)


def _check_exits(instance: MachineState, node: NodeState) -> None:
    exits = find_exits(instance, node)
    _must(node.exits_of != instance.routes or node.exits == exits, f"the outputs of {node.id} end up elsewhere")
    for queue in exits:
        _must(not queue.full or queue in set(instance.filled), f"{queue.name} is full and not known as such")


def _check_ends(instance: MachineState, queue: Queue) -> None:
    source, target = instance.nodes[queue.source], instance.nodes[queue.target]
    near = not queue.routed or not target.workers or target.workers[0].runtime == source.workers[0].runtime
    _must(near, f"{queue.name} is a local route between two runtimes")


def _check_joins(instance: MachineState) -> None:
    for node in instance.nodes.values():
        if node.joins is not None:
            for wire in node.joins.wires:
                parts = sum(wire.bit in entry.parts for entry in node.joins.entries.values())
                parts += sum(len(cohort.runs) for cohort in node.joins.cohorts if wire.bit in cohort.payloads)
                _must(wire.parts == parts, f"{wire.name} counts {wire.parts} parts in its join and {parts} are there")
            known = node.joins.keys.keys() | node.joins.cohorts.of.keys()
            _must(known <= instance.runs.keys(), f"join {node.id} knows runs that are over")
            _must(node.joins.entries.keys().isdisjoint(node.joins.cohorts.of), f"join {node.id} knows a run twice")


def _check_held(instance: MachineState) -> None:
    held = sum(1 for queue in instance.queues() for item in queue.items if isinstance(item, TrackedMessage) and item.held)
    held += sum(1 for node in instance.nodes.values() for _, item in node.outbox if item.held)
    _must(instance.debugger.held == held, f"{instance.debugger.held} messages count as held, and {held} are")
    found = suspects.count(instance)
    _must(instance.suspects == found, f"{instance.suspects} messages count as suspects, and {found} are")
