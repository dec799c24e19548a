"""Runtimes of a runner: the process for each module, the keeping of idle processes, and the restart of crashed processes.

The nodes of an instance share a process per environment (and worker). Instances get separate processes up to a limit, to keep an
endless loop in a flow from stopping other flows; the processes of a closed instance serve the next instance.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.runtimes.languages import Interpreter
from floe_jupyter.runner.runtimes.launch import Launched
from floe_jupyter.runner.runtimes.process import ProcessRuntime
from floe_jupyter.runner.runtimes.remote import RemoteRuntime
from floe_jupyter.runner.runtimes.remote_interpreter import RemoteInterpreter
from floe_jupyter.runner.runtimes.runtime import Runtime, RuntimeOwner
from floe_jupyter.runner.runtimes.spawn import no_descriptor, resident
from floe_jupyter.wire import descriptors
from floe_jupyter.wire.languages import declared
from floe_jupyter.wire.transport.loop import Loop, Timer

SHARE_FROM = 4
"""Number of processes of one environment at which instances begin to share processes."""
KEEP_IDLE = 4
"""Maximum number of idle processes kept per environment."""
IDLE_LIMIT = 600.0
"""Maximum number of seconds that an idle process is kept."""
SPREAD_OVER = max(4, os.cpu_count() or 1)
"""Maximum number of processes of an environment over which blocking nodes of an instance are spread."""
SPARE_AFTER = 0.05
"""Seconds after a crash until another process is started in reserve."""
BACKOFF = (0.0, 0.05, 0.2, 0.8, 2.0)
"""Seconds before a start, by the number of crashes in a row of processes without a handled message."""

Placed = Callable[[Runtime | EnvironmentFailed], None]
AnyInterpreter = Interpreter | RemoteInterpreter


class RuntimeUser(Protocol):
    """User of runtimes: an instance, or the machine of another runner. `name` is unique."""

    name: str


def _cannot_start(interpreter: AnyInterpreter, error: OSError) -> EnvironmentFailed:
    assert isinstance(interpreter, Interpreter)  # no process is started here for another
    if error.errno in descriptors.FULL:
        return EnvironmentFailed(no_descriptor(f"{interpreter.program[0]!r}"))
    folder = interpreter.context.folder
    if folder and not os.path.isdir(folder):
        return EnvironmentFailed(
            f"modules run in the folder {folder}, which is not there any more: `%cd` to one that is, and run it again"
        )
    return EnvironmentFailed(f"cannot start {interpreter.program[0]!r}: {error.strerror}; install it again")


class Pool:
    """All runtimes, by name."""

    def __init__(self, loop: Loop, owner: RuntimeOwner, start_remote: Callable[[RemoteInterpreter], Runtime]) -> None:
        self.runtimes: dict[str, Runtime] = {}
        self.restarts: dict[str, int] = {}
        """Number of runtimes ended by themselves, by environment."""
        self.closed = False
        """True if no process is started any more."""
        self._crashes: dict[str, int] = {}
        self._users: dict[str, set[str]] = {}
        self._places: dict[tuple[str, str, int], Runtime] = {}
        """Runtimes by instance, environment and worker."""
        self._loop, self._owner, self._start_remote = loop, owner, start_remote
        self._trim: Timer | None = None

    def place(
        self,
        instance: RuntimeUser,
        interpreter: AnyInterpreter,
        worker: int,
        placed: Placed,
        *,
        apart: bool = False,
        elsewhere: bool = False,
    ) -> None:
        """Call *placed* with the runtime for an instance's modules of an environment; later, if the environment crashes too
        often.

        With *apart* the runtime is a process of its own, to keep a crash from ending other modules. With *elsewhere* the runtime
        is the least busy of the processes over which the instance's nodes are spread.
        """

        def find() -> Runtime | None:
            if apart:
                return None
            return self._least(instance, interpreter.key) if elsewhere else self._find(instance, interpreter.key, worker)

        pause = BACKOFF[min(self._crashes.get(interpreter.key, 0), len(BACKOFF) - 1)]
        own = apart or elsewhere
        if pause and find() is None:
            self._loop.after(pause, lambda: self._place_now(instance, interpreter, worker, placed, find, own))
        else:
            self._place_now(instance, interpreter, worker, placed, find, own)

    def _place_now(
        self,
        instance: RuntimeUser,
        interpreter: AnyInterpreter,
        worker: int,
        placed: Placed,
        find: Callable[[], Runtime | None],
        own: bool,
    ) -> None:
        if self.closed:
            return
        try:
            runtime = find() or self.start(interpreter)
        except OSError as error:
            placed(_cannot_start(interpreter, error))
            return
        self._places[instance.name, f"{runtime.name} " * own + interpreter.key, worker] = runtime
        self._users[runtime.name].add(instance.name)
        placed(runtime)

    def _find(self, instance: RuntimeUser, key: str, worker: int) -> Runtime | None:
        """Return the instance's own process, an idle process, or a process to share; None for a new process."""
        own = self._places.get((instance.name, key, worker))
        if own is not None and own.status in ("starting", "ready"):
            return own
        alike = [r for r in self.runtimes.values() if r.key == key and r.status in ("starting", "ready") and not r.loads.stuck]
        strange = [r for r in alike if instance.name not in self._users[r.name]]
        idle = [r for r in strange if not self._users[r.name]]
        if idle:
            return max(idle, key=lambda r: (r.status == "ready", r.idle_since))
        if worker or len(alike) < SHARE_FROM or not strange:
            return None
        return min(strange, key=lambda r: len(self._users[r.name]))

    def _least(self, instance: RuntimeUser, key: str) -> Runtime | None:
        """Return an idle process; None for a new process; if the instance has enough processes, the process with the fewest
        nodes.
        """
        alike = [r for r in self.runtimes.values() if r.key == key and r.status in ("starting", "ready") and not r.loads.stuck]
        idle = [r for r in alike if not self._users[r.name]]
        if idle:
            return max(idle, key=lambda r: (r.status == "ready", r.idle_since))
        own = [r for r in alike if instance.name in self._users[r.name]]
        return min(own, key=lambda r: len(r.slots)) if len(own) >= SPREAD_OVER else None

    def start(self, interpreter: AnyInterpreter) -> Runtime:
        """Start a process, here or in an outpost, and return the runtime. Raises OSError."""
        if isinstance(interpreter, RemoteInterpreter):
            return self._keep(self._start_remote(interpreter))
        return self.adopt(Launched(interpreter))

    def adopt(self, launched: Launched) -> Runtime:
        """Return a runtime for a process started before."""
        return self._keep(ProcessRuntime(self._loop, self._owner, launched))

    def _keep(self, runtime: Runtime) -> Runtime:
        self.runtimes[runtime.name] = runtime
        self._users[runtime.name] = set()
        return runtime

    def leave(self, instance: RuntimeUser) -> None:
        """Release the processes of a closed instance: processes without other instances become idle."""
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
        """Forget a runtime whose process is gone; with *cause*, the process ended by itself."""
        self.runtimes.pop(runtime.name, None)
        self._users.pop(runtime.name, None)
        for place in [p for p, r in self._places.items() if r is runtime]:
            del self._places[place]
        if cause:
            self.restarts[runtime.key] = self.restarts.get(runtime.key, 0) + 1
            self._crashes[runtime.key] = 0 if runtime.useful else self._crashes.get(runtime.key, 0) + 1
            if runtime.useful:
                self._loop.after(SPARE_AFTER, lambda: self._spare(runtime.interpreter))

    def _spare(self, interpreter: AnyInterpreter) -> None:
        """Start a process in reserve after a crash, to save the next crash a start."""
        if self.closed or any(r.key == interpreter.key and not self._users[r.name] for r in self.runtimes.values()):
            return
        try:
            self.start(interpreter)
        except OSError:
            return  # reported to the next module that needs a process

    def close(self, *, at_once: bool) -> None:
        """End all processes, and start no more, not even for modules of the ended processes."""
        self.closed = True
        for runtime in list(self.runtimes.values()):
            if at_once:
                runtime.kill("the runner ends", patience=0)
            else:
                runtime.end()

    def worked(self, runtime: Runtime) -> None:
        """Note the first message handled by a runtime: earlier crashes of the environment no longer count."""
        runtime.useful = True
        self._crashes.pop(runtime.key, None)

    def _status(self, runtime: Runtime) -> str:
        if runtime.loads.at_work() is not None:
            return "loading"
        return "idle" if runtime.status == "ready" and not self._users[runtime.name] else runtime.status

    def describe(self) -> list[dict[str, Any]]:
        """Return the reply of `listRuntimes`."""
        return [
            {
                "id": r.name,
                "name": declared(r.interpreter.lang).title,
                "lang": r.interpreter.lang,
                "environment": r.interpreter.environment,
                "pid": r.pid,
                "status": self._status(r),
                "version": r.version,
                **r.loads.describe(),
                "nodes": sorted({f"{s.instance.name}/{s.node}" for s in r.slots.values()}),
                "restarts": self.restarts.get(r.key, 0),
                "memory": resident(r.pid),
                "bad_frames": r.bad_frames,
                **self._channel(r),
            }
            for r in self.runtimes.values()
        ]

    def _channel(self, runtime: Runtime) -> dict[str, Any]:
        """Return the channel of a runtime in an outpost, or here for the machine of another runner."""
        if isinstance(runtime, RemoteRuntime):
            return {"channel": runtime.remote, "outpost": runtime.outpost, "memory": 0}
        hosted = isinstance(runtime, ProcessRuntime) and runtime.tap is not None
        return {"channel": next(iter(self._users[runtime.name]), "")} if hosted else {}
