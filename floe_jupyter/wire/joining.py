"""Messages between a dispatcher and the process on another machine that joined it (``floe runner --connect``).

Each message tells the whole state of its sender and is repeated: none needs to arrive, and a new connection needs no greeting.
The runners started by the joined process speak for themselves, over connections of their own with the same key
(`wire.runner_messages`). Every message begins with a frame that says whose it is: `JOINED`, or the number of a runner's launch.
"""

from __future__ import annotations

import msgspec

EVERY = 1.0
"""Seconds between two messages of either end."""
LEASE = 40.0
"""Seconds for which runners are kept while the connection is gone."""
JOINED = 0
"""Number of the joined process itself."""
LIMIT = 64 * 1024
"""Maximum bytes of one message."""


def frame_of(number: int) -> bytes:
    """Return the first frame of the messages of a launch."""
    return number.to_bytes(8, "big")


class EndedLaunch(msgspec.Struct, frozen=True):
    """A runner that has ended."""

    number: int
    how: str
    tail: str = ""
    """Last lines printed by the runner."""


class WantedLaunch(msgspec.Struct, frozen=True):
    """A runner that shall run. Its number is never used again, by whichever dispatcher."""

    number: int
    url: str


class JoinedState(msgspec.Struct, frozen=True, tag=True):
    """State of the joined process."""

    life: int
    """Random number of the process."""
    version: str
    protocol: int
    host: str
    lease: float
    ended: tuple[EndedLaunch, ...] = ()
    """Runners that have ended and are still wanted."""
    leaves: bool = False
    """True for the last message: the process ends, with all its runners."""


class JoinedOrders(msgspec.Struct, frozen=True, tag=True):
    """State wanted by the dispatcher: all other runners shall end."""

    name: str
    """Name of the process's key."""
    launches: tuple[WantedLaunch, ...] = ()
    refused: str = ""
    """Reason why the process cannot be used, with the cure; empty if it can."""
