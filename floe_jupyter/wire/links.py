"""What a dispatcher and a runner say to each other, over ZeroMQ.

Each message is one of the structs below as MessagePack (tagged by its name), inside the numbered envelopes of
`floe_jupyter.wire.link`, which resend what was lost: ZeroMQ alone loses messages whenever a connection breaks.
An *instance* is one machine: its name is unique in the dispatcher.
"""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.events import Command, Event, View
from floe_jupyter.core.model import Flow, Module


class Open(msgspec.Struct, frozen=True, tag=True):
    """Make a machine for this flow and start it."""

    instance: str
    flow: Flow
    modules: tuple[Module, ...]
    prefix: str
    """``ctx.run`` is this followed by the run's number."""
    debug: bool = False
    hold_errors: bool = False
    states: dict[str, dict[str, Any]] = {}
    """First states of nodes, where they are not their module's (a fork)."""
    timeout: float = 0.0
    """Seconds one run may take; 0 is no limit."""


class Shut(msgspec.Struct, frozen=True, tag=True):
    """Stop the machine and forget it."""

    instance: str


class Wish(msgspec.Struct, frozen=True, tag=True):
    """An event of `floe_jupyter.core.events` for a machine; a `Reply` or `Accepted` comes back as `Out` with the same token."""

    instance: str
    event: Event


class Ask(msgspec.Struct, frozen=True, tag=True):
    """A question to a runner, answered by `Answer` with the same token: ``view``, ``held``, ``breaks``, ``history``,
    ``dead``, ``states`` of an instance, or a call of the Runner API (``listRuntimes`` ...) with `instance` empty.
    """

    token: int
    call: str
    args: dict[str, Any] = {}
    instance: str = ""


class Bye(msgspec.Struct, frozen=True, tag=True):
    """End: stop all machines and runtimes, then the process."""


class RunnerHello(msgspec.Struct, frozen=True, tag=True):
    """The first message of a runner."""

    url: str
    pid: int
    languages: tuple[str, ...] = ()


class Out(msgspec.Struct, frozen=True, tag=True):
    """What a machine orders and a runner does not carry out itself: Result, Ended, Accepted, Reply, Notice; in order."""

    instance: str
    commands: tuple[Command, ...]


class Seen(msgspec.Struct, frozen=True, tag=True):
    """A snapshot, at most 20 a second, only when something changed."""

    instance: str
    view: View


class Answer(msgspec.Struct, frozen=True, tag=True):
    token: int
    value: Any = None
    error: tuple[str, str] | None = None


class Logged(msgspec.Struct, frozen=True, tag=True):
    """Lines that a node printed; bounded by the runner: `cut` counts the bytes left out in front of them."""

    instance: str
    node: str
    stream: str
    text: str
    cut: int = 0


class Progress(msgspec.Struct, frozen=True, tag=True):
    """Something takes more than a second: resolving dependencies, building. `done` ends it."""

    instance: str
    what: str
    text: str
    done: bool = False


ToRunner = Open | Shut | Wish | Ask | Bye
FromRunner = RunnerHello | Out | Seen | Answer | Logged | Progress
