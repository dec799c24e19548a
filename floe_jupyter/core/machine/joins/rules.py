"""The rules for when a join fires: one pure function for every store.

======== ========== ================================ =====================================
kind     state      a message arrives                a pill arrives
======== ========== ================================ =====================================
all      open       ``wait``; the last wire: ``run`` ``fail`` (at once)
any      open       ``run`` (the first one wins)     ``fail``; tolerant: only when all have
any      locked     ``drop``                         ``fail``; tolerant: ``drop``
either   run        ``drop``                         ``drop``
either   failed     ``drop``                         ``drop``
======== ========== ================================ =====================================

A complete `all` join cannot be poisoned any more: its state is ``run`` at once. Wires are counted as a set: a second message of
the same wire is dropped, and neither redelivery nor another order fires a join early or twice.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["message", "pill"]
Verdict = Literal["wait", "run", "fail", "drop"]
State = Literal["open", "locked", "run", "failed"]


class Join(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """State of one join for one run (or one key). Wires are bits of a number."""

    kind: Literal["all", "any"]
    need: int
    """Bits of all wires of the join."""
    tolerate: bool = False
    """True if a pill of a single wire does not end an `any` join."""
    got: int = 0
    """Bits of the wires with an arrived message."""
    pills: int = 0
    """Bits of the wires with an arrived pill."""
    state: State = "open"


def arrive(join: Join, wire: int, kind: Kind) -> tuple[Join, Verdict]:
    """Return the state of a join after *kind* has arrived on *wire* (its bit), and the verdict on the arrival."""
    if kind == "pill":
        return _pill(join, wire)
    if join.state != "open" or join.got & wire or (join.pills and not join.tolerate):
        return join, "drop"
    got = join.got | wire
    if join.kind == "any":
        return Join("any", join.need, join.tolerate, got, join.pills, "locked"), "run"
    if got == join.need:
        return Join("all", got, join.tolerate, got, 0, "run"), "run"
    return Join("all", join.need, join.tolerate, got, join.pills), "wait"


def _pill(join: Join, wire: int) -> tuple[Join, Verdict]:
    if join.state not in {"open", "locked"}:
        return join, "drop"
    pills = join.pills | wire
    if join.kind == "any" and join.tolerate and (join.state == "locked" or pills != join.need):
        return Join("any", join.need, join.tolerate, join.got, pills, join.state), "drop"
    return Join(join.kind, join.need, join.tolerate, join.got, pills, "failed"), "fail"


def consumed(join: Join) -> Join:
    """Return the join once the message which locked an `any` join is being executed: pills come too late."""
    return Join(join.kind, join.need, join.tolerate, join.got, join.pills, "run") if join.state == "locked" else join


class Entry:
    """The mutable state of a join: the decision, and the waiting parts.

    `join` is the decision as `arrive` takes and returns it. `add` decides as `arrive` does for the most frequent kind of arrival,
    without making new values.
    """

    __slots__ = ("fresh", "got", "item", "parts", "pills", "run", "state")

    def __init__(self, fresh: Join, run: int) -> None:
        self.fresh = fresh
        self.got = self.pills = 0
        self.state: State = "open"
        self.run = run
        self.parts: dict[int, object] = {}
        """Parts by the bit of their wire: the JSON text of a plain value, or a batch of one message with tags or buffers."""
        self.item: object = None
        """Message which locked an `any` join, while the message waits."""

    @property
    def join(self) -> Join:
        """The decision as a `Join`."""
        fresh = self.fresh
        return Join(fresh.kind, fresh.need, fresh.tolerate, self.got, self.pills, self.state)

    @join.setter
    def join(self, join: Join) -> None:
        """Take over the decision of *join*."""
        self.got, self.pills, self.state = join.got, join.pills, join.state

    def add(self, wire: int) -> Verdict:
        """Take a message which arrives at an `all` join, and return the verdict."""
        got = self.got
        if got & wire or self.state != "open" or (self.pills and not self.fresh.tolerate):
            return "drop"
        self.got = got = got | wire
        if got == self.fresh.need:
            self.pills, self.state = 0, "run"
            return "run"
        return "wait"

    def run_it(self) -> None:
        """Note the start of the execution of the message."""
        self.join, self.item = consumed(self.join), None

    def narrow(self, fresh: Join) -> None:
        """Keep only the wires of a rewired flow."""
        self.fresh = fresh
        self.got &= fresh.need
        self.pills &= fresh.need
        self.parts = {bit: part for bit, part in self.parts.items() if bit & fresh.need}

    def put_back(self, join: Join, item: object) -> None:
        """Restore the state after the step which executed the message was undone."""
        self.join, self.item = join, item
