"""Detection of a runtime blocked by a long call while other calls wait, for moving the waiting nodes elsewhere."""

from __future__ import annotations

from floe_jupyter.core.machine.events import Blocked
from floe_jupyter.runner.runtimes.slots import SlotRuntime
from floe_jupyter.wire.transport.loop import Loop

BLOCKED = 0.03
"""Seconds without an answer after which a runtime with more than one call counts as blocked."""
LONGEST = 1.0
"""Seconds between two looks at a runtime still blocked."""


class Busy:
    """Watch over one runtime as long as the runtime has more than one call: one timer for all messages."""

    def __init__(self, loop: Loop, runtime: SlotRuntime) -> None:
        self._loop, self._runtime = loop, runtime
        self._answers, self._pause = runtime.answers, BLOCKED
        runtime.busy = self
        loop.after(BLOCKED, self._look)

    def _look(self) -> None:
        runtime = self._runtime
        if len(runtime.calls) < 2 or runtime.status != "ready":
            runtime.busy = None
            return
        if runtime.answers != self._answers or runtime.reader.paused or runtime.loads.at_work() is not None:
            self._answers, self._pause = runtime.answers, BLOCKED
        else:
            self._pause = min(LONGEST, self._pause * 2)
            for instance in {each.name: each for each, _ in runtime.calls.values()}.values():
                instance.handle(Blocked(runtime.name))
        self._loop.after(self._pause, self._look)
