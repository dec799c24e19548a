"""What one instance of a flow knows: plain objects that the machine's parts share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import orjson

from floe_jupyter.core.events import CREDIT, Command, Failure, Rewire, State
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Flow, Module, Node
from floe_jupyter.core.queues import Item, Queue

if TYPE_CHECKING:
    from floe_jupyter.core.debugger import Debugger
    from floe_jupyter.core.expressions import Expression
    from floe_jupyter.core.joined import JoinTable
    from floe_jupyter.core.updates import UpdateWish

FAILURES = 100
"""So many failures of one run are kept."""
REMEMBERED = 1_000
"""So many ended runs, and so many dead letters, are remembered."""


class Run:
    """One run that is not over."""

    __slots__ = ("closed", "doomed", "failures", "opened", "pilled", "stopped")

    def __init__(self, opened: float) -> None:
        self.opened = opened
        """When it began, on the clock that stands still while something is held."""
        self.closed = False
        self.failures: list[Failure] = []
        self.pilled: set[str] = set()
        """Nodes whose pill was passed on: once a node and run."""
        self.doomed = ""
        """How it ends as soon as stepping is over; its messages go nowhere."""
        self.stopped = False


class Coming:
    """A version that is loaded beside the one in use."""

    __slots__ = ("follows", "fusable", "loaded", "module", "runtime")

    def __init__(self, module: Module) -> None:
        self.module = module
        self.runtime = ""
        self.fusable = self.follows = False
        self.loaded = False


class Work:
    """A call that is not over."""

    __slots__ = ("batch", "before", "done", "emitted", "first", "group", "id", "items", "journal", "lane", "outputs", "place",
                 "queue", "since", "waiting", "window")

    def __init__(self, number: int, lane: Lane, queue: Queue, items: list[Batch | Item], batch: Batch, place: int) -> None:
        self.id, self.lane, self.queue, self.items, self.batch = number, lane, queue, items, batch
        self.place = place
        """Which of all messages of the queue the first one is, where they have no ids yet."""
        self.first = 0
        """How many messages the node was called with before."""
        self.done = 0
        """How many of its messages were consumed."""
        self.emitted = 0
        """How many outputs the message under way has given."""
        self.window = 0
        self.waiting = False
        """A generator under way waits for `More`."""
        self.since: float | None = None
        """When its message began, if it may not take for ever."""
        self.journal: list[Callable[[], None]] | None = None
        """How to undo what came of it, while it is recorded."""
        self.outputs: list[tuple[str, Batch]] = []
        self.before: State = {}
        self.group = 0
        """The step it belongs to."""

    @property
    def special(self) -> Item | None:
        """Its message, where it has a history of its own."""
        only = self.items[0]
        return only if len(self.items) == 1 and type(only) is Item else None


class Lane:
    """One worker of a node."""

    __slots__ = ("back", "calls", "coming", "follows", "fusable", "index", "module", "node", "phase", "recalled", "refusal",
                 "reloads", "reset", "routes", "routing", "runtime", "state", "taking")

    def __init__(self, node: NodeState, index: int, state: State) -> None:
        self.node, self.index, self.state = node, index, state
        self.module: Module | None = node.module
        """The version in use, or being loaded as the first."""
        self.phase = "loading"
        """``loading``, ``ready``, ``activating`` (a swap is under way), ``refused`` (nothing is in use)."""
        self.refusal: Failure | None = None
        """Why it is ``refused``."""
        self.coming: Coming | None = None
        """What is loaded beside it."""
        self.taking: Coming | None = None
        """What is being activated in its place."""
        self.runtime = ""
        self.fusable = self.follows = False
        self.calls: deque[Work] = deque()
        self.back: list[tuple[int, Queue, list[Batch | Item]]] = []
        """What calls (by number) gave back, until all of them are in."""
        self.recalled = False
        self.reset = False
        """The next call must carry the state: the runtime's own is not the one we hold."""
        self.reloads = 0
        """Crashes in a row without a message consumed."""
        self.routes: dict[str, tuple[str, ...]] = {}
        """The local routes it was told last."""
        self.routing = 0
        """How many `Routed` are still to come."""

    @property
    def version(self) -> int:
        return self.module.version if self.module else 0


class NodeState:
    """One node of the flow."""

    __slots__ = ("called", "credit", "error", "exits", "failed", "fusing", "given", "index", "inputs", "joins", "key", "lanes",
                 "module", "node", "outbox", "outs", "refused", "removed", "taken", "turn", "wires")

    def __init__(self, node: Node, index: int, module: Module | None) -> None:
        self.node, self.index, self.module = node, index, module
        self.inputs: list[Queue] = []
        """What it is fed from: its wires (or what its join lets through), then injections."""
        self.wires: list[Queue] = []
        """Its incoming wires, in the order of the flow."""
        self.outs: dict[str, list[Queue]] = {}
        self.exits: list[Queue] = []
        """Where there must be room before it is called."""
        self.lanes: list[Lane] = []
        self.joins: JoinTable | None = None
        self.outbox: deque[tuple[str, Item]] = deque()
        """What a breakpoint on an output holds, and what came after it: (port, message)."""
        self.turn = 0
        self.taken = self.given = self.failed = self.called = 0
        self.error = ""
        self.refused = False
        """Its newest version did not load."""
        self.credit = 1 if alone(node) else 2 if node.workers > 1 else CREDIT
        self.key: Expression | None = None
        """`by=`, where there is more than one worker."""
        if node.by and node.workers > 1:
            from floe_jupyter.core.expressions import compile_expression
            self.key = compile_expression(node.by)
        self.fusing = False
        """It is not called until its new local routes are in place."""
        self.removed = False

    @property
    def id(self) -> str:
        return self.node.id

    def find(self, name: str) -> Queue | None:
        return next((queue for queue in self.inputs if queue.name == name), None)


def alone(node: Node) -> bool:
    """Its messages need their order or their time so exactly that one call at a time is right."""
    return node.on_error in {"retry", "hold"} or node.timeout > 0


def first_state(module: Module | None) -> State:
    state = orjson.loads(module.state) if module else {}
    assert isinstance(state, dict)
    return state


class Instance:
    """Everything that the parts of one machine share."""

    def __init__(self, flow: Flow, modules: Mapping[str, Module], states: Mapping[str, State], *, timeout: float, fail_fast: bool,
                 wire_messages: int, wire_bytes: int) -> None:
        self.flow, self.modules = flow, dict(modules)
        self.first_states = dict(states)
        self.timeout = timeout or flow.timeout
        self.fail_fast = fail_fast
        self.max_n, self.max_bytes = wire_messages, wire_bytes
        self.nodes: dict[str, NodeState] = {}
        self.wires: dict[str, Queue] = {}
        self.commands: list[Command] = []
        self.now = 0.0
        self.started = self.stopping = False
        self.calls: dict[int, Work] = {}
        self.last_call = 0
        self.runs: dict[int, Run] = {}
        self.inflight: dict[int, int] = {}
        """How many messages of each run that is not over are queued, in calls, held or waiting for a retry."""
        self.ended: dict[int, str] = {}
        self.forgotten = -1
        """Runs up to this number that are not known are over."""
        self.settled: list[int] = []
        """Runs that may be over: nothing of them was in flight at some moment of this event."""
        self.dirty: dict[int, NodeState] = {}
        """Nodes that may be able to take a message now, by their place in the flow."""
        self.waiting: dict[int, Work] = {}
        """Generators that wait for `More`."""
        self.suspects = 0
        """How many messages may have ended their runtime."""
        self.refused = False
        """Nothing is in use in some lane, because it did not load."""
        self.results = 0
        self.deadlines: dict[int, float] = {}
        """Calls whose runtime is killed when they are not over by then, by the number of the call."""
        self.timed = timeout > 0 or flow.timeout > 0
        """Some clock may run."""
        self.wake = 0.0
        self.dead: dict[str, tuple[Item, Queue, Failure]] = {}
        self.causes: dict[str, tuple[int, str]] = {}
        """Runtimes that we killed: (the call to blame, why)."""
        self.updates: list[UpdateWish] = []
        self.rewires: list[Rewire] = []
        """New versions of the flow that wait until what leaves is idle."""
        self.debugger: Debugger
        self.journal: list[Callable[[], None]] | None = None
        """While a recorded step is taken in: how to undo it."""
        self.unplanned = True
        """The local routes may have to change."""
        self.fusing = False
        """Some node waits for its local routes."""

    def order(self, command: Command) -> None:
        self.commands.append(command)

    def wake_node(self, node: NodeState) -> None:
        self.dirty[node.index] = node

    def wake_all(self) -> None:
        for node in self.nodes.values():
            self.dirty[node.index] = node

    def replan(self) -> None:
        self.unplanned = True

    def note(self, undo: Callable[[], None]) -> None:
        """Remember how to undo something, if it is being recorded."""
        if self.journal is not None:
            self.journal.append(undo)

    def lanes(self) -> list[Lane]:
        return [lane for node in self.nodes.values() for lane in node.lanes]

    def refusals(self) -> dict[str, str]:
        """Why nothing of a node can run, by node: nothing of it is in use, and nothing else is on its way."""
        return {lane.node.id: lane.refusal.message for lane in self.lanes()
                if lane.phase == "refused" and lane.refusal is not None and lane.coming is None and not lane.node.removed}
