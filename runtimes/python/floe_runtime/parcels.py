"""Parcels of messages inside the runtime, and what functions made of them."""


class Parcel:
    """Messages on their way into a slot: values, their JSON texts, and where they come from.

    `roots[i]` is the number of the i-th value's ancestor in the call (None: it is the i-th itself).
    """

    __slots__ = ("_texts", "broken", "buffers", "call", "payload", "port", "roots", "tagged", "values", "wire")

    def __init__(self, call, port, values):
        self.call, self.port, self.values = call, port, values
        self._texts = self.payload = self.buffers = self.tagged = self.roots = self.wire = None
        self.broken = False
        """Some of them cannot be read."""

    def written(self, texts=None, payload=None):
        """Its JSON: a text for each message, or (`payload`, and what takes it apart) that of all."""
        self._texts, self.payload = texts, payload

    @property
    def texts(self):
        """The JSON text of each message as it came, whatever the function did to it since; None when the call has them."""
        if self._texts is None and self.payload is not None:
            text, values = self.payload
            self._texts = [values.dumps(value) for value in values.loads(text)]
        return self._texts

    def weight(self, n):
        """The bytes of the first *n* messages."""
        if self._texts is None and n == len(self.values):
            return len(self.payload[0]) - n - 1
        return sum(map(len, self.texts[:n]))

    @property
    def run(self):
        return self.call.run

    @property
    def runs(self):
        return self.call.runs

    def run_of(self, at):
        """The number of the run that the message belongs to."""
        runs = self.call.runs
        return self.call.run if runs is None else runs[at if self.roots is None else self.roots[at]]

    def key_of(self, at):
        """What tells this message from all others at its node."""
        root = at if self.roots is None else self.roots[at]
        key = self.call.ids[root] if self.call.ids else str(self.call.first + root)
        return key if self.roots is None else f"{key}.{at - self.roots.index(root)}"

    def text_of(self, at, values):
        """The JSON text of a message as it came; None when it is not for people to read."""
        if self.texts is not None:
            return self.texts[at]
        return self.call.text_of(at, values)


class Group:
    """Outputs of one slot on one port, in order. A text may hold several values with commas between them."""

    __slots__ = ("buffers", "index", "roots", "tagged", "texts")

    def __init__(self):
        self.texts, self.roots, self.index = [], [], []
        self.buffers = None
        """The buffers of each output, once one has some."""
        self.tagged = False

    def add(self, text, root, index, buffers, tagged):
        """One output."""
        if buffers and self.buffers is None:
            self.buffers = [()] * len(self.roots)
        self.texts.append(text)
        self.roots.append(root)
        self.index.append(index)
        self.tagged = self.tagged or tagged
        if self.buffers is not None:
            self.buffers.append(buffers)

    def extend(self, joined, roots, index):
        """Many plain outputs, as one text."""
        self.texts.append(joined)
        self.roots += roots
        self.index += index
        if self.buffers is not None:
            self.buffers += [()] * len(index)


class Given:
    """What a run over the messages of a parcel, from number `start` on, gave so far.

    `results` and `texts` have one entry for each message that is through; `emits` are (which of those, port, text, buffers,
    tagged).
    """

    __slots__ = ("emits", "failure", "payload", "rare", "results", "settled", "shared", "skipped", "start", "texts", "weight",
                 "yields")

    def __init__(self, start):
        self.start = start
        self.results, self.texts, self.emits, self.skipped = [], [], [], []
        self.rare = {}
        """For results that JSON cannot say: (buffers, tagged) by their number."""
        self.failure = self.yields = self.payload = None
        """`payload`: the JSON of all results together, where every message gave one plain value; `texts` is empty then."""
        self.settled = self.weight = 0
        """So many results have a text for sure; the bytes in `emits`."""
        self.shared = None
        """Whether somebody else referred to some result when it was given; None where nobody looked."""

    def clear(self):
        """What it holds was taken; it goes on behind it. The lists stay the same objects."""
        self.start += len(self.results)
        for items in (self.results, self.texts, self.emits, self.skipped, self.rare):
            items.clear()
        self.settled, self.weight, self.yields, self.payload, self.shared = 0, 0, None, None, None
