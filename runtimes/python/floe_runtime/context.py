"""What a function may ask and do besides returning: its second parameter, `ctx`."""


class Context:
    """`state`, `emit`, `log`, `array`, and which message is under way: `node`, `run`, `port`, `idempotency_key`."""

    __slots__ = ("_given", "_parcel", "_slot", "_tools")

    def __init__(self, slot):
        self._slot = slot
        self._parcel = self._given = self._tools = None

    def __repr__(self):
        return f"<context of node {self.node!r}>"

    def connect(self, tools):
        """*tools* is the runtime: what `emit` and `array` go to."""
        self._tools = tools

    def under_way(self, parcel, given):
        """The message under way is the first of the parcel that has no result in *given*."""
        self._parcel, self._given = parcel, given

    @property
    def parcel(self):
        """The messages under way; for the runtime."""
        return self._parcel

    @property
    def _at(self):
        if self._parcel is None:
            raise RuntimeError("no message is under way: ask the context inside the function that got it")
        return min(self._given.start + len(self._given.results), len(self._parcel.values) - 1)

    @property
    def node(self):
        """The name of the node in its flow."""
        return self._slot.node

    @property
    def state(self):
        """The node's state: a dictionary of JSON values that survives updates and crashes."""
        return self._slot.state

    @state.setter
    def state(self, values):
        state = self._slot.state
        if values is not state:
            state.clear()
            state.update(values)

    @property
    def run(self):
        """The reference of the run that the message belongs to."""
        return f"{self._slot.prefix}{self._parcel.run_of(self._at)}"

    @property
    def port(self):
        """The input port by which the message came."""
        return self._parcel.port if self._at >= 0 else ""

    @property
    def idempotency_key(self):
        """The same text whenever this very message is handled again, and no other's."""
        return f"{self.run}/{self.node}/{self._parcel.key_of(self._at)}"

    def emit(self, port, value):
        """Give *value* on *port*. In an ``async`` function it may be awaited, which waits while the flow is full."""
        return self._tools.emit(self._slot, self._given, port, value)

    def log(self, *values):
        """A line in the node's log."""
        self._slot.log.write("log", " ".join(map(str, values)) + "\n")

    def array(self, shape, dtype="float64"):
        """An empty numpy array that is born in shared memory: emitted, it reaches other processes without a copy."""
        return self._tools.segments.born(shape, dtype)
