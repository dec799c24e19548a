"""Hit counts of breakpoints, taken from one instance; ended instances keep their counts."""

from __future__ import annotations

from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import KnownInstance
from floe_jupyter.dispatcher.runs.workspaces import Space


def counting(hub: Hub, place: tuple[Space, str], meant: str) -> KnownInstance | None:
    """Return the instance whose counts are shown: the one named by *meant*, even if ended; else the newest, preferably alive."""
    space, flow = place
    run = hub.history.runs.get(meant)
    named = run.instance if run is not None else hub.instances.get(meant)
    if named is not None and (named.space, named.flow.name) == place:
        return named
    found = hub.alive(*place) or [i for i in hub.instances.values() if i.space is space and i.flow.name == flow]
    return found[-1] if found else None


def forget_hits(hub: Hub, space: Space, flow: str, id_: str) -> None:
    """Drop the counts of a changed or removed breakpoint in instances that have ended."""
    for instance in hub.instances.values():
        if instance.ended and instance.space is space and instance.flow.name == flow:
            instance.hits.pop(id_, None)
