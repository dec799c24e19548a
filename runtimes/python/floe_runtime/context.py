"""The second parameter of a function, `ctx`: requests and actions besides returning. Each message has its own."""

from _thread import allocate_lock
from itertools import filterfalse, repeat, starmap

OVER = "after the function has returned: join or await what it started before it returns"


class Current:
    """Work under way of a slot's function, with the contexts given to the function."""

    __slots__ = ("_base", "_gate", "_kind", "_last", "contexts", "given", "inputs", "late", "slot", "tools")

    def __init__(self, slot):
        self.slot = slot
        self.inputs = self.given = self.tools = None
        self.contexts = []
        """Contexts of the messages begun in the run; the last is of the message under way."""
        self.late = []
        """Outputs given by threads while a generator was suspended."""
        self._base, self._last = 0, None
        self._gate = allocate_lock()
        """Held while outputs are taken away, and while other threads give outputs."""
        self._kind = type("Context", (Context,), {"__slots__": (), "_current": self, "__module__": Context.__module__})

    def begin(self, inputs, given):
        """Begin with the first message of the inputs without a result in *given*."""
        with self._gate:
            self.inputs, self.given, self._base = inputs, given, len(given.results)
            if self.late:
                given.emits += [(self._base, *entry) for entry in self.late]
                self.late = []

    def context(self):
        """Return a context for the next message."""
        context = self._kind()
        self._base = len(self.given.results)
        self.contexts.append(context)
        return context

    def each(self):
        """Return an iterator of contexts, one a message; no step is Python code. (`append` gives None: all contexts pass
        through.)
        """
        return filterfalse(self.contexts.append, starmap(self._kind, repeat(())))

    def end(self):
        """End the messages begun: later outputs for them come too late."""
        if self.contexts:
            with self._gate:
                self._last = self.contexts[-1]
                self.contexts.clear()

    def again(self, number):
        """Reopen the last message, number *number*: the function returned an iterator or awaitable."""
        if self._last is not None:
            self.contexts[:], self._base, self._last = [self._last], number, None

    def pause(self):
        """Mark the generator as suspended."""
        with self._gate:
            self.given = None

    def taking(self):
        """Return the lock against additions of outputs by other threads."""
        return self._gate

    def taken(self, count):
        """Correct the numbers after *count* results were taken while the next message is under way."""
        self._base -= count

    def check(self, context):
        """Raise RuntimeError unless the message of *context* is under way."""
        if not self.contexts or self.contexts[-1] is not context:
            raise RuntimeError(f"ctx.emit {OVER}")

    def add(self, context, entry):
        """Take an output (port, text, buffers, tagged) from another thread. Raises RuntimeError."""
        with self._gate:
            self.check(context)
            if self.given is None:
                self.late.append(entry)
            else:
                self.given.emits.append((self._base + len(self.contexts) - 1, *entry))


class Context:
    """`state`, `emit`, `log`, `array`, and the message under way: `node`, `run`, `port`, `idempotency_key`."""

    __slots__ = ()
    _current = None

    def __repr__(self):
        return f"<context of node {self.node!r}>"

    @property
    def _at(self):
        current = self._current
        if not current.contexts or current.contexts[-1] is not self or current.given is None:
            raise RuntimeError("no message is under way: ask the context inside the function that got it")
        return min(current.given.start + len(current.given.results), len(current.inputs.values) - 1)

    @property
    def node(self):
        """Name of the node in its flow."""
        return self._current.slot.node

    @property
    def state(self):
        """The node's state: a dictionary of JSON values that survives updates and crashes."""
        return self._current.slot.state

    @state.setter
    def state(self, values):
        """Replace all values of the state."""
        state = self._current.slot.state
        if values is not state:
            state.clear()
            state.update(values)

    @property
    def run(self):
        """Reference of the run of the message."""
        return f"{self._current.slot.prefix}{self._current.inputs.run_of(self._at)}"

    @property
    def port(self):
        """Input port of the message."""
        return self._current.inputs.port if self._at >= 0 else ""

    @property
    def idempotency_key(self):
        """Text unique to the message, and the same whenever the message is handled again."""
        return f"{self.run}/{self.node}.{self.port}/{self._current.inputs.key_of(self._at)}"

    def emit(self, port, value):
        """Give *value* on *port*. Awaiting the result, in an ``async`` function, waits while the flow is full."""
        return self._current.tools.emit(self._current, self, port, value)

    def log(self, *values):
        """Write a line to the node's log."""
        self._current.slot.log.write("log", " ".join(map(str, values)) + "\n")

    def array(self, shape, dtype="float64"):
        """Return an empty numpy array in shared memory, which reaches other processes without a copy when emitted."""
        return self._current.tools.segments.born(shape, dtype)
