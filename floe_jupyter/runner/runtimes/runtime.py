"""Runtime as the runner uses it, wherever its process is: slots, loads and calls, and the frames about them."""

from __future__ import annotations

from itertools import islice
from typing import Protocol

from floe_jupyter.core.machine.events import Call
from floe_jupyter.errors import ProtocolError
from floe_jupyter.runner.runtimes.languages import Interpreter
from floe_jupyter.runner.runtimes.loads import Loads
from floe_jupyter.runner.runtimes.remote_interpreter import RemoteInterpreter
from floe_jupyter.runner.runtimes.slots import CallKey, FrameReader, FrameWriter, Slot
from floe_jupyter.runner.runtimes.translate import call_pieces, frame_pieces
from floe_jupyter.wire.runtime.frames import BadFrame, FromRuntime, Head, HelloFrame
from floe_jupyter.wire.runtime.packing import Unpacker
from floe_jupyter.wire.transport.loop import Loop

FORMER_SLOTS = 1_000
"""Maximum number of removed slots whose names are remembered."""
KILL_AFTER = 0.2
"""Seconds between SIGTERM and SIGKILL for a process to be ended."""


class RuntimeOwner(Protocol):
    """Interface of the owner of runtimes: handlers of frames, output and end."""

    def frame(self, runtime: Runtime, head: Head, parts: list[bytes]) -> None:
        """Handle a frame."""

    def printed(self, runtime: Runtime, stream: str, text: str, cut: int) -> None:
        """Handle process output."""

    def ready(self, runtime: Runtime) -> None:
        """Handle the hello of a runtime."""

    def lost(self, runtime: Runtime, cause: str) -> None:
        """Handle the end of a runtime: the process is gone, and all last frames have been handled."""


class Runtime:
    """Runtime of a language and environment. `send` may be used at once; frames wait until the process is ready.

    Subclasses have the process: a child of the runner, or one in an outpost.
    """

    writer: FrameWriter
    reader: FrameReader
    pid = 0
    """Process id; 0 before it is known."""
    killed_by_others = False
    """True if the process was ended by a signal that usually comes neither from the runner nor from its own code."""
    refusal = ""
    """Reason why the runtime cannot be started at all, with the cure."""
    remote = ""
    """Name of the channel to a runtime in an outpost; empty for a child of the runner."""

    def __init__(self, loop: Loop, owner: RuntimeOwner, name: str, interpreter: Interpreter | RemoteInterpreter) -> None:
        self.name, self.interpreter = name, interpreter
        self.status = "starting"
        """``starting``, ``ready``, ``ending``, or ``gone`` (descendants of the process may not have ended yet)."""
        self.version = ""
        self.fidelity: dict[str, str] = {}
        self.slots: dict[int, Slot] = {}
        self.used = 0
        """Number of loaded and not forgotten slots."""
        self.loads = Loads(loop, self)
        self.calls: dict[int, CallKey] = {}
        self.answers = 0
        """Number of reports about the progress of calls."""
        self.busy: object | None = None
        """Watch for a call blocking the runtime for long."""
        self.useful = False
        """True if the runtime has handled a message: a crash from then on is no failure to start."""
        self.bad_frames = 0
        self.idle_since = loop.now
        self.former: dict[int, tuple[str, str]] = {}
        """Instance and node of removed slots, whose last output may still be on the way."""
        self._loop, self._owner = loop, owner
        self._cause = ""
        self._deaf = False
        """True after a frame that could not be handled: a later one must not be handled in its place."""
        self._unpacker = Unpacker(FromRuntime)
        self._gone: list[Slot] = []
        """Unloaded slots whose frames may still be on the way."""

    @property
    def key(self) -> str:
        """Key of language, environment, context and runner."""
        return self.interpreter.key

    def end(self) -> None:
        """Let the process finish, not needed any more."""
        raise NotImplementedError

    def kill(self, cause: str, patience: float = KILL_AFTER) -> None:
        """End the process and its descendants: SIGTERM, and SIGKILL after *patience* seconds (0: at once). `lost` follows."""
        raise NotImplementedError

    def hold(self, *, paused: bool) -> None:
        """Pause or resume taking frames from the process, which holds the process back."""
        raise NotImplementedError

    def forget(self, slot: Slot) -> None:
        """Mark a slot as unloaded; the slot is kept while its frames may be on the way."""
        self.used -= slot.loaded and not slot.forgotten
        slot.forgotten = True
        if not slot.loading:  # else the answer is still to come
            self._gone.append(slot)
            if not self.calls:
                self.clean()

    def clean(self) -> None:
        """Drop forgotten slots when no call is under way."""
        if not self._gone:
            return
        gone, self._gone = self._gone, []
        for slot in gone:
            if self.slots.pop(slot.number, None) is not None:
                self.former[slot.number] = (slot.instance.name, slot.node)
        for number in list(islice(self.former, max(0, len(self.former) - FORMER_SLOTS))):
            del self.former[number]

    def send(self, head: Head, parts: list[bytes] | None = None) -> None:
        """Queue a frame; the frame is written before the loop waits again. Raises ProtocolError for too large a frame."""
        self.writer.send(frame_pieces(head, parts))

    def call_pieces(self, command: Call, call: int, slot: int) -> list[bytes]:
        """Return the `call` frame of a command, in pieces. Raises ProtocolError for too large a frame."""
        return call_pieces(command, call, slot)

    def _feed(self, data: bytes) -> None:
        if self._deaf:
            return
        unpacker = self._unpacker
        try:
            frames = unpacker.feed(data)
        except ProtocolError as error:
            self._refuse(f"spoke nonsense: {error}")
            return
        if unpacker.refusals != self.bad_frames:
            self.bad_frames = unpacker.refusals
            # The content of the frame is lost and would be waited for forever: start again from the known state.
            self._refuse(f"sent a frame that breaks the protocol: {unpacker.refused[-1]}")
            return
        for head, parts in frames:
            if not self._deaf:
                self._take(head, parts)

    def _take(self, head: Head, parts: list[bytes]) -> None:
        try:
            if type(head) is HelloFrame:
                self._hello(head)
            elif type(head) is BadFrame:
                self.kill(f"refused a frame: {head.reason}", patience=0)
            else:
                self._owner.frame(self, head, parts)
        except ProtocolError as error:
            self._unpacker.refuse(str(error))
            self.bad_frames = self._unpacker.refusals
            self._refuse(f"sent a frame that breaks the protocol: {error}")

    def _refuse(self, cause: str) -> None:
        self._deaf = True
        self.kill(cause, patience=0)

    def _hello(self, head: HelloFrame) -> None:
        """Take the first frame of a process."""
        raise NotImplementedError

    def _is_ready(self, version: str, fidelity: dict[str, str]) -> None:
        self.status, self.version, self.fidelity = "ready", version, fidelity
        self.loads.look()
        self._owner.ready(self)
