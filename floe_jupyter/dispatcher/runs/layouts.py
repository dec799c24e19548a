"""Layouts of flows for pages: computed when a page asks, never for a run that nobody looks at; the newest are kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.picture.positions import PageLayout
from floe_jupyter.wire.transport.loop import Loop

if TYPE_CHECKING:
    from floe_jupyter.core.picture.geometry import Steps

KEPT = 16
"""Maximum number of layouts kept."""
SLICE = 0.005
"""Seconds after which the computation of a layout gives way to other work; one step of a large flow may take longer."""

Done = Callable[[PageLayout], None]


class Look(msgspec.Struct, frozen=True):
    """Choices of a page; see the call `layout`."""

    vertical: bool
    folded: bool
    unfolded: frozenset[str]


class _Entry:
    """Layout of a flow: finished, or under way. Keeps the flow, so that no other flow gets its identity."""

    def __init__(self, flow: Flow, work: Steps[PageLayout]) -> None:
        self.flow, self.work = flow, work
        self.made: PageLayout | None = None
        self.waiting: list[Done] = []


class Layouts:
    """Cache of layouts by version of the flow and choices of the page."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._entries: dict[tuple[int, Look], _Entry] = {}

    def ask(self, flow: Flow, look: Look, done: Done) -> None:
        """Call *done* with the layout: at once if it is kept or small, else when it is computed between other work."""
        key = (id(flow), look)
        entry = self._entries.pop(key, None)
        begun = entry is not None
        if entry is None:
            entry = _Entry(flow, _steps(flow, look))
        self._entries[key] = entry  # the last one used stands last
        if entry.made is not None:
            done(entry.made)
            return
        entry.waiting.append(done)
        if not begun:
            self._work(entry)
        while len(self._entries) > KEPT:
            del self._entries[next(iter(self._entries))]  # one under way goes on, and answers those who wait

    def _work(self, entry: _Entry) -> None:
        until = time.monotonic() + SLICE
        try:
            while time.monotonic() < until:
                next(entry.work)
        except StopIteration as end:
            entry.made = end.value
            for done in entry.waiting:
                done(end.value)
            entry.waiting.clear()
        else:
            self._loop.after(0.0, lambda: self._work(entry))


def _steps(flow: Flow, look: Look) -> Steps[PageLayout]:
    from floe_jupyter.core.picture.page import page_layout_steps  # only a dispatcher that is looked at needs it

    return page_layout_steps(flow, vertical=look.vertical, fold=look.folded, unfolded=look.unfolded)
