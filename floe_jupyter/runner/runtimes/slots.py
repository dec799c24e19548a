"""Slot: one version of a node's worker in a runtime; frames name a slot by number.

The interfaces of the slot's instance and runtime stand here too, so that the parts of a runner know each other through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from floe_jupyter.core.machine.events import Call, Event, Failure, Load, Returned
from floe_jupyter.wire.process_context import ProcessContext
from floe_jupyter.wire.runtime.frames import Head


class Death(NamedTuple):
    """End of a process during the load of a module."""

    at: float
    cause: str
    outside: bool
    """True if the process was ended from outside, not by the runner."""


class SlotOwner(Protocol):
    """Interface of an instance at work as needed by runtimes: the name, and handlers of what becomes of slots and calls."""

    name: str
    prefix: str
    context: ProcessContext
    timeout: float
    stopping: bool

    @property
    def over(self) -> bool:
        """True if the instance is stopped and has no call in flight."""

    def handle(self, event: Event) -> None:
        """Handle an event of the instance's machine."""

    def returned(self, call: int, event: Returned) -> None:
        """Handle the answer to a call."""

    def loaded(self, slot: Slot) -> None:
        """Handle the load of a slot."""

    def refused(self, slot: Slot, failure: Failure) -> None:
        """Handle a failed load."""

    def activated(self, slot: Slot, state: dict[str, Any]) -> None:
        """Handle the activation of a slot, with the state of the module."""

    def unloaded_of(self, slot: Slot) -> Callable[[], None]:
        """Return a callback to report an abandoned load or activation as no longer at work."""

    def routed(self, slot: Slot) -> None:
        """Handle the acceptance of a slot's routes."""

    def lost(self, runtime: SlotRuntime, cause: str) -> None:
        """Handle the loss of a runtime."""


CallKey = tuple[SlotOwner, int]
"""Instance of a call, and the number given to the call by the instance's machine."""


class LoadQueue(Protocol):
    """Interface of the unanswered loads of a runtime."""

    unwanted: int

    def add(self, slot: Slot) -> None:
        """Add a load or an activation before the order is sent."""

    def at_work(self) -> Slot | None:
        """Return the slot at work."""

    def look(self) -> None:
        """Restart the timer after a change."""


class FrameWriter(Protocol):
    """Interface of the way to a runtime."""

    def send(self, pieces: Sequence[bytes]) -> None:
        """Queue the pieces of a frame."""


class FrameReader(Protocol):
    """Interface of the way from a runtime."""

    paused: bool
    """True while no frames are taken, to hold the runtime back."""


class SlotRuntime(Protocol):
    """Interface of a runtime as needed by instances and by the watches over loads and calls."""

    name: str
    status: str
    slots: dict[int, Slot]
    calls: dict[int, CallKey]
    answers: int
    used: int
    busy: object | None
    writer: FrameWriter
    reader: FrameReader

    @property
    def loads(self) -> LoadQueue:
        """Loads and activations not yet answered."""

    def forget(self, slot: Slot) -> None:
        """Mark a slot as unloaded."""

    def send(self, head: Head, parts: list[bytes] | None = None) -> None:
        """Queue a frame."""

    def call_pieces(self, command: Call, call: int, slot: int) -> list[bytes]:
        """Return the `call` frame of a command, in pieces."""

    def kill(self, cause: str) -> None:
        """End the process, for a reason that people read."""


class Slot:
    """Version of a node's worker, from the order to load until the unload or the loss of the runtime."""

    __slots__ = (
        "after",
        "alone",
        "begun",
        "deaths",
        "follows",
        "forgotten",
        "fusable",
        "instance",
        "let_go",
        "limit",
        "load",
        "loaded",
        "loading",
        "node",
        "number",
        "runtime",
        "worker",
    )

    def __init__(self, number: int, instance: SlotOwner, load: Load, limit: float) -> None:
        self.number = number
        self.instance = instance
        self.load = load
        self.node = load.node
        self.worker = load.worker
        self.runtime: SlotRuntime | None = None
        """None while the environment is being made or the runtime started."""
        self.loading = False
        """True while the runtime has not answered the order to load or activate the slot."""
        self.loaded = False
        self.fusable = self.follows = False
        self.limit = limit
        """Seconds that the load, and the activation, may take."""
        self.deaths: list[Death] = []
        """Ends of processes during the load of the slot."""
        self.alone = False
        """True if the slot is loaded in a process of its own."""
        self.after = 0
        """Last call sent before the load or activation."""
        self.begun = self.let_go = 0.0
        """`begun`: time of the start of the load or activation (0: not begun); `let_go`: time since when the slot is `forgotten`.
        """
        self.forgotten = False
        """True if the slot is unloaded or its instance is gone: no answer is wanted any more."""

    @property
    def version(self) -> int:
        """Version of the module."""
        return self.load.module.version
