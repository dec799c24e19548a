"""Quiescing of runtimes: no new calls begin in a runtime until the calls at work there are over.

A call at work passes messages along the local routes inside its runtime, and outputs come back to the machine from any node on
the way. A further route out of such a node, switched on in the middle of the call, would let later messages overtake these
outputs. The runtime does one task at a time, so that nodes not called meanwhile lose nothing. A generator waiting for `More`
gives nothing, and is not continued meanwhile either. A node that never had a call is called, because the node may be able to
move to another process (see `delivery.spread`).
"""

from __future__ import annotations

from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import NodeState, Work
from floe_jupyter.core.machine.state.tables import Quiescing


def last_at_work(instance: MachineState, runtime: str) -> Work | None:
    """Return the newest call in a runtime that may give outputs without a further order; None without any."""
    return next((w for w in reversed(instance.calls.values()) if w.worker.runtime == runtime and _may_give(w)), None)


def _may_give(work: Work) -> bool:
    return not work.worker.calls[0].waiting


def wait_for(instance: MachineState, node: NodeState, last: Work) -> None:
    """Let no call begin in the runtime of *last* until the calls at work are over; *node* waits for that."""
    runtime = last.worker.runtime
    quiescing = instance.quiescing.get(runtime)
    if quiescing is None:
        quiescing = instance.quiescing[runtime] = Quiescing(last)
    quiescing.waiters[node.index] = node


def holds_back(instance: MachineState, node: NodeState) -> bool:
    """Return whether a node must not be called or continued now; the node is asked for work again afterwards."""
    if not node.called:
        return False
    found = next((worker.runtime for worker in node.workers if worker.runtime in instance.quiescing), None)
    if found is not None:
        instance.quiescing[found].held_back[node.index] = node
    return found is not None


def waiters_of_quiet_runtimes(instance: MachineState) -> list[NodeState]:
    """Return the nodes whose runtime is quiet now, and let calls begin there again."""
    waiters: list[NodeState] = []
    for runtime, quiescing in list(instance.quiescing.items()):
        if instance.calls.get(quiescing.last.id) is quiescing.last and _may_give(quiescing.last):
            continue
        last = last_at_work(instance, runtime)
        if last is not None:
            quiescing.last = last
            continue
        del instance.quiescing[runtime]
        instance.awake |= quiescing.held_back
        waiters += quiescing.waiters.values()
    return waiters
