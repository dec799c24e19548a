"""Records of one machine: calls, workers and nodes as plain objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from floe_jupyter.core.flow.model import Module, Node
from floe_jupyter.core.machine.events import CREDIT, Failure, State
from floe_jupyter.core.machine.state.join_table import JoinTable
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.messages import Batch

if TYPE_CHECKING:
    from floe_jupyter.core.expressions.language import Expression


class Coming:
    """Version loaded beside the version in use."""

    __slots__ = ("deaths", "follows", "fusable", "loaded", "module", "runner", "runtime")

    def __init__(self, module: Module, deaths: int = 0) -> None:
        self.module = module
        self.deaths = deaths
        """Number of times the runtime ended while the version was activated."""
        self.runner = self.runtime = ""
        self.fusable = self.follows = False
        self.loaded = False


class Work:
    """Call that is not over."""

    __slots__ = (
        "batch",
        "before",
        "done",
        "emitted",
        "first",
        "group",
        "id",
        "items",
        "journal",
        "outputs",
        "place",
        "queue",
        "since",
        "waiting",
        "window",
        "worker",
    )

    def __init__(
        self, number: int, worker: WorkerState, queue: Queue, items: list[Batch | TrackedMessage], batch: Batch, place: int
    ) -> None:
        self.id, self.worker, self.queue, self.items, self.batch = number, worker, queue, items, batch
        self.place = place
        """Position of the first message among all messages of the queue, for messages without ids."""
        self.first = 0
        """Number of messages in earlier calls of the node."""
        self.done = 0
        """Number of messages of the call consumed."""
        self.emitted = 0
        """Number of outputs given for the message under way."""
        self.window = 0
        self.waiting = False
        """True while a generator waits for `More`."""
        self.since: float | None = None
        """Time at which the message under way began, if its time is limited."""
        self.journal: list[Callable[[], None]] | None = None
        """Actions that undo the effects of the call, during a recording."""
        self.outputs: list[tuple[str, Batch]] = []
        self.before: State = {}
        self.group = 0
        """Number of the step to which the call belongs."""

    @property
    def special(self) -> TrackedMessage | None:
        """The only message of the call, if it is a `TrackedMessage`."""
        only = self.items[0]
        return only if len(self.items) == 1 and type(only) is TrackedMessage else None

    @property
    def run(self) -> int | None:
        """Run of the message under way; None if all are consumed and only the end of the call is outstanding."""
        return self.batch.run_of(self.done) if self.done < self.batch.n else None


class WorkerState:
    """Worker of a node."""

    __slots__ = (
        "back",
        "calls",
        "coming",
        "elsewhere",
        "follows",
        "fusable",
        "index",
        "module",
        "moved",
        "moving",
        "node",
        "phase",
        "policy",
        "recalled",
        "refusal",
        "reloads",
        "reset",
        "routes",
        "routing",
        "runner",
        "runtime",
        "state",
        "taking",
    )

    def __init__(self, node: NodeState, index: int, state: State) -> None:
        self.node, self.index, self.state = node, index, state
        self.module: Module | None = node.module
        """Version in use, or being loaded as the first."""
        self.phase = "loading"
        """``loading``, ``ready``, ``activating`` (a swap is under way), ``refused`` (no version is in use), ``vacant`` (no
        version is in use before the one in `coming`), ``parked`` (to be loaded when a run opens).
        """
        self.refusal: Failure | None = None
        """Reason for the phase ``refused``."""
        self.coming: Coming | None = None
        """Version loaded beside the version in use."""
        self.taking: Coming | None = None
        """Version being activated in place of the version in use."""
        self.runner: str | None = None
        """URL of the outpost for the version in use, empty for the home runner; None before the first load."""
        self.policy = ""
        """Failure policy last given to the runtime, with the version loaded last."""
        self.runtime = ""
        self.fusable = self.follows = False
        self.calls: deque[Work] = deque()
        self.back: list[tuple[int, Queue, list[Batch | TrackedMessage]]] = []
        """Messages given back by calls (with the call's number), until all calls are in."""
        self.recalled = False
        self.moved = self.moving = False
        """True once the worker was asked to give its calls back, to work in another process (at most once); `moving` is true
        while some calls are outstanding.
        """
        self.elsewhere = False
        """True while the worker is being loaded in another process; if the load fails, the former process remains in use."""
        self.reset = False
        """True if the next call must carry the state, because the runtime's state differs from the state here."""
        self.reloads = 0
        """Number of crashes in a row without a consumed message."""
        self.routes: dict[str, tuple[str, ...]] = {}
        """Local routes ordered last."""
        self.routing = 0
        """Number of outstanding `Routed` events."""

    @property
    def version(self) -> int:
        """Number of the version in use; 0 without a version."""
        return self.module.version if self.module else 0


class NodeState:
    """Node of the flow, with its queues, workers and counters."""

    __slots__ = (
        "awaited",
        "called",
        "credit",
        "dropped",
        "error",
        "exits",
        "exits_of",
        "failed",
        "fusing",
        "given",
        "index",
        "inputs",
        "joins",
        "key",
        "module",
        "node",
        "obstacles",
        "outbox",
        "outs",
        "refused",
        "removed",
        "routed",
        "routed_in",
        "taken",
        "turn",
        "unfinished",
        "waiters",
        "wires",
        "workers",
    )

    def __init__(self, node: Node, index: int, module: Module | None) -> None:
        self.node, self.index, self.module = node, index, module
        self.inputs: list[Queue] = []
        """Queues from which the node is fed: its wires (or the output of its join), then injections."""
        self.wires: list[Queue] = []
        """Incoming wires, in the order of the flow."""
        self.outs: dict[str, list[Queue]] = {}
        self.exits: list[Queue] = []
        """Queues that need room before the node is called; cached."""
        self.exits_of = -1
        """Value of `MachineState.routes` for which `exits` was computed."""
        self.routed = 0
        """Number of local routes into and out of the node."""
        self.routed_in = 0
        """Number of local routes into the node."""
        self.obstacles: dict[str, int] = {}
        """Index of the wire found unroutable last, by port ("": index of the wire found busy last, over all ports)."""
        self.awaited: list[Queue] = []
        """Wires that must all be idle before they become local routes."""
        self.waiters: dict[int, NodeState] = {}
        """Nodes whose local routes wait until this node is idle."""
        self.workers: list[WorkerState] = []
        self.joins: JoinTable | None = None
        self.outbox: deque[tuple[str, TrackedMessage]] = deque()
        """Messages held by a breakpoint on an output, and all later outputs: (port, message)."""
        self.turn = 0
        self.taken = self.given = self.failed = self.called = 0
        self.dropped = self.unfinished = 0
        """Number of messages that ended at this node without being processed, over all runs."""
        self.error = ""
        self.refused = False
        """True if the newest version did not load."""
        self.credit = 1 if alone(node) else 2 if node.workers > 1 else CREDIT
        self.key: Expression | None = None
        """Compiled `by=` expression, if the node has several workers."""
        if node.by and node.workers > 1:
            from floe_jupyter.core.expressions.language import compile_expression

            self.key = compile_expression(node.by)
        self.fusing = False
        """True while the node is not called because new local routes are not in place yet."""
        self.removed = False

    @property
    def id(self) -> str:
        """Id of the node."""
        return self.node.id

    def find(self, name: str) -> Queue | None:
        """Return the input queue with the given name, or None."""
        return next((queue for queue in self.inputs if queue.name == name), None)


def alone(node: Node) -> bool:
    """Return whether only one call at a time is right, because the order or the time of each message matters."""
    return node.on_error in {"retry", "hold"} or node.timeout > 0


def first_state(module: Module | None) -> State:
    """Return the initial state from the module's declaration; {} without a module."""
    state = orjson.loads(module.state) if module else {}
    assert isinstance(state, dict)
    return state


class UpdateRequest:
    """An `Update` with workers still to answer."""

    def __init__(self, token: Any, pending: list[tuple[WorkerState, int]]) -> None:
        self.token = token
        self.pending = dict.fromkeys(pending)
        """The (worker, version) pairs without an answer."""
        self.updated: dict[str, None] = {}
        self.refused: list[Failure] = []
