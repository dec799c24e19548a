"""Lease of a runner on another machine: a runner that hears nothing of its dispatcher ends itself.

No end of a connection reaches the runner while the network is down, and the dispatcher may have ended meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from floe_jupyter.wire.transport.loop import Loop


class Lease:
    """Lease of *seconds*, renewed by whatever the dispatcher sends; *heard* tells when that was. At its end *over* is called."""

    def __init__(self, loop: Loop, seconds: float, heard: Callable[[], float], over: Callable[[], None]) -> None:
        self._loop, self._seconds, self._heard, self._over = loop, seconds, heard, over
        loop.after(seconds, self._look)

    def _look(self) -> None:
        left = self._heard() + self._seconds - self._loop.now
        if left > 0:
            self._loop.after(left, self._look)
        else:
            self._over()
