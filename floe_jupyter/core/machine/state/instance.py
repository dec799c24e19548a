"""State of one instance of a flow: plain objects shared by the parts of the machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import Command, Failure, Rewire, State
from floe_jupyter.core.machine.state.queues import Queue, TrackedMessage
from floe_jupyter.core.machine.state.records import Ending, Lane, NodeState, OpenRun, Work
from floe_jupyter.core.machine.state.watch import Watch

if TYPE_CHECKING:
    from floe_jupyter.core.machine.debugging.debugger import Debugger
    from floe_jupyter.core.machine.joins.table import JoinTable
    from floe_jupyter.core.machine.state.records import UpdateWish

SPREAD = 64
"""Maximum number of nodes of a flow in which each node of a fan-out is tried before local routes lead to it (see
`delivery.spread`).
"""


class MachineState:
    """State shared by the parts of one machine."""

    def __init__(
        self,
        flow: Flow,
        modules: Mapping[str, Module],
        states: Mapping[str, State],
        *,
        timeout: float,
        fail_fast: bool,
        wire_messages: int,
        wire_bytes: int,
    ) -> None:
        self.flow, self.modules = flow, dict(modules)
        self.first_states = dict(states)
        self.timeout = timeout or flow.timeout
        self.fail_fast = fail_fast
        self.max_n, self.max_bytes = wire_messages, wire_bytes
        self.nodes: dict[str, NodeState] = {}
        self.wires: dict[str, Queue] = {}
        self.joining: list[tuple[NodeState, JoinTable]] = []
        """Nodes with a join: every ending run asks all of them."""
        self.commands: list[Command] = []
        self.now = 0.0
        self.spreads = False
        """True if nodes of a fan-out are tried before local routes lead to them."""
        self.started = self.stopping = False
        self.calls: dict[int, Work] = {}
        self.last_call = 0
        self.runs: dict[int, OpenRun] = {}
        self.inflight: dict[int, int] = {}
        """Number of messages queued, in calls, held or waiting for a retry, by run that is not over."""
        self.ended: dict[int, str] = {}
        self.ending: dict[int, Ending] = {}
        """Cancelled runs in order, each reported as over when no message of the run is at work."""
        self.leaving: set[tuple[str, int, int]] = set()
        """Node, lane and version of abandoned loads and activations possibly still at work."""
        self.giving_up = self.parked = False
        """True if a run was cancelled while loads for it may be under way (`giving_up`); if a worker is to be loaded for the
        next run (`parked`).
        """
        self.forgotten = -1
        """Number up to which all unknown runs are over."""
        self.settled: list[int] = []
        """Runs that may be over: at some moment of this event, no message of the run was in flight."""
        self.dirty: dict[int, NodeState] = {}
        """Nodes that may be able to take a message now, by index in the flow."""
        self.waiting: dict[int, Work] = {}
        """Generators waiting for `More`, by call."""
        self.suspects = 0
        """Number of messages that may have ended their runtime."""
        self.refused = Watch[Lane](lambda lane: lane.phase == "refused")
        """Workers without a version in use, because the version did not load."""
        self.loading = Watch[Lane](lambda lane: lane.phase in {"loading", "activating", "vacant"})
        self.rerouting = Watch[Lane](lambda lane: lane.routing > 0)
        """Workers whose local routes are being changed."""
        self.filled = Watch[Queue](lambda queue: queue.full)
        """Queues without room."""
        self.results = 0
        self.deadlines: dict[int, float] = {}
        """Time at which the runtime of a call is killed unless the call is over, by call."""
        self.timed = timeout > 0 or flow.timeout > 0
        """True if some clock may be running."""
        self.wake = 0.0
        self.dead: dict[str, tuple[TrackedMessage, Queue, Failure]] = {}
        self.hand: deque[Work] = deque()
        """Calls that are over with messages not yet back on their wires; first the call being handled."""
        self.noticed: dict[tuple[str, str], int] = {}
        """Number of notices sent about dropped messages, by name and reason."""
        self.causes: dict[str, tuple[int, str]] = {}
        """Cause of each ordered `Kill`, by runtime: (the call to blame, or 0; text)."""
        self.updates: list[UpdateWish] = []
        self.rewires: list[Rewire] = []
        """New versions of the flow waiting until the leaving nodes are idle."""
        self.draining: list[Lane] = []
        """Workers leaving with the first of `rewires` that were busy when last asked."""
        self.debugger: Debugger
        self.journal: list[Callable[[], None]] | None = None
        """Actions that undo the recorded step being taken in; None outside of a recording."""
        self.unplanned: dict[int, NodeState] = {}
        """Nodes whose local routes may have to change, by index in the flow."""
        self.fusing: dict[int, NodeState] = {}
        """Nodes whose local routes wait until both ends are idle."""
        self.rested: dict[int, NodeState] = {}
        """Nodes asked for work since the last planning, and therefore possibly idle."""
        self.routes = 0
        """Number of times a local route was put on or taken off."""

    def order(self, command: Command) -> None:
        """Add a command to the answer to the present event."""
        self.commands.append(command)

    def wake_node(self, node: NodeState) -> None:
        """Mark a node to be asked for work."""
        self.dirty[node.index] = node

    def wake_all(self) -> None:
        """Mark all nodes to be asked for work."""
        for node in self.nodes.values():
            self.dirty[node.index] = node

    def replan(self) -> None:
        """Mark the local routes of all nodes as possibly changed."""
        self.unplanned = {node.index: node for node in self.nodes.values()}

    def replan_node(self, node: NodeState) -> None:
        """Mark the local routes out of a node as possibly changed."""
        self.unplanned[node.index] = node

    def replan_around(self, node: NodeState) -> None:
        """Mark the local routes into and out of a node as possibly changed."""
        self.replan_node(node)
        for queue in node.wires if node.joins is None else ():
            source = self.nodes.get(queue.source)
            if source is not None:  # the source may be leaving together with the node
                self.replan_node(source)

    def take(self, node: NodeState, n: int) -> None:
        """Count *n* messages handled by *node*; from the first message on, local routes may lead to the node (see `spread`)."""
        if self.spreads and n and (not node.taken or not node.taken + n):
            self.replan_around(node)
        node.taken += n

    def note(self, undo: Callable[[], None]) -> None:
        """Remember how to undo an action, if a step is being recorded."""
        if self.journal is not None:
            self.journal.append(undo)

    def lanes(self) -> list[Lane]:
        """Return all workers of all nodes."""
        return [lane for node in self.nodes.values() for lane in node.lanes]

    def refusals(self) -> dict[str, str]:
        """Return the load error of each node that has no usable version and none being loaded."""
        return {
            lane.node.id: lane.refusal.message
            for lane in self.lanes()
            if lane.phase == "refused" and lane.refusal is not None and lane.coming is None and not lane.node.removed
        }
