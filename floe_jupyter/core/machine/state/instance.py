"""State of one instance of a flow: plain objects shared by the parts of the machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import Command, State
from floe_jupyter.core.machine.state.debugging import DebugState
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.core.machine.state.tables import CallTables, FlowTables, RouteTables, RunTables, VersionTables
from floe_jupyter.core.machine.state.times import Clock

SPREAD = 64
"""Maximum number of nodes of a flow in which each node of a fan-out is tried before local routes lead to it (see
`delivery.spread`).
"""


class MachineState(FlowTables, RunTables, CallTables, VersionTables, RouteTables):
    """State shared by the parts of one machine."""

    def __init__(
        self,
        flow: Flow,
        modules: Mapping[str, Module],
        states: Mapping[str, State],
        *,
        timeout: float,
        fail_fast: bool,
        wire_limits: tuple[int, int],
        debugger: DebugState,
        let_through: Callable[[MachineState, NodeState], None],
    ) -> None:
        FlowTables.__init__(self, flow, modules, states, wire_limits)
        RunTables.__init__(self)
        CallTables.__init__(self)
        VersionTables.__init__(self)
        RouteTables.__init__(self)
        self.fail_fast, self.timeout = fail_fast, timeout or flow.timeout
        self.timed = timeout > 0 or flow.timeout > 0
        """True if some clock may be running."""
        self.now, self.clock = 0.0, Clock()
        self.commands: list[Command] = []
        self.started = self.stopping = False
        self.awake: dict[int, NodeState] = {}
        """Nodes that may be able to take a message now, by index in the flow."""
        self.debugger = debugger
        self.journal: list[Callable[[], None]] | None = None
        """Actions that undo the recorded step being taken in; None outside of a recording."""
        self.let_through = let_through
        """Handler for outputs behind a node whose held output before them is gone (`wires.outbox.let_through`). The end of a run
        frees such outputs, which may overflow a wire, which ends another run: the only recursion between the parts, and
        therefore handed in.
        """

    def order(self, command: Command) -> None:
        """Add a command to the answer to the present event."""
        self.commands.append(command)

    def wake_node(self, node: NodeState) -> None:
        """Mark a node to be asked for work."""
        self.awake[node.index] = node

    def wake_all(self) -> None:
        """Mark all nodes to be asked for work."""
        for node in self.nodes.values():
            self.awake[node.index] = node

    def review_routes(self) -> None:
        """Mark the local routes of all nodes as possibly changed."""
        self.routes_to_review = {node.index: node for node in self.nodes.values()}

    def review_routes_around(self, node: NodeState) -> None:
        """Mark the local routes into and out of a node as possibly changed."""
        self.review_routes_of(node)
        for queue in node.wires if node.joins is None else ():
            source = self.nodes.get(queue.source)
            if source is not None:  # the source may be leaving together with the node
                self.review_routes_of(source)

    def take(self, node: NodeState, n: int) -> None:
        """Count *n* messages handled by *node*; from the first message on, local routes may lead to the node (see `spread`)."""
        if self.spreads and n and (not node.taken or not node.taken + n):
            self.review_routes_around(node)
        node.taken += n

    def note(self, undo: Callable[[], None]) -> None:
        """Remember how to undo an action, if a step is being recorded."""
        if self.journal is not None:
            self.journal.append(undo)

    def refusals(self) -> dict[str, str]:
        """Return the load error of each node that has no usable version and none being loaded."""
        return {
            worker.node.id: worker.refusal.message
            for worker in self.workers()
            if worker.phase == "refused" and worker.refusal is not None and worker.coming is None and not worker.node.removed
        }
