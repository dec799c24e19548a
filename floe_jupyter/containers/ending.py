"""How a container ended, in words, from the engine's events."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from floe_jupyter.core.flow.container_address import ContainerAddress

REPORTED_WITHIN = 2
"""Seconds that the engine gets to report the end of a container that has closed its output."""
_KILLED = 128 + signal.SIGKILL


class ContainerEnd(NamedTuple):
    """End of a container."""

    status: int | None
    """Exit status; None if the engine has not reported any."""
    out_of_memory: bool = False
    killed_by: str = ""
    """Number of the signal that somebody sent through the engine."""


def end_of(client: Any, container: str, since: float) -> ContainerEnd:
    """Return how a container ended; the engine remembers events, so none is missed."""
    found = ContainerEnd(None)
    import docker

    with contextlib.suppress(docker.errors.DockerException, OSError):
        until = int(time.time()) + REPORTED_WITHIN
        events = client.events(since=int(since), until=until, decode=True, filters={"container": container})
        found = _summed(events)
    return found


def _summed(events: Iterable[dict[str, Any]]) -> ContainerEnd:
    end = ContainerEnd(None)
    for event in events:
        attributes = event.get("Actor", {}).get("Attributes", {})
        action = event.get("Action", "")
        if action == "oom":
            end = end._replace(out_of_memory=True)
        elif action == "kill":
            end = end._replace(killed_by=str(attributes.get("signal", "")))
        elif action in ("die", "died"):
            return end._replace(status=int(attributes.get("exitCode") or attributes.get("containerExitCode") or 0))
    return end


def words(end: ContainerEnd, address: ContainerAddress) -> str:
    """Return cause and cure of an end, for users."""
    more = f"give it more with memory= in its URL: docker:{address.image}?memory={2 * address.memory >> 20}m"
    if end.status is None:
        return "its container is gone, and the engine does not say why: see that the engine runs"
    if end.status != _KILLED:
        return f"its container ended with exit status {end.status}"
    if end.out_of_memory:
        return f"was killed by the engine: out of memory ({address.memory_text}); {more}"
    if end.killed_by:
        return "was killed through the engine (docker kill, stop or rm)"
    return f"was killed, perhaps for lack of memory ({address.memory_text}): {more}"
