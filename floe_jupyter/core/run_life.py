"""The life of a run and its name: pure functions, used by every store and host.

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

import re
from collections.abc import Collection, Iterable
from typing import Literal

import msgspec

from floe_jupyter.core.flow.model import NODE_ID
from floe_jupyter.errors import DefinitionError

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
