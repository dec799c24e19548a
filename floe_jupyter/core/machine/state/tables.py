"""Tables of one instance, by idea: its flow, runs, calls, versions and local routes. `MachineState` puts them together."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import Failure, Rewire, State
from floe_jupyter.core.machine.state.join_table import JoinTable
from floe_jupyter.core.machine.state.open_runs import Ending, OpenRun
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, UpdateRequest, Work, WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.machine.state.watch import Watch


class FlowTables:
    """Flow in force, with its nodes and wires."""

    def __init__(self, flow: Flow, modules: Mapping[str, Module], states: Mapping[str, State], most: tuple[int, int]) -> None:
        self.flow, self.modules = flow, dict(modules)
        self.home = flow.runner
        """URL of the runner where the machine is: a rewired flow may name another for its nodes, but the machine stays."""
        self.first_states = dict(states)
        self.max_n, self.max_bytes = most
        self.nodes: dict[str, NodeState] = {}
        self.wires: dict[str, Queue] = {}
        self.joining: list[tuple[NodeState, JoinTable]] = []
        """Nodes with a join: every ending run asks all of them."""
        self.filled = Watch[Queue](lambda queue: queue.full)
        """Queues without room."""

    def queues(self) -> list[Queue]:
        """Return all queues with waiting messages, in the order of the flow."""
        return [queue for node in self.nodes.values() for queue in node.inputs]

    def workers(self) -> list[WorkerState]:
        """Return all workers of all nodes."""
        return [worker for node in self.nodes.values() for worker in node.workers]


class RunTables:
    """Runs: open, ending and ended."""

    def __init__(self) -> None:
        self.runs: dict[int, OpenRun] = {}
        self.inflight: dict[int, int] = {}
        """Number of messages queued, in calls, held or waiting for a retry, by run that is not over."""
        self.settled: list[int] = []
        """Runs that may be over: at some moment of this event, no message of the run was in flight."""
        self.ending: dict[int, Ending] = {}
        """Cancelled runs in order, each reported as over when no message of the run is at work."""
        self.ended: dict[int, str] = {}
        self.forgotten = -1
        """Number up to which all unknown runs are over."""
        self.results = 0
        self.noticed: dict[tuple[str, str], int] = {}
        """Number of notices sent about dropped messages, by name and reason."""


class CallTables:
    """Calls at work, and messages that they leave behind."""

    def __init__(self) -> None:
        self.calls: dict[int, Work] = {}
        self.last_call = 0
        self.waiting: dict[int, Work] = {}
        """Generators waiting for `More`, by call."""
        self.hand: deque[Work] = deque()
        """Calls that are over with messages not yet back on their wires; first the call being handled."""
        self.deadlines: dict[int, float] = {}
        """Time at which the runtime of a call is killed unless the call is over, by call."""
        self.causes: dict[str, tuple[int, str]] = {}
        """Cause of each ordered `Kill`, by runtime: (the call to blame, or 0; text)."""
        self.suspects = 0
        """Number of messages that may have ended their runtime."""
        self.dead: dict[str, tuple[TrackedMessage, Queue, Failure]] = {}


class VersionTables:
    """Versions being loaded, refused or given up, and new versions of the flow."""

    def __init__(self) -> None:
        self.loading = Watch[WorkerState](lambda worker: worker.phase in {"loading", "activating", "vacant"})
        self.refused = Watch[WorkerState](lambda worker: worker.phase == "refused")
        """Workers without a version in use, because the version did not load."""
        self.leaving: set[tuple[str, int, int]] = set()
        """Node, worker and version of abandoned loads and activations possibly still at work."""
        self.giving_up = self.parked = False
        """True if a run was cancelled while loads for it may be under way (`giving_up`); if a worker is to be loaded for the
        next run (`parked`).
        """
        self.updates: list[UpdateRequest] = []
        self.rewires: list[Rewire] = []
        """New versions of the flow waiting until the leaving nodes are idle."""
        self.draining: list[WorkerState] = []
        """Workers leaving with the first of `rewires` that were busy when last asked."""


class Quiescing:
    """Runtime in which no call begins until the calls at work are over."""

    __slots__ = ("held_back", "last", "waiters")

    def __init__(self, last: Work) -> None:
        self.last = last
        """Call at work, the newest when last looked."""
        self.waiters: dict[int, NodeState] = {}
        """Nodes to be asked again afterwards, by index in the flow."""
        self.held_back: dict[int, NodeState] = {}
        """Nodes not called meanwhile."""


class RouteTables:
    """Local routes that are to be planned, or being changed."""

    def __init__(self) -> None:
        self.spreads = False
        """True if nodes of a fan-out are tried before local routes lead to them."""
        self.routes_to_review: dict[int, NodeState] = {}
        """Nodes whose local routes may have to change, by index in the flow."""
        self.fusing: dict[int, NodeState] = {}
        """Nodes whose local routes wait until both ends are idle."""
        self.quiescing: dict[str, Quiescing] = {}
        """Runtimes that must be quiet before a route is switched on, by name."""
        self.rested: dict[int, NodeState] = {}
        """Nodes asked for work since the last planning, and therefore possibly idle."""
        self.rerouting = Watch[WorkerState](lambda worker: worker.routing > 0)
        """Workers whose local routes are being changed."""
        self.routes = 0
        """Number of times a local route was put on or taken off."""

    def review_routes_of(self, node: NodeState) -> None:
        """Mark the local routes out of a node as possibly changed."""
        self.routes_to_review[node.index] = node
