"""The life of a run, its name, and the choice of the next pending run: pure functions, used by every store and host.

The rule is one table::

    pending ──▶ active ◀──▶ held
       │           │          │
       ├───────────┴────┬─────┘
       │                ▼
       │           cancelling
       │                │
       └────────────────┤
                        ▼
            done, failed, cancelled ──▶ archived

*Cancelling*: the end of the run was requested, and parts of the run may still be at work.

An archived run never changes; neither does the status of a finished run.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from floe_jupyter.core.flow.model import NODE_ID
from floe_jupyter.errors import DefinitionError, nearest

Phase = Literal["pending", "active", "held", "cancelling", "done", "failed", "cancelled", "archived"]
OVER: tuple[Phase, ...] = ("done", "failed", "cancelled")
"""Phases in which a run is over, and its record final; so is an archived run, see `is_over`. Pages get a generated copy."""

TRANSITIONS: dict[Phase, tuple[Phase, ...]] = {
    "pending": ("active", "cancelling", *OVER),
    "active": ("held", "cancelling", *OVER),
    "held": ("active", "cancelling", *OVER),
    "cancelling": OVER,
    "done": ("archived",),
    "failed": ("archived",),
    "cancelled": ("archived",),
    "archived": (),
}


def advance(now: Phase, to: Phase, ref: str = "") -> Phase:
    """Return the phase after this transition. Raises DefinitionError for a transition outside the table."""
    if to in TRANSITIONS[now]:
        return to
    run = f"run {ref}" if ref else "the run"
    if now == "archived":
        raise DefinitionError(f"{run} is archived and never changes; start a new run")
    allowed = ", ".join(TRANSITIONS[now])
    raise DefinitionError(f"{run} is {now} and cannot become {to}; it can only become: {allowed}")


def is_over(phase: Phase) -> bool:
    """Return True if no message of the run will be executed any more."""
    return phase in OVER or phase == "archived"


# --- names ---------------------------------------------------------------------------------------------------------------

_HOST = re.compile(r"[a-z0-9_][a-z0-9_-]*\Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}\Z")
_PARTS = {"flow": NODE_ID, "version": _NUMBER, "host": _HOST, "counter": _NUMBER}


class RunRef(msgspec.Struct, frozen=True, order=True):
    """The globally unique name of a run: ``co2.3.local.17`` is the 17th run of version 3 which the host *local* adopted."""

    flow: str
    version: int
    host: str
    counter: int

    def __str__(self) -> str:
        return f"{self.flow}.{self.version}.{self.host}.{self.counter}"


def run_ref(flow: str, version: int, host: str, counter: int) -> RunRef:
    """Return a checked name. Raises DefinitionError."""
    return parse_ref(f"{flow}.{version}.{host}.{counter}")


def parse_ref(text: str) -> RunRef:
    """Return the name parsed from its `str` form. Raises DefinitionError naming the wrong part."""
    parts = text.split(".")
    if len(parts) != 4:
        raise DefinitionError(f"{text[:100]!r} names no run; a run is called flow.version.host.counter, like co2.1.local.1")
    flow, version, host, counter = parts
    for what, part, pattern in zip(_PARTS, parts, _PARTS.values(), strict=True):
        if not pattern.match(part):
            raise DefinitionError(f"{part[:100]!r} in {text[:100]!r} is no {what}; a run is called like co2.1.local.1")
    return RunRef(flow, int(version), host, int(counter))


def newest(versions: Iterable[int]) -> int:
    """Return the largest version, in any order of *versions*; 0 without versions (the flow is not stored yet)."""
    return max(versions, default=0)


def select_version(versions: Collection[int], wanted: int = 0) -> int:
    """Return the wanted version, or the newest (0). Raises DefinitionError naming the existing versions.

    A flow never stored has no versions: its first run takes version 1.
    """
    if not wanted:
        return newest(versions) or 1
    if wanted in versions or (wanted == 1 and not versions):
        return wanted
    known = ", ".join(map(str, sorted(versions, reverse=True)[:12])) or "none"
    raise DefinitionError(f"no version {wanted}; stored versions: {known}")


# --- which run is next ---------------------------------------------------------------------------------------------------


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
