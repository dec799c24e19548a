"""Calls: messages handed to a slot by the runner, and the progress made."""

from floe_runtime.inputs import Inputs
from floe_runtime.texts import Unreadable
from floe_runtime.values import ValueRefused

WINDOW = 512
"""Maximum outputs of a message before `more` must come."""


class Call:
    """State of a call; see the `call` frame. Messages are read when due."""

    def __init__(self, slot, frame, parts):
        batch = frame["batch"]
        self.slot, self.number, self.port = slot, frame["call"], frame["port"]
        self.skip, self.first, self.state = frame.get("skip", 0), frame.get("first", 0), frame.get("state")
        self.n, self.run, self.runs, self.ids = batch["n"], batch.get("run", 0), batch.get("runs"), batch.get("ids")
        self.at = 0
        """Number of messages consumed."""
        self.emitted = self.before = 0
        """Outputs of the message under way: given until now, and before the present step."""
        self.given_since = 0
        """Outputs of the message under way since its beginning, or since the last `more`."""
        self.recalled = self.ended = False
        self.generator = None
        self.numbers = {}
        """Number of the last output, by slot and root, behind local routes."""
        self.segments = [b["segment"] for b in batch.get("buffers", ()) if b.get("segment")]
        self.inputs = None
        self._batch, self._parts = batch, parts

    @property
    def waits(self):
        """True if only `more` lets the call go on."""
        return self.given_since >= WINDOW

    @property
    def under_way(self):
        """True if a message was begun and is not through."""
        return self.generator is not None or bool(self.emitted)

    def open(self, values, segments):
        """Read the messages. Raises `ValueRefused` if the payload does not match the head."""
        try:
            messages = values.loads(self._parts[0])
        except (ValueError, RecursionError) as error:
            raise ValueRefused(f"is no JSON: {error.args[0] if error.args else error}") from None
        if type(messages) is not list or len(messages) != self.n:
            raise ValueRefused(f"is no JSON array of {self.n} messages")
        if self._batch.get("tagged"):
            self._untag(messages, values, segments)
        self.inputs = Inputs(self, self.port, messages)
        self.inputs.broken = bool(self._batch.get("tagged")) and any(type(message) is Unreadable for message in messages)

    def _untag(self, messages, values, segments):
        inline, buffers = iter(self._parts[1:]), []
        for head in self._batch.get("buffers", ()):
            buffers.append(_buffer(head, inline, segments))
        counts, low = self._batch.get("counts") or [0] * self.n, 0
        for at, message in enumerate(messages):
            views = buffers[low : low + counts[at]]
            low += counts[at]
            broken = next((v for v in views if isinstance(v, Unreadable)), None)
            messages[at] = broken or values.untag(message, views)

    def text_of(self, at, values):
        """Return the JSON text of message *at* as received; None for a tagged message, which people cannot read."""
        if self._batch.get("tagged"):
            return None
        return values.dumps(values.loads(self._parts[0])[at])

    def forget(self):
        """Drop the data: call and inputs refer to each other, and would keep all data until the next garbage collection."""
        self.inputs = self.generator = None
        self._parts = ()


def _buffer(head, inline, segments):
    name = head.get("segment")
    if not name:
        return next(inline)
    try:
        return segments.view(name, head["size"])
    except (OSError, ValueError) as error:
        return Unreadable(ValueRefused(f"is in shared memory that cannot be read ({error}); run it again"))
