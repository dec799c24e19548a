"""Everything of a dispatcher put together: its sockets, its files, its start and its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import Any

import zmq

from floe_jupyter.dispatcher import debug_calls, inbox, other_calls, run_calls, segments
from floe_jupyter.dispatcher.clients import Clients
from floe_jupyter.dispatcher.definitions import Definitions
from floe_jupyter.dispatcher.desk import Desk, Handler
from floe_jupyter.dispatcher.history import History
from floe_jupyter.dispatcher.hub import Hub
from floe_jupyter.dispatcher.journal import Journal
from floe_jupyter.dispatcher.launch import Launcher
from floe_jupyter.dispatcher.loop import Loop
from floe_jupyter.dispatcher.presence import Presence
from floe_jupyter.dispatcher.publish import WAITING, Publisher
from floe_jupyter.dispatcher.runners import Runner, Runners, Started
from floe_jupyter.dispatcher.runs import Run
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores import Store
from floe_jupyter.wire import leftovers, streams
from floe_jupyter.wire.channel import LIMIT
from floe_jupyter.wire.connection import Connection, read, write
from floe_jupyter.wire.topics import HERE

BYE_WITHIN = 0.5
"""Seconds that runners get to end by themselves."""
HANDLERS: dict[str, Handler] = {**run_calls.HANDLERS, **debug_calls.HANDLERS, **other_calls.HANDLERS}


class Dispatcher:
    """One dispatcher, serving from its construction to the end of `run`.

    *directory* is for sockets, of this process alone and with a short path; *data* is for what outlives it.
    """

    def __init__(self, path: str, directory: str, data: str, store: Store, launchers: dict[str, Launcher],
                 started: dict[str, Started]) -> None:
        self.path, self.directory = path, directory
        self.loop = Loop()
        self.connection = Connection(f"ipc://{directory}/control", f"ipc://{directory}/events", f"{directory}/lifeline",
                                     os.urandom(32).hex(), os.getpid())
        self._context: zmq.Context[Any] = zmq.Context()
        self._control = self._bind(zmq.ROUTER, self.connection.control)
        self._events = self._bind(zmq.XPUB, self.connection.events)
        publisher = Publisher(self._events, self._newest, lambda: self.loop.stir(self._events))
        runners = Runners(self.loop, self._context, directory, launchers, self._received, self._lost)
        self._journal = Journal(store)
        definitions = Definitions(store, self._journal)
        self.history = History(self.loop, store, self._journal, publisher, data, self._forget)
        self.hub = Hub(self.loop, definitions, self.history, runners, publisher)
        self.hub.presence = presence = Presence(self.loop, self.hub, self.connection.key, directory)
        self.hub.changed = presence.check
        presence.clients = Clients(self.loop, _listen(self.connection.lifeline), presence.gone)
        door = streams.listen(self.connection.control)
        presence.desk = desk = Desk(self._control, door, presence.clients, HANDLERS, self.hub)
        self.loop.watch(self._control, desk.receive)
        self.loop.watch(self._events, publisher.receive)
        for url, (endpoint, listener, process) in started.items():
            runners.adopt(url, endpoint, listener, process)
        self._signals()
        write(path, self.connection)

    def _forget(self, run: Run) -> None:
        self.hub.forget(run)

    def _received(self, runner: Runner, message: Any) -> None:
        inbox.receive(self.hub, runner, message)

    def _lost(self, runner: Runner, cause: str) -> None:
        self.hub.lost(runner, cause)

    def run(self) -> None:
        """Serve until nobody needs it any more, or it is told to end; then leave nothing behind."""
        try:
            self.loop.run()
        finally:
            self.close()

    def close(self) -> None:
        """End everything that is under way, and remove what is ours."""
        self.loop.stop()
        self._unpublish()
        self.hub.runners.bye()
        for instance in self.hub.alive():
            for run in list(instance.runs.values()):
                self.hub.end_run(run, "cancelled")
        self._wait_for_runners()
        self.hub.runners.close()
        self.history.close()
        self._journal.close()
        segments.sweep(os.getpid())
        self.hub.presence.say_that_it_is_over()
        self.hub.presence.desk.lines.close()
        self._control.close(linger=200)
        self.hub.presence.clients.close()
        self._events.close(linger=0)
        self._context.destroy(linger=200)
        leftovers.remove(self.directory)

    def _bind(self, kind: int, endpoint: str) -> zmq.Socket[bytes]:
        bound: zmq.Socket[bytes] = self._context.socket(kind)
        bound.setsockopt(zmq.MAXMSGSIZE, LIMIT + 1_024)
        if kind == zmq.XPUB:
            bound.setsockopt(zmq.SNDHWM, WAITING)
            bound.setsockopt(zmq.XPUB_VERBOSE, 1)
        bound.bind(endpoint)
        return bound

    def _newest(self, topic: str) -> list[tuple[str, Any]]:
        """For a new subscriber: the views under its topic; the echo by which it knows that it is one."""
        if topic.startswith(HERE):
            return [(topic, None)]
        if not topic.startswith("view/"):
            return []
        return [(f"view/{i.name}", i.view) for i in self.hub.alive() if i.view and f"view/{i.name}".startswith(topic)]

    def _signals(self) -> None:
        """SIGTERM ends us like the last client."""
        ours, self._woken = socket.socketpair()
        ours.settimeout(0)
        self._woken.settimeout(0)
        self._ours = ours
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self.loop.stop())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the cell
        self.loop.watch(ours.fileno(), self._drain)

    def _drain(self) -> None:
        self._ours.recv(64)

    def _unpublish(self) -> None:
        """Nobody shall find us any more."""
        with contextlib.suppress(OSError, EnvironmentFailed):
            found = read(self.path)
            if found is not None and found.key == self.connection.key:
                os.unlink(self.path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.connection.lifeline)

    def _wait_for_runners(self) -> None:
        deadline = time.monotonic() + BYE_WITHIN
        waiting = {runner.process.descriptor for runner in self.hub.runners}
        while waiting and (left := deadline - time.monotonic()) > 0:
            ended, _, _ = select.select(waiting, [], [], left)
            waiting.difference_update(ended)


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen(64)
    return listener
