"""Messages on the way into a slot, and the outputs made of them by functions."""

LATEST = 1_000
"""Maximum bytes of a wire's newest message reported for display."""


def _end(text):
    return b"[%b]" % text if len(text) <= LATEST - 2 else _begun(text, len(text))


def _begun(text, size):
    return b"%b\n%d" % (text[: LATEST - 16], size)


class Origin:
    """Origin of the messages of a local route: `parents[i]` is the position of the i-th message's parent in *inputs*, which the
    slot of node *node* handled; `places[i]` says which of the parent's outputs the message is.

    Without *places* the outputs of a parent are adjacent, and the outputs of the first parent begin with number *first*.
    """

    __slots__ = ("above", "first", "node", "parents", "places", "port")

    def __init__(self, inputs, node, parents, places=None, first=0):
        self.above, self.port = inputs.origin, inputs.port  # their messages may be large: keep no reference
        self.node, self.parents, self.places, self.first = node, parents, places, first

    def place(self, at):
        """Return the number of message *at* among its parent's outputs over all ports, from 0."""
        if self.places:
            return self.places[at]
        parent = self.parents[at]
        return at - self.parents.index(parent) + (self.first if parent == self.parents[0] else 0)


class Inputs:
    """Messages on the way into a slot: values, JSON texts and origin.

    `roots[i]` is the number of the i-th value's ancestor in the call (None: the i-th message itself), `origin` the path from the
    ancestor.
    """

    __slots__ = ("_texts", "broken", "buffers", "call", "origin", "payload", "port", "roots", "tagged", "values", "wire")

    def __init__(self, call, port, values):
        self.call, self.port, self.values = call, port, values
        self._texts = self.payload = self.buffers = self.tagged = self.roots = self.wire = self.origin = None
        self.broken = False
        """True if some message cannot be read."""

    def written(self, texts=None, payload=None):
        """Set the JSON: a text for each message, or (`payload`, and the codec that takes the payload apart) the text of all."""
        self._texts, self.payload = texts, payload

    @property
    def texts(self):
        """JSON text of each message as received, without later changes by the function; None if the call has the texts."""
        if self._texts is None and self.payload is not None:
            text, values = self.payload
            self._texts = [values.dumps(value) for value in values.loads(text)]
        return self._texts

    def end(self, n):
        """Return the end of the JSON array of the first *n* messages; of a longer last message the beginning, a line break and
        the size.
        """
        if self._texts is None and n == len(self.values):
            array = self.payload[0]
            if n == 1 and len(array) > LATEST:
                return _begun(array[1:LATEST], len(array) - 2)
            return (self._long_end(array) if len(array) > n * LATEST else None) or array[-LATEST:]
        return _end(self.texts[n - 1])

    def _long_end(self, array):
        """Return the same where long messages hide the end of the array; None where the last message was changed."""
        try:
            text = self.payload[1].dumps(self.values[-1])
        except Exception:
            return None
        return _end(text) if array.endswith(text + b"]") else None

    def weight(self, n):
        """Return the bytes of the first *n* messages."""
        if self._texts is None and n == len(self.values):
            return len(self.payload[0]) - n - 1
        return sum(map(len, self.texts[:n]))

    @property
    def run(self):
        """Number of the call's run, where all messages are of the same run."""
        return self.call.run

    @property
    def runs(self):
        """Numbers of the runs, by message of the call; None where all messages are of the same run."""
        return self.call.runs

    def run_of(self, at):
        """Return the number of the message's run."""
        runs = self.call.runs
        return self.call.run if runs is None else runs[at if self.roots is None else self.roots[at]]

    def key_of(self, at):
        """Return a key unique among the messages of the port, and the same with and without local routes."""
        origin, path = self.origin, []
        while origin is not None:
            path.append((origin.port, origin.node, origin.place(at)))
            origin, at = origin.above, origin.parents[at]
        key = self.call.ids[at] if self.call.ids else str(self.call.first + at)
        return derive(key, reversed(path))

    def text_of(self, at, values):
        """Return the JSON text of a message as received; None for a text that people cannot read."""
        if self.texts is not None:
            return self.texts[at]
        return self.call.text_of(at, values)


def derive(key, path):
    """Return the id of a descendant of the message *key*, as the machine makes it: *path* holds (port, node, number of the
    output).
    """
    from hashlib import sha256

    for port, node, place in path:
        key = sha256(f"{port}/{key}/{node}/{place}".encode()).hexdigest()[:16]
    return key


class Group:
    """Outputs of a slot on a port, in order. A text may hold several values with commas between them."""

    __slots__ = ("buffers", "index", "roots", "tagged", "texts")

    def __init__(self):
        self.texts, self.roots, self.index = [], [], []
        self.buffers = None
        """Buffers of each output; None until an output has some."""
        self.tagged = False

    def add(self, text, root, index, buffers, tagged):
        """Add an output."""
        if buffers and self.buffers is None:
            self.buffers = [()] * len(self.roots)
        self.texts.append(text)
        self.roots.append(root)
        self.index.append(index)
        self.tagged = self.tagged or tagged
        if self.buffers is not None:
            self.buffers.append(buffers)

    def extend(self, joined, roots, index):
        """Add many plain outputs as a single text."""
        self.texts.append(joined)
        self.roots += roots
        self.index += index
        if self.buffers is not None:
            self.buffers += [()] * len(index)


class Given:
    """Outputs given until now by a run over the messages of the inputs, from number `start` on.

    `results` and `texts` have an entry for each finished message; `emits` are (number of the message, port, text, buffers,
    tagged).
    """

    __slots__ = (
        "emits",
        "failure",
        "opened",
        "payload",
        "rare",
        "results",
        "settled",
        "shared",
        "skipped",
        "start",
        "texts",
        "weight",
        "yields",
    )

    def __init__(self, start):
        self.start = start
        self.results, self.texts, self.emits, self.skipped = [], [], [], []
        self.rare = {}
        """(buffers, tagged) by number, for results that JSON cannot express."""
        self.failure = self.yields = self.payload = None
        """`payload`: JSON of all results together, where every message gave a plain value; `texts` is empty then."""
        self.settled = self.weight = 0
        """`settled`: number of results with a final text; `weight`: bytes in `emits`."""
        self.shared = None
        """True if other code referred to some result on return of the function; None if not counted."""
        self.opened = False
        """True if the message behind the results gave an iterator or awaitable: the call's `generator`."""

    def clear(self):
        """Drop the entries, which were taken, and go on with the next message. The lists stay the same objects."""
        self.start += len(self.results)
        for items in (self.results, self.texts, self.emits, self.skipped, self.rare):
            items.clear()
        self.settled, self.weight, self.yields, self.payload, self.shared = 0, 0, None, None, None
