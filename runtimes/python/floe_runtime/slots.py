"""Slots: loaded versions of nodes. Loading runs the source in a module of its own and finds the function."""

import sys
from collections import deque
from itertools import count

from floe_runtime import functions, modules
from floe_runtime.context import Current
from floe_runtime.failures import Source
from floe_runtime.functions import LoadError
from floe_runtime.purity import keeps_nothing
from floe_runtime.state import State
from floe_runtime.values import tag, untag

PLAIN, GENERATOR, COROUTINE, ASYNC_GENERATOR = "plain", "generator", "coroutine", "async generator"
KINDS = {0: PLAIN, functions.GENERATOR: GENERATOR, functions.COROUTINE: COROUTINE, functions.ASYNC_GENERATOR: ASYNC_GENERATOR}
CHUNK = 256
HIGHER, LOWER = count(1), count(-1, -1)
"""Ranks above and below all ranks in use."""
CAREFUL = 32
"""Number of outputs sent singly before a generator counts as fast: a generator may sleep behind any output."""


class Slot:
    """State of a slot in the runtime; see the `load` frame for the fields."""

    def __init__(self, frame, codec):
        module = frame["module"]
        self.number, self.node = frame["slot"], frame["node"]
        self.prefix = frame.get("prefix", "")
        self.skips = frame.get("on_error", "fail") == "skip"
        self.commit_each = bool(frame.get("commit_each", False))
        self.outputs = tuple(module.get("outputs", ("out",)))
        self.default = "out" if "out" in self.outputs or not self.outputs else self.outputs[0]
        self.source = Source(module)
        self.name = module["name"]
        self.state = State(codec)
        self.current = Current(self)
        self.routes = {}
        self.rank = next(HIGHER)
        self.targets, self.sources = {}, {}
        """Slots targeted by local routes of this slot, and slots with local routes to this slot (as keys)."""
        self.calls = deque()
        self.pace = 1
        """Number of messages expected to take less than a millisecond."""
        self.fast_messages, self.fast_needed, self.suspect = 0, 1, 0
        """`fast_messages`: number of fast messages since the last slow message; `fast_needed`: number needed before the pace
        grows.
        """
        self.module = self.function = self.kind = None
        self.fusable = self.follows = False
        """Whether local routes may lead to the slot, and begin at it. `kind` says how the function is called, and follows the
        last result.
        """
        self.with_context = self.pure = False
        self.migrate = None
        self.log = None
        self.queued = self.busy = self.stopped = False
        """`queued`: waits for a turn; `busy`: at work, and must not be begun again; `stopped`: a call failed, and no later call
        brought a state to go on from.
        """
        self.lasting = False
        """True if the function has written to the state: inputs and outputs must not be shared with other slots."""

    @property
    def most(self):
        """Size of the largest chunk. Only time bounds the outputs that a generator hands to local routes: no frame holds them."""
        return CHUNK if self.kind != GENERATOR or self.default not in self.routes else 4 * CHUNK

    @property
    def asynchronous(self):
        """True if the event loop drives the function."""
        return self.kind in (COROUTINE, ASYNC_GENERATOR)

    def leads_back(self, target):
        """Return whether local routes lead from *target* to this slot, which would close a circle.

        Each slot has a rank below the ranks of its targets. A route that agrees with the ranks closes no circle; for any other,
        only the slots with ranks between the ends' ranks are visited, and reordered.
        """
        if self.rank >= target.rank and self is not target:
            if not self.sources:
                self.rank = next(LOWER)
            elif not target.routes:
                target.rank = next(HIGHER)
        if self.rank < target.rank:
            return False
        behind = _reached(
            target,
            lambda slot: (t for targets in slot.routes.values() for _, t, _ in targets),
            lambda slot: slot.rank <= self.rank,
        )
        if self in behind:
            return True
        before = _reached(self, lambda slot: slot.sources, lambda slot: slot.rank >= target.rank)
        order = sorted(before, key=_rank) + sorted(behind, key=_rank)
        for slot, rank in zip(order, sorted(map(_rank, order))):
            slot.rank = rank
        return False

    def route(self, routes):
        """Hand outputs to other slots: port -> [(wire, slot, input port)]."""
        for target in self.targets:
            target.sources.pop(self, None)
        self.routes = {port: targets for port, targets in routes.items() if targets}
        self.targets = {target: None for targets in routes.values() for _, target, _ in targets}
        for target in self.targets:
            target.sources[self] = None

    def unroute(self, gone):
        """Forget the local routes to a removed slot."""
        routes = {port: [t for t in targets if t[1] is not gone] for port, targets in self.routes.items()}
        self.routes = {port: targets for port, targets in routes.items() if targets}

    def cut(self, wire):
        """Remove the local routes of the port that *wire* leaves: later outputs of the port are returned to the runner."""
        self.routes = {port: targets for port, targets in self.routes.items() if all(target[0] != wire for target in targets)}

    def activate(self, state):
        """Adopt the state of the previous version, through `migrate` if defined."""
        if self.migrate is not None:
            plain = {key: untag(value, ()) for key, value in state.items()}
            result = self.migrate(plain)
            if not isinstance(result, dict):
                raise LoadError(f"migrate(state) returned {type(result).__name__}; return the new state, a dictionary")
            state = {key: tag(value, None) for key, value in result.items()}
        self.state.replace(state)
        self.stopped = False

    def load(self, complete):
        """Run the source; `complete(coroutine)` runs a source with `await` at the top level.

        Raises the source's own error, or `LoadError`.
        """
        try:
            code, names = modules.read(self.source)
        except (SyntaxError, ValueError) as error:
            raise _refused(error, self.source) from None
        self.module = modules.make(self.name, self.source)
        namespace = self.module.__dict__
        awaits = eval(code, namespace)
        if awaits is not None:
            complete(awaits)
        self.function = functions.chosen(namespace, self.name, names)
        self.kind = KINDS[functions.flags(self.function)]
        self.fusable = functions.returns(self.function)
        self.fast_needed = 1 if self.kind == PLAIN else CAREFUL
        self.follows = self.fusable or self.kind == GENERATOR
        self.with_context = functions.takes_context(self.function)
        plain = type(self.function) is functions.FUNCTION and self.fusable
        self.pure = plain and not self.with_context and keeps_nothing(self.function)
        migrate = namespace.get("migrate")
        self.migrate = migrate if callable(migrate) and migrate is not self.function else None

    def iterate(self):
        """Call the function as a generator from now on."""
        self.kind, self.pure, self.fast_needed = GENERATOR, False, CAREFUL

    def enter(self):
        """Make the slot's module the importable module of its name, before the slot works."""
        sys.modules[self.module.__name__] = self.module

    def leave(self):
        """Remove the slot's module after unloading."""
        if self.module is not None:
            modules.leave(self.module)


def _rank(slot):
    return slot.rank


def _reached(start, following, within):
    """Return *start* and the slots reachable from *start* through slots for which *within* holds."""
    found, pending = {start: None}, [start]
    while pending:
        for slot in following(pending.pop()):
            if slot not in found and within(slot):
                found[slot] = None
                pending.append(slot)
    return found


def _refused(error, source):
    if not isinstance(error, SyntaxError):
        return LoadError(f"the source cannot be read: {error}")
    text = source.line(error.lineno or 0).strip()
    if text[:1] in ("%", "!", "?"):
        error = SyntaxError(
            f"{text.split()[0]} is for cells only; a module is plain Python: take the line out, and name packages by --deps",
            (source.name, error.lineno, error.offset, error.text),
        )
    error.source_of = source
    return error
