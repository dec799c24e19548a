"""The dispatcher as a whole: sockets, files, start and end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import Any

import zmq

from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.calls import breakpoints, debugging, definitions, inspection, keys, runs, system, workspaces
from floe_jupyter.dispatcher.calls.server import CallServer, Handler
from floe_jupyter.dispatcher.clients import Clients
from floe_jupyter.dispatcher.lifetime import Lifetime
from floe_jupyter.dispatcher.publish import WAITING, Publisher
from floe_jupyter.dispatcher.runners import segments
from floe_jupyter.dispatcher.runners.launchers.join import Joining
from floe_jupyter.dispatcher.runners.launchers.model import Launcher
from floe_jupyter.dispatcher.runners.proxy import RunnerProxy
from floe_jupyter.dispatcher.runners.runners import Runners, Started
from floe_jupyter.dispatcher.runs import reports
from floe_jupyter.dispatcher.runs.history import History
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import KnownRun
from floe_jupyter.dispatcher.runs.journal import Journal
from floe_jupyter.dispatcher.runs.workspaces import Spaces
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores import Store
from floe_jupyter.wire import leftovers
from floe_jupyter.wire.client.channel import LIMIT
from floe_jupyter.wire.client.connection import Connection, read, write
from floe_jupyter.wire.control import topics
from floe_jupyter.wire.control.topics import HERE
from floe_jupyter.wire.transport import sockets, streams
from floe_jupyter.wire.transport.loop import Loop

BYE_WITHIN = 0.5
"""Seconds that runners get to end by themselves."""
HANDLERS: dict[str, Handler] = {
    **definitions.HANDLERS,
    **runs.HANDLERS,
    **debugging.HANDLERS,
    **breakpoints.HANDLERS,
    **inspection.HANDLERS,
    **system.HANDLERS,
    **workspaces.HANDLERS,
    **keys.HANDLERS,
}


class Dispatcher:
    """A dispatcher, serving from its construction to the end of `run`.

    *directory* is for sockets, private to the process and with a short path; *data* is for files that outlive the process.
    """

    def __init__(
        self, path: str, directory: str, data: str, store: Store, launchers: dict[str, Launcher], started: list[Started]
    ) -> None:
        self.path, self.directory = path, directory
        leftovers.hold()  # runners make segments under the dispatcher's name, for the dispatcher to remove
        self.loop = Loop(log.callback_failed)
        self.connection = Connection(
            f"ipc://{directory}/control", f"ipc://{directory}/events", f"{directory}/lifeline", os.urandom(32).hex(), os.getpid()
        )
        self._context: zmq.Context[Any] = zmq.Context()
        self._control = self._bind(zmq.ROUTER, self.connection.control)
        self._events = self._bind(zmq.XPUB, self.connection.events)
        events = sockets.descriptor(self._events)
        publisher = Publisher(self._events, self._newest, lambda: self.loop.recheck(events))
        self.joining = Joining(self.loop, data)
        launchers = {**launchers, "join": self.joining.launch}
        runners = Runners(self.loop, self._context, directory, launchers, self._received, self._lost, self._silence)
        self._journal = Journal(store, os.path.join(data, "unsaved"))
        spaces = Spaces(store, self._journal)
        self.history = History(self.loop, store, self._journal, publisher, data, self._forget)
        self.hub = Hub(self.loop, spaces, self.history, runners, publisher)
        self.lifetime = Lifetime(self.loop, self.hub, self.connection.key, directory)
        self.hub.changed = self.lifetime.check
        self.hub.joining = self.joining
        self.lifetime.clients = Clients(self.loop, _listen(self.connection.lifeline), self.lifetime.gone)
        stream_listener = streams.listen(self.connection.control)
        self.server = CallServer(self._control, stream_listener, self.lifetime, HANDLERS, self.hub)
        sockets.watch(self.loop, self._control, self.server.receive)
        sockets.watch(self.loop, self._events, publisher.receive)
        for order, listener, process in started:
            runners.adopt(order, listener, process)
        self._signals()
        write(path, self.connection)
        self.loop.soon(self.joining.resume)

    def _forget(self, run: KnownRun) -> None:
        self.hub.forget(run)

    def _received(self, runner: RunnerProxy, message: Any) -> None:
        reports.receive(self.hub, runner, message)

    def _lost(self, runner: RunnerProxy, cause: str) -> None:
        self.hub.supervisor.lost(runner, cause)

    def _silence(self, runner: RunnerProxy) -> None:
        self.hub.supervisor.silence(runner)

    def run(self) -> None:
        """Serve until the dispatcher is no longer needed or told to end; then remove its files."""
        try:
            self.loop.run()
        finally:
            self.close()

    def close(self) -> None:
        """End all work under way, and remove the dispatcher's files."""
        self.loop.stop()
        unsaved: list[str] = []
        for step in (
            self._unpublish,
            self.hub.runners.bye,
            self._cancel_all,
            self._wait_for_runners,
            self.hub.runners.close,
            self.joining.close,
            self.history.close,
            lambda: unsaved.append(self._journal.close() or self.history.problem),
            lambda: segments.sweep(os.getpid()),
            lambda: self.lifetime.announce_end("".join(unsaved)),
            self.server.streams.close,
            lambda: self._control.close(linger=200),
            self.lifetime.clients.close,
            lambda: self._events.close(linger=0),
            lambda: self._context.destroy(linger=200),
            lambda: leftovers.remove(self.directory),
        ):
            try:
                step()
            except Exception:  # noqa: BLE001 - one step that fails (a full disk) must not leave what the others remove
                log.fault("a step of the dispatcher's end failed")

    def _cancel_all(self) -> None:
        for instance in self.hub.alive():
            for run in list(instance.runs.values()):
                run.why = run.why or "the dispatcher ended"
                self.hub.end_run(run, "cancelled")

    def _bind(self, kind: int, endpoint: str) -> zmq.Socket[bytes]:
        bound: zmq.Socket[bytes] = self._context.socket(kind)
        bound.setsockopt(zmq.MAXMSGSIZE, LIMIT + 1_024)
        if kind == zmq.XPUB:
            bound.setsockopt(zmq.SNDHWM, WAITING)
            bound.setsockopt(zmq.XPUB_VERBOSE, 1)
        bound.bind(endpoint)
        return bound

    def _newest(self, topic: str) -> list[tuple[str, Any]]:
        """Return the messages for a new subscriber of *topic*: the views under the topic, or the echo confirming the
        subscription.
        """
        if topic.startswith(HERE):
            return [(topic, None)]
        if not topic.startswith(topics.VIEW):
            return []
        views = [(f"{topics.VIEW}{i.name}", i.view) for i in self.hub.alive() if i.view]
        return [(name, view) for name, view in views if topics.matches(topic, name)]

    def _signals(self) -> None:
        """Handle signals: SIGTERM ends the dispatcher, as the end of its last client does."""
        ours, self._woken = socket.socketpair()
        ours.settimeout(0)
        self._woken.settimeout(0)
        self._ours = ours
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self.loop.stop())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is meant for the cell
        self.loop.watch(ours.fileno(), self._drain)

    def _drain(self, _: int) -> None:
        self._ours.recv(64)

    def _unpublish(self) -> None:
        """Remove the connection file and the lifeline: no client shall find the dispatcher any more."""
        with contextlib.suppress(OSError, EnvironmentFailed):
            found = read(self.path)
            if found is not None and found.key == self.connection.key:
                os.unlink(self.path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.connection.lifeline)

    def _wait_for_runners(self) -> None:
        deadline = time.monotonic() + BYE_WITHIN
        waiting = {runner.process.descriptor for runner in self.hub.runners if runner.process.connection is None}
        while waiting and (left := deadline - time.monotonic()) > 0:
            ended, _, _ = select.select(waiting, [], [], left)
            waiting.difference_update(ended)


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen(64)
    return listener
