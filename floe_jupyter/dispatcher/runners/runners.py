"""All runners of the dispatcher: started, assigned to workspaces, and replaced after their end.

Every launch gets a socket at a secret path, in a directory accessible only to the user: a runner is identified by the socket to
which it connects, never by its messages.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import zmq

from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.runners import spare_descriptor
from floe_jupyter.dispatcher.runners.connections import OwnSocket
from floe_jupyter.dispatcher.runners.launchers.local import endpoint_in
from floe_jupyter.dispatcher.runners.launchers.model import LaunchedRunner, Launcher, LaunchOrder
from floe_jupyter.dispatcher.runners.launchers.registry import launcher_of
from floe_jupyter.dispatcher.runners.proxy import RunnerProxy
from floe_jupyter.dispatcher.runners.relay import Relay
from floe_jupyter.errors import EnvironmentFailed, FloeError, unknown
from floe_jupyter.wire import descriptors, shared_memory
from floe_jupyter.wire.process_context import INHERITED, ProcessContext
from floe_jupyter.wire.runner_messages import Bye
from floe_jupyter.wire.transport.loop import Loop
from floe_jupyter.wire.transport.streams import Listener, listen

QUICK = 2.0
"""Seconds after the start within which the end of a runner counts as a failed start."""
TRIES = 3
"""Maximum number of failed starts in a row."""
NEEDED = 10
"""Number of descriptors taken by the start of a runner, some of them only for a moment."""
STARTED_AHEAD = 1
"""Number of the launch of the runner that is started before the rest of the dispatcher."""
END_WITHIN = 3.0
"""Seconds that a runner gets to end when no longer needed."""
Started = tuple[LaunchOrder, Listener | None, LaunchedRunner]
"""A runner started ahead, with the stream listener at its endpoint."""


class Runners:
    """All runners, each started when first needed and again after its death."""

    def __init__(
        self,
        loop: Loop,
        context: zmq.Context[Any],
        directory: str,
        launchers: dict[str, Launcher],
        received: Callable[[RunnerProxy, Any], None],
        lost: Callable[[RunnerProxy, str], None],
        silence: Callable[[RunnerProxy], None],
    ) -> None:
        self._loop, self._context, self._directory, self._launchers = loop, context, directory, launchers
        self.received, self._lost, self._silence = received, lost, silence
        self._runners: dict[tuple[str, str], RunnerProxy] = {}
        """Runners in use, by URL and workspace."""
        self._others: list[RunnerProxy] = []
        """Runners not assigned yet, and runners told to end."""
        self._failures: dict[tuple[str, str], tuple[int, str]] = {}
        self._contexts: dict[str, ProcessContext] = {}
        """Context in which the modules of a workspace run on this machine, as given last."""
        shared_memory.identity()  # a hello is compared with it, even when no descriptor is left to find out
        self._epochs = count(STARTED_AHEAD + 1)
        self.relay = Relay(self._outpost)
        """Channels between home runners and outposts."""
        loop.every_turn(self._due)

    def __iter__(self) -> Iterator[RunnerProxy]:
        return iter([*self._runners.values(), *self._others])

    def adopt(self, order: LaunchOrder, listener: Listener | None, process: LaunchedRunner) -> RunnerProxy:
        """Add a runner whose process was started already: for the first workspace in need."""
        runner = self._meet(order, listener, process)
        self._others.append(runner)
        return runner

    def _meet(self, order: LaunchOrder, listener: Listener | None, process: LaunchedRunner) -> RunnerProxy:
        connection = process.connection or OwnSocket(self._loop, self._context, order.endpoint, same_memory=process.same_memory)
        return RunnerProxy(self._loop, order.url, connection, listener, process, self, order.epoch)

    def get(self, url: str, workspace: str, context: ProcessContext = INHERITED) -> RunnerProxy:
        """Return the runner of a URL for a workspace, started if missing, with its first runtime in *context*. Raises
        `EnvironmentFailed` if the runner cannot be started.
        """
        if context != INHERITED:
            self._contexts[workspace] = context
        runner = self._runners.get((url, workspace))
        if runner is not None:
            return runner
        runner = next((r for r in self._others if r.url == url and not r.leaving), None)
        if runner is not None:
            self._others.remove(runner)
        else:
            runner = self._launch(url, workspace, context)
        runner.workspace = workspace
        self._runners[url, workspace] = runner
        return runner

    def _outpost(self, home: RunnerProxy, url: str, context: ProcessContext) -> tuple[RunnerProxy, ProcessContext]:
        """Return an outpost, and the context in which modules run there: on another machine the outpost's own, as paths and
        variables are others.
        """
        here = context if home.process.same_files else self._contexts.get(home.workspace, INHERITED)
        runner = self.get(url, home.workspace, here)
        return runner, here if runner.process.same_files else INHERITED

    def _launch(self, url: str, workspace: str, context: ProcessContext) -> RunnerProxy:
        launch = launcher_of(url, self._launchers)
        failures, cause = self._failures.get((url, workspace), (0, ""))
        if failures >= TRIES:
            del self._failures[url, workspace]  # the next call may try again
            raise EnvironmentFailed(f"the runner {url} ended right after its start, {failures} times: {cause}")
        try:
            descriptors.require(NEEDED)
            order = self._order(url, context)
            return self._meet(order, listen(order.endpoint) if order.endpoint else None, launch(order))
        except (OSError, zmq.ZMQError) as error:
            if error.errno in descriptors.FULL:
                raise EnvironmentFailed(spare_descriptor.text("another runner")) from error
            raise EnvironmentFailed(f"the runner {url} cannot be started: {error}") from error

    def _order(self, url: str, context: ProcessContext) -> LaunchOrder:
        """Return the order for a launch; of a runner elsewhere with a directory of its own, which may be mounted or forwarded."""
        epoch, directory = next(self._epochs), self._directory
        if url.startswith("local:"):
            return LaunchOrder(url, endpoint_in(directory), directory, epoch, context)
        if url.startswith("join:"):
            return LaunchOrder(url, "", directory, secrets.randbits(63), context)  # no dispatcher gives the number again
        own = os.path.join(directory, os.urandom(4).hex())  # short: a socket's path has at most 107 characters
        os.mkdir(own, 0o700)
        return LaunchOrder(url, f"ipc://{own}/r", own, epoch, context)

    def of(self, workspace: str) -> list[RunnerProxy]:
        """Return all runners of a workspace."""
        return [runner for (_, owner), runner in self._runners.items() if owner == workspace]

    def find(self, pid: int) -> RunnerProxy:
        """Return the runner of a process. Raises `UnknownName`."""
        for runner in self:
            if runner.pid == pid:
                return runner
        raise unknown("runner of process", str(pid), (str(runner.pid) for runner in self))

    def release(self, runner: RunnerProxy) -> None:
        """Let a runner end that is no longer needed, and kill the process after `END_WITHIN`."""
        if runner.leaving:
            return
        runner.leaving = True
        if self._runners.get((runner.url, runner.workspace)) is runner:
            del self._runners[runner.url, runner.workspace]
            self._others.append(runner)
        if not self.of(runner.workspace):
            self._contexts.pop(runner.workspace, None)
        runner.send(Bye())
        self._loop.after(END_WITHIN, lambda: runner.kill("it did not end by itself") if runner in self._others else None)

    def silence_changed(self, runner: RunnerProxy) -> None:
        """Take note that a runner became silent, or answers again."""
        if runner.watchdog.silent:
            runner.give_up()
        self._silence(runner)

    def bye(self) -> None:
        """Tell all runners to end."""
        for runner in self:
            runner.send(Bye())
            runner.due()

    def close(self) -> None:
        """End all runners at once."""
        for runner in self:
            runner.end()
        self._runners.clear()
        self._others.clear()

    def ended(self, runner: RunnerProxy, cause: str) -> None:
        """Report the end of a runner's process, and start another runner if the workspace needs one."""
        tail = runner.process.tail()
        runner.end()
        if runner in self._others:
            self._others.remove(runner)
        key = (runner.url, runner.workspace)
        if self._runners.get(key) is runner:
            del self._runners[key]
        self.relay.ended(runner, cause)
        if runner.leaving:
            return
        quick = not runner.ready or (self._loop.now - runner.started_at < QUICK and not runner.useful)
        failures = self._failures.get(key, (0, ""))[0] + 1 if quick else 0
        self._failures[key] = (failures, f"{cause}; {tail}" if tail else cause)
        self._lost(runner, cause)
        if runner.process.same_files and failures < TRIES and runner.workspace and not self._loop.stopped:
            self._start_again(*key)

    def _start_again(self, url: str, workspace: str) -> None:
        """Start a runner ahead of need; on failure, the next call that needs the runner gets the error."""
        try:
            self.get(url, workspace)
        except FloeError as error:
            log.warn(f"no runner is ready for the next run: {error}")

    def _due(self) -> float | None:
        soonest: float | None = None
        for runner in self:
            at = runner.due()
            if at is not None and (soonest is None or at < soonest):
                soonest = at
        return soonest
