"""Choice of the pending run that is next, and the reason why another waits: pure functions, used by hosts."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from floe_jupyter.errors import nearest


class Pending(msgspec.Struct, frozen=True):
    """A run waiting for a host. `order` is its position among all adopted runs (a time, or a number); smaller is older."""

    ref: str
    flow: str
    order: float
    host_tags: tuple[str, ...] = ()
    """Tags which the host must all have."""
    resource_tags: tuple[str, ...] = ()
    """Resources of which no other active run may hold any."""


def fair_order(pending: Iterable[Pending], active: Mapping[str, int] | None = None) -> list[Pending]:
    """Return runs in the order of their assignment to hosts: flows take turns, the flow with the fewest active runs first; within
    a flow the oldest first. A flow triggered 1,000 times therefore does not keep the others waiting.
    """
    queues: dict[str, list[Pending]] = {}
    for run in sorted(pending, key=lambda run: (run.order, run.ref), reverse=True):
        queues.setdefault(run.flow, []).append(run)
    heap = [((active or {}).get(flow, 0), queue[-1].order, flow) for flow, queue in queues.items()]
    heapq.heapify(heap)
    result = []
    while heap:
        busy, _, flow = heapq.heappop(heap)
        result.append(queues[flow].pop())
        if queues[flow]:
            heapq.heappush(heap, (busy + 1, queues[flow][-1].order, flow))
    return result


def missing_tags(run: Pending, host_tags: Collection[str]) -> tuple[str, ...]:
    """Return the tags which a host lacks for this run, in the order of the flow."""
    return tuple(tag for tag in run.host_tags if tag not in host_tags)


def blocked_by(run: Pending, holders: Mapping[str, str]) -> tuple[str, ...]:
    """Return the refs of the runs holding a resource of this run (``holders``: resource tag -> ref), each once."""
    return tuple(dict.fromkeys(holders[tag] for tag in run.resource_tags if tag in holders))


def next_run(
    pending: Iterable[Pending], host_tags: Collection[str], holders: Mapping[str, str], active: Mapping[str, int] | None = None
) -> Pending | None:
    """Return the run which a free host executes next; None when the host can execute none of the runs."""
    return next(
        (run for run in fair_order(pending, active) if not missing_tags(run, host_tags) and not blocked_by(run, holders)), None
    )


def waits_for(run: Pending, hosts: Mapping[str, Sequence[str]], holders: Mapping[str, str]) -> str:
    """Return the reason why a run is pending, for people. ``hosts``: name -> tags of the serving hosts."""
    if not hosts:
        return "a host: none is serving; start one with `floe host`"
    lacking = {name: missing_tags(run, tags) for name, tags in hosts.items()}
    if all(lacking.values()):
        best = min(sorted(lacking), key=lambda name: len(lacking[name]))
        missing = f"{best} lacks {', '.join(lacking[best])}{_hint(lacking[best], hosts)}"
        return f"a host with the tags {', '.join(run.host_tags)}; {missing}"
    blocking = blocked_by(run, holders)
    return f"the end of {', '.join(blocking)}" if blocking else "its turn"


def _hint(lacking: tuple[str, ...], hosts: Mapping[str, Sequence[str]]) -> str:
    hint = nearest(lacking[0], {tag for tags in hosts.values() for tag in tags})
    return f" ({hint})" if hint.startswith("did") else ""
