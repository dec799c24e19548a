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


ToRunner = Open | Shut | MachineRequest | Ask | Probe | Bye
FromRunner = RunnerHello | Out | Seen | Answer | Logged | Progress
