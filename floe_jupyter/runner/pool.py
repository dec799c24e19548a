"""The runtimes of a runner: which process a module is loaded in, how long idle ones are kept, how soon a crashed one is back.

The nodes of an instance share one process per environment (and lane). Instances get processes of their own up to a limit,
so that one flow's endless loop does not stop another's; what a closed instance leaves behind serves the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.instance import Instance
from floe_jupyter.runner.languages import Interpreter
from floe_jupyter.runner.launch import Launched
from floe_jupyter.runner.loop import Loop, Timer
from floe_jupyter.runner.process import Owner, Runtime
from floe_jupyter.runner.spawn import resident

SHARE_FROM = 4
"""So many processes of one environment before instances share them."""
KEEP_IDLE = 4
"""At most so many idle processes of one environment are kept ..."""
IDLE_LIMIT = 600.0
"""... for so many seconds."""
SPARE_AFTER = 0.05
"""Seconds after a crash until another process is started in reserve."""
BACKOFF = (0.0, 0.05, 0.2, 0.8, 2.0)
"""Seconds before a start, after so many crashes in a row of processes that had not handled a message."""

Placed = Callable[[Runtime | EnvironmentFailed], None]


class Pool:
    """All runtimes, by name."""

    def __init__(self, loop: Loop, owner: Owner) -> None:
        self.runtimes: dict[str, Runtime] = {}
        self.restarts: dict[str, int] = {}
        """By environment: how often a runtime of it ended by itself."""
        self.closed = False
        """No process is started any more."""
        self._crashes: dict[str, int] = {}
        self._users: dict[str, set[str]] = {}
        self._places: dict[tuple[str, str, int], Runtime] = {}
        """By instance, environment and lane."""
        self._loop, self._owner = loop, owner
        self._trim: Timer | None = None

    def place(self, instance: Instance, interpreter: Interpreter, lane: int, placed: Placed, *, apart: bool = False) -> None:
        """Call *placed* with the runtime for an instance's modules of this environment; later, where it crashes too often.

        With *apart* it is a process of its own: what may end it takes nothing else along.
        """
        pause = BACKOFF[min(self._crashes.get(interpreter.key, 0), len(BACKOFF) - 1)]
        if pause and (apart or self._find(instance, interpreter.key, lane) is None):
            self._loop.after(pause, lambda: self._place_now(instance, interpreter, lane, placed, apart))
        else:
            self._place_now(instance, interpreter, lane, placed, apart)

    def _place_now(self, instance: Instance, interpreter: Interpreter, lane: int, placed: Placed, apart: bool) -> None:
        if self.closed:
            return
        try:
            runtime = (None if apart else self._find(instance, interpreter.key, lane)) or self.start(interpreter)
        except OSError as error:
            placed(EnvironmentFailed(f"cannot start {interpreter.program[0]!r}: {error.strerror}; install it again"))
            return
        self._places[instance.name, f"{runtime.name} " * apart + interpreter.key, lane] = runtime
        self._users[runtime.name].add(instance.name)
        placed(runtime)

    def _find(self, instance: Instance, key: str, lane: int) -> Runtime | None:
        """Its own, an idle one, or one to share."""
        own = self._places.get((instance.name, key, lane))
        if own is not None and own.status in ("starting", "ready"):
            return own
        alike = [r for r in self.runtimes.values() if r.key == key and r.status in ("starting", "ready")]
        strange = [r for r in alike if instance.name not in self._users[r.name]]
        idle = [r for r in strange if not self._users[r.name]]
        if idle:
            return max(idle, key=lambda r: (r.status == "ready", r.idle_since))
        if lane or len(alike) < SHARE_FROM or not strange:
            return None
        return min(strange, key=lambda r: len(self._users[r.name]))

    def start(self, interpreter: Interpreter) -> Runtime:
        """Start a process. Raises OSError."""
        return self.adopt(Launched(interpreter))

    def adopt(self, launched: Launched) -> Runtime:
        """Take on a process that was started before."""
        runtime = Runtime(self._loop, self._owner, launched)
        self.runtimes[runtime.name] = runtime
        self._users[runtime.name] = set()
        return runtime

    def leave(self, instance: Instance) -> None:
        """The instance is over: its processes are idle unless others use them."""
        for place in [p for p in self._places if p[0] == instance.name]:
            runtime = self._places.pop(place)
            users = self._users.get(runtime.name)
            if users is not None:
                users.discard(instance.name)
                runtime.idle_since = self._loop.now
        self.trim()

    def trim(self) -> None:
        """End idle processes that are too many or too old, the oldest first."""
        idle = sorted((r for r in self.runtimes.values() if not self._users[r.name]), key=lambda r: -r.idle_since)
        kept: dict[str, int] = {}
        for runtime in idle:
            kept[runtime.key] = kept.get(runtime.key, 0) + 1
            if kept[runtime.key] > KEEP_IDLE or self._loop.now - runtime.idle_since > IDLE_LIMIT:
                runtime.end()
        if kept and self._trim is None:
            self._trim = self._loop.after(IDLE_LIMIT / 2, self._trim_again)

    def _trim_again(self) -> None:
        self._trim = None
        self.trim()

    def lost(self, runtime: Runtime, cause: str) -> None:
        """Its process is gone; with *cause*, by itself."""
        self.runtimes.pop(runtime.name, None)
        self._users.pop(runtime.name, None)
        for place in [p for p, r in self._places.items() if r is runtime]:
            del self._places[place]
        if cause:
            self.restarts[runtime.key] = self.restarts.get(runtime.key, 0) + 1
            self._crashes[runtime.key] = 0 if runtime.useful else self._crashes.get(runtime.key, 0) + 1
            if runtime.useful:
                self._loop.after(SPARE_AFTER, lambda: self._spare(runtime.interpreter))

    def _spare(self, interpreter: Interpreter) -> None:
        """One process in reserve where one has crashed: the next crash costs no start."""
        if self.closed or any(r.key == interpreter.key and not self._users[r.name] for r in self.runtimes.values()):
            return
        try:
            self.start(interpreter)
        except OSError:
            return  # whoever needs it will be told

    def close(self, *, at_once: bool) -> None:
        """End all processes, and start none any more: not even for those that are lost by this."""
        self.closed = True
        for runtime in list(self.runtimes.values()):
            if at_once:
                runtime.kill("the runner ends", patience=0)
            else:
                runtime.end()

    def worked(self, runtime: Runtime) -> None:
        """It has handled a message: whatever crashed before is forgiven."""
        runtime.useful = True
        self._crashes.pop(runtime.key, None)

    def describe(self) -> list[dict[str, Any]]:
        """For `listRuntimes`."""
        return [{"id": r.name, "lang": r.interpreter.lang, "environment": r.interpreter.environment, "pid": r.pid,
                 "status": "idle" if r.status == "ready" and not self._users[r.name] else r.status, "version": r.version,
                 "nodes": sorted({f"{s.instance.name}/{s.node}" for s in r.slots.values()}),
                 "restarts": self.restarts.get(r.key, 0), "memory": resident(r.pid), "bad_frames": r.bad_frames}
                for r in self.runtimes.values()]
