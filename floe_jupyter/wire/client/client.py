"""The client of the control API: small, synchronous and thread-safe; used by all code that talks to a dispatcher.

>>> client = connect()                                     # doctest: +SKIP
>>> client.call("open_run", flow="co2").status             # doctest: +SKIP
'active'
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Self

import msgspec

from floe_jupyter.errors import FloeError, PeerGone
from floe_jupyter.wire.client.channel import Channel, Unsent
from floe_jupyter.wire.client.connection import COMMAND, default_path, find, find_or_start
from floe_jupyter.wire.client.pump import Pump, Seen, in_this_process
from floe_jupyter.wire.control.calls import GRACE
from floe_jupyter.wire.control.topics import matches
from floe_jupyter.wire.control.workspaces import Workspace

ATTEMPTS = 3
"""Maximum number of attempts to attach, when each dispatcher found ends meanwhile."""


def connect(
    start: bool = True,
    *,
    client: str = "python",
    path: str = "",
    session: str = "",
    command: Sequence[str] = COMMAND,
    workspace: Workspace | None = None,
    looks: bool = False,
) -> Client:
    """Return a client of the dispatcher that serves this Jupyter.

    Without a running dispatcher one is started, unless *start* is false. *client* names the caller for people. *session*
    identifies the client across restarts (a kernel has a session of its own). *workspace* owns the names; by default, this
    process does. A client that only *looks* has no workspace: names are those of the only active workspace. Raises
    EnvironmentFailed, PeerGone and PeerSilent.
    """
    session = session or _session(client)
    own = Workspace("", client, "program", session or str(os.getpid()))
    found = Client(client, path or default_path(), session, command if start else None, None if looks else workspace or own)
    found.attach()
    return found


def _session(name: str) -> str:
    """Return the session of a kernel, the same after a restart if Jupyter passed the same connection file; else an empty text."""
    files = [os.path.basename(a) for a in sys.argv if os.path.basename(a).startswith("kernel-")]
    return f"{name} {files[0]}" if files else ""


class Client:
    """Calls of `floe_jupyter.wire.control.calls` and events published by the dispatcher.

    Attaches again when a new dispatcher runs. A call under way when the old dispatcher ended raises PeerGone, because the call
    may have run.
    """

    def __init__(
        self, name: str, path: str, session: str, command: Sequence[str] | None, workspace: Workspace | None = None
    ) -> None:
        self.name, self.path, self.session, self.workspace = name, path, session, workspace
        self.note = ""
        """Note for the user about the workspace; empty if none."""
        self._command = command
        self._channel: Channel | None = None
        self._pump: Pump | None = None
        self._lock = threading.RLock()
        self._listeners: list[tuple[str, Seen]] = []
        self._closed = False

    def __repr__(self) -> str:
        channel = self._channel
        return f"Client({self.name!r}, dispatcher={channel.connection.pid if channel else None})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process number of the dispatcher."""
        return self.attach().connection.pid

    def call(self, name: str, /, **args: Any) -> Any:
        """Send a request and wait for the answer. Raises the error of a refusal, as one of `floe_jupyter.errors`."""
        channel = self._channel
        try:
            if channel is not None and not channel.ended:
                with contextlib.suppress(Unsent):
                    return channel.call(name, args)
            return self.attach().call(name, args)
        except PeerGone:
            if name == "shutdown":
                return None  # the end of the dispatcher is the result asked for
            raise

    def submit(self, name: str, /, **args: Any) -> Future[Any]:
        """Send a request and return a future of the answer or error. Requests of one thread run in the order of submission."""
        return self._pumping().submit(name, args)

    def subscribe(self, topic: str, seen: Seen) -> Callable[[], None]:
        """Call *seen* (topic, value) for every event of *topic* (ending with a slash: of all topics below) from now on, in the
        client's own thread; *seen* must return quickly. Returns a function that ends the subscription.
        """
        listener = (topic, seen)
        with self._lock:
            pump = self._pumping()
            self._listeners.append(listener)
            pump.subscribe(topic)
        pump.settle()
        return lambda: self._unsubscribe(listener)

    @contextlib.contextmanager
    def events(self, topic: str, limit: int = 1_000) -> Iterator[Iterator[tuple[str, Any]]]:
        """Subscribe for the duration of the context, which gives an iterator over (topic, value) that waits for the next event;
        of more than *limit* unread events, the oldest are dropped.
        """
        unread: deque[tuple[str, Any]] = deque(maxlen=limit)
        news = threading.Semaphore(0)

        def seen(topic: str, value: Any) -> None:
            unread.append((topic, value))
            news.release()

        end = self.subscribe(topic, seen)
        try:
            yield _unread(unread, news)
        finally:
            end()

    def close(self, *, keep: bool = False) -> None:
        """Close the client. Undetached flows and runs of this client end too: at once, or with *keep* unless a client of the
        same session comes back within five minutes.
        """
        with self._lock:
            channel, self._channel, self._closed = self._channel, None, True
            pump, self._pump = self._pump, None
        if channel is None:
            return
        if keep and not channel.lost:
            with contextlib.suppress(FloeError):  # the dispatcher is gone: nothing is left to be kept
                channel.call("leave", {"grace": GRACE})
        if pump is not None and in_this_process(channel):
            pump.stop()
        channel.close(bye=not keep)

    def attach(self) -> Channel:
        """Return the channel to the dispatcher, a new channel if the former is lost. Called by every call."""
        with self._lock:
            channel = self._channel
            if channel is not None and not channel.lost:
                return channel
            if self._closed:
                raise PeerGone(f"the client {self.name!r} is closed; connect again")
            self._let_go()
            self._channel = channel = self._greeted()
            if self._listeners:
                self._pumping()
            return channel

    def _let_go(self) -> None:
        channel, pump, self._pump = self._channel, self._pump, None
        if pump is not None and channel is not None and in_this_process(channel):
            pump.stop()
        if channel is not None:
            channel.close()

    def _greeted(self) -> Channel:
        for attempt in range(ATTEMPTS):
            channel = self._reach()
            try:
                answer = channel.call(
                    "hello",
                    {"key": channel.connection.key, "client": self.name, "session": self.session, "workspace": self.workspace},
                )
            except (PeerGone, OSError):  # the dispatcher was about to end: try the next one
                channel.close()
                if attempt == ATTEMPTS - 1:
                    raise
            except BaseException:
                channel.close()
                raise
            else:
                self.workspace = msgspec.convert(answer["workspace"], Workspace | None)
                self.note = answer.get("note", "")
                return channel
        raise AssertionError

    def _reach(self) -> Channel:
        if self._command is None:
            found = find(self.path)
            if found is None:
                raise PeerGone(
                    f"no dispatcher serves {self.path}; `floe run FILE` ends with its run and leaves nothing to look "
                    "at, `floe run FILE --detach` goes on; run a flow there, or name the connection file of another "
                    "in FLOE_CONNECTION"
                )
        else:
            found = find_or_start(self.path, self._command)
        return Channel(*found, self.name)

    def _pumping(self) -> Pump:
        with self._lock:
            channel = self.attach()
            if self._pump is None:
                self._pump = Pump(channel, self._seen)
                for topic, _ in self._listeners:
                    self._pump.subscribe(topic)
            return self._pump

    def _seen(self, topic: str, _: int, value: Any) -> None:
        for subscription, seen in list(self._listeners):
            if matches(subscription, topic):
                seen(topic, value)

    def _unsubscribe(self, listener: tuple[str, Seen]) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)
                if self._pump is not None:
                    self._pump.unsubscribe(listener[0])


def _unread(unread: deque[tuple[str, Any]], news: threading.Semaphore) -> Iterator[tuple[str, Any]]:
    while True:
        news.acquire()
        if unread:
            yield unread.popleft()
