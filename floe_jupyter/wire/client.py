"""The client of the control API: small, synchronous and thread-safe; everything that talks to a dispatcher uses it.

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

from floe_jupyter.errors import FloeError, PeerGone
from floe_jupyter.wire.channel import Channel, Unsent
from floe_jupyter.wire.connection import COMMAND, default_path, find, find_or_start
from floe_jupyter.wire.control import GRACE
from floe_jupyter.wire.pump import Pump, Seen, in_this_process

ATTEMPTS = 3
"""So many dispatchers may end while we attach to them."""


def connect(start: bool = True, *, client: str = "python", path: str = "", session: str = "",
            command: Sequence[str] = COMMAND) -> Client:
    """A client of the dispatcher that serves this Jupyter.

    Without one it is started, unless *start* is false. *client* says for people who calls. *session* names what is the same
    client after a restart: of a kernel, its own. Raises EnvironmentFailed, PeerGone and PeerSilent.
    """
    found = Client(client, path or default_path(), session or _session(client), command if start else None)
    found.attach()
    return found


def _session(name: str) -> str:
    """A kernel is the same one after a restart when Jupyter gave it the same connection file."""
    files = [os.path.basename(a) for a in sys.argv if os.path.basename(a).startswith("kernel-")]
    return f"{name} {files[0]}" if files else ""


class Client:
    """Calls of `floe_jupyter.wire.control`, and what the dispatcher publishes. Attaches again when the dispatcher is a new
    one; a call that was under way when the old one ended raises PeerGone, because it may have run.
    """

    def __init__(self, name: str, path: str, session: str, command: Sequence[str] | None) -> None:
        self.name, self.path, self.session = name, path, session
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
        """The dispatcher's process."""
        return self.attach().connection.pid

    def call(self, name: str, /, **args: Any) -> Any:
        """Ask and wait for the answer; raises what the dispatcher refused with, as one of `floe_jupyter.errors`."""
        channel = self._channel
        try:
            if channel is not None and not channel.ended:
                with contextlib.suppress(Unsent):
                    return channel.call(name, args)
            return self.attach().call(name, args)
        except PeerGone:
            if name == "shutdown":
                return None  # that is what it was asked for
            raise

    def submit(self, name: str, /, **args: Any) -> Future[Any]:
        """Ask; the answer, or its error, is the future's. What one thread submits runs in that order."""
        return self._pumping().submit(name, args)

    def subscribe(self, topic: str, seen: Seen) -> Callable[[], None]:
        """Call *seen* (topic, value) for everything published under *topic* from now on, in a thread of ours; it must be quick.
        Returns what ends it.
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
        """With it, an iterator over (topic, value) that waits for the next; of more than *limit* unread, the oldest go."""
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
        """End. What this client started and did not detach ends too: at once, or with *keep* unless a client of the same
        session comes back within five minutes.
        """
        with self._lock:
            channel, self._channel, self._closed = self._channel, None, True
            pump, self._pump = self._pump, None
        if channel is None:
            return
        if keep and not channel.lost:
            with contextlib.suppress(FloeError):  # it is gone: nothing is left to be kept
                channel.call("leave", {"grace": GRACE})
        if pump is not None and in_this_process(channel):
            pump.stop()
        channel.close(bye=not keep)

    def attach(self) -> Channel:
        """The channel to the dispatcher, a new one where the former was lost. Called by every call."""
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
                channel.call("hello", {"key": channel.connection.key, "client": self.name, "session": self.session})
            except (PeerGone, OSError):  # it was about to end when we came: the next one will do
                channel.close()
                if attempt == ATTEMPTS - 1:
                    raise
            except BaseException:
                channel.close()
                raise
            else:
                return channel
        raise AssertionError

    def _reach(self) -> Channel:
        if self._command is None:
            found = find(self.path)
            if found is None:
                raise PeerGone(f"no dispatcher serves {self.path}; run a flow there, or name the connection file of another in "
                               "FLOE_CONNECTION")
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
        for prefix, seen in list(self._listeners):
            if topic.startswith(prefix):
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
