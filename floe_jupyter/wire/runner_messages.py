"""Messages between a dispatcher and a runner, over ZeroMQ.

Each message is one of the structs below as MessagePack (tagged by its name), inside the numbered envelopes of
`floe_jupyter.wire.transport.reliable`, which resend lost messages: ZeroMQ alone loses messages whenever a connection breaks. An
*instance* is one machine, with a name unique in the dispatcher.
"""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import Command, Event, View
from floe_jupyter.wire.process_context import INHERITED, ProcessContext


class Open(msgspec.Struct, frozen=True, tag=True):
    """Order to make a machine for this flow and start the machine."""

    instance: str
    flow: Flow
    modules: tuple[Module, ...]
    prefix: str
    """Text before the run's number in ``ctx.run``."""
    debug: bool = False
    hold_errors: bool = False
    states: dict[str, dict[str, Any]] = {}
    """First states of nodes, if different from their modules' (a fork)."""
    timeout: float = 0.0
    """Maximum seconds of one run; 0 for no limit."""
    context: ProcessContext = INHERITED
    """Process context of the modules."""


class Shut(msgspec.Struct, frozen=True, tag=True):
    """Order to stop and forget a machine."""

    instance: str


class MachineRequest(msgspec.Struct, frozen=True, tag=True):
    """Event of `core.machine.events` for a machine; a `Reply` or `Accepted` comes back as `Out` with the same token."""

    instance: str
    event: Event


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Question to a runner, answered by `Answer` with the same token: ``view``, ``held``, ``breaks``, ``history``, ``dead``,
    ``states`` of an instance, or a call of the Runner API (``listRuntimes`` ...) with `instance` empty.
    """

    token: int
    call: str
    args: dict[str, Any] = {}
    instance: str = ""


class Probe(msgspec.Struct, frozen=True, tag=True):
    """Empty message, only to be acknowledged: an acknowledging runner is alive."""


class Bye(msgspec.Struct, frozen=True, tag=True):
    """Order to end: stop all machines and runtimes, then the process."""


PROTOCOL = 1
"""Number of this protocol; raised by every change of a message that an older end would misunderstand."""


class RunnerHello(msgspec.Struct, frozen=True, tag=True):
    """First message of a runner."""

    url: str
    pid: int
    """Id of the process, on the runner's machine: for users alone, never for removing or signalling."""
    version: str = ""
    protocol: int = 0
    epoch: int = 0
    """Number of the launch, as given to the runner by its dispatcher."""
    host: str = ""
    platform: str = ""
    """Python and machine that compiled packages are made for: ``cpython-311-linux-x86_64``."""
    memory: str = ""
    """Identity of the runner's shared memory: `wire.shared_memory.identity`."""


class Out(msgspec.Struct, frozen=True, tag=True):
    """Commands of a machine that the runner does not carry out itself: Result, Ended, Accepted, Reply, Notice; in order."""

    instance: str
    commands: tuple[Command, ...]


class Seen(msgspec.Struct, frozen=True, tag=True):
    """Snapshot, at most 20 a second, only after a change."""

    instance: str
    view: View
    ends: dict[str, bytes] | None = None
    """End of the newest batch of each wire, with the last snapshot of an ended run; see `core.machine.latest`."""
    hits: dict[str, int] | None = None
    """Number of hits of each breakpoint, with the last snapshot of an ended run."""


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Answer to an `Ask`: value or error."""

    token: int
    value: Any = None
    error: tuple[str, str] | None = None


class Logged(msgspec.Struct, frozen=True, tag=True):
    """Lines that a node printed; bounded by the runner: `cut` counts the bytes left out in front."""

    instance: str
    node: str
    stream: str
    text: str
    cut: int = 0


class Progress(msgspec.Struct, frozen=True, tag=True):
    """Progress of work that takes more than a second: resolving dependencies, building. `done` ends the report."""

    instance: str
    what: str
    text: str
    done: bool = False


# --- runtimes in outposts --------------------------------------------------------------------------------------------------
# A *channel* is one runtime in an outpost, by a name that its home runner gives. The dispatcher passes these messages on
# between the two runners, without looking into the frames.


class StartRuntime(msgspec.Struct, frozen=True, tag=True):
    """Order of a home runner to start a runtime in an outpost; answered by `RuntimeReady` or `RuntimeEnded`."""

    channel: str
    runner: str
    """URL of the outpost."""
    module: Module
    """Module whose language and dependencies name the environment, which is made if missing."""
    context: ProcessContext = INHERITED
    memory: str = ""
    """Identity of the home's shared memory (`wire.shared_memory.identity`): with another, all buffers travel in the frames."""


class RuntimeReady(msgspec.Struct, frozen=True, tag=True):
    """Hello of a runtime in an outpost."""

    channel: str
    pid: int
    version: str
    fidelity: dict[str, str] = {}
    same_memory: bool = True
    """False if the runtime cannot read the home's segments: all buffers have to be in the frames."""


class RuntimeInput(msgspec.Struct, frozen=True, tag=True):
    """Bytes for the pipe of a runtime: part of a stream of frames, of at most `CHANNEL_WINDOW` bytes ahead of `InputTaken`."""

    channel: str
    data: bytes


class RuntimeOutput(msgspec.Struct, frozen=True, tag=True):
    """Bytes from the pipe of a runtime: part of a stream of frames, at most `CHANNEL_WINDOW` bytes ahead of `OutputTaken`."""

    channel: str
    data: bytes


class InputTaken(msgspec.Struct, frozen=True, tag=True):
    """Credit for a home runner: the pipe has taken *n* further bytes of the input."""

    channel: str
    n: int


class OutputTaken(msgspec.Struct, frozen=True, tag=True):
    """Credit for an outpost: the home runner has taken *n* further bytes of the output."""

    channel: str
    n: int


class RuntimePrinted(msgspec.Struct, frozen=True, tag=True):
    """Output printed by the process of a runtime past its modules; `cut` counts the bytes left out in front."""

    channel: str
    stream: str
    text: str
    cut: int = 0


class EndRuntime(msgspec.Struct, frozen=True, tag=True):
    """Order to let a runtime end that is not needed any more; nothing comes back."""

    channel: str


class KillRuntime(msgspec.Struct, frozen=True, tag=True):
    """Order to end the process of a runtime, for a reason that people read; answered by `RuntimeEnded`."""

    channel: str
    cause: str
    at_once: bool = False
    """True to leave the process no time to end by itself."""


class RuntimeEnded(msgspec.Struct, frozen=True, tag=True):
    """End of a runtime: nothing follows on the channel."""

    channel: str
    cause: str
    outside: bool = False
    """True if the process was ended by a signal that usually comes neither from a runner nor from the process itself."""
    refused: bool = False
    """True if the runtime cannot be started at all: `cause` says why, with the cure."""


CHANNEL_WINDOW = 4 * 1024 * 1024
"""Maximum bytes on their way in one direction of a channel: the bound of what the dispatcher keeps for it."""
TO_HOME = (RuntimeReady, RuntimeOutput, InputTaken, RuntimePrinted, RuntimeEnded)
"""Messages of an outpost about a runtime."""
TO_OUTPOST = (StartRuntime, RuntimeInput, OutputTaken, EndRuntime, KillRuntime)
"""Messages of a home runner about a runtime in an outpost."""
AboutRuntime = RuntimeReady | RuntimeOutput | InputTaken | RuntimePrinted | RuntimeEnded
ForRuntime = StartRuntime | RuntimeInput | OutputTaken | EndRuntime | KillRuntime
ToRunner = Open | Shut | MachineRequest | Ask | Probe | Bye | AboutRuntime | ForRuntime
FromRunner = RunnerHello | Out | Seen | Answer | Logged | Progress | AboutRuntime | ForRuntime
