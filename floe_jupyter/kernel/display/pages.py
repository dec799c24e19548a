"""Pages that ask through the kernel, where the Jupyter server has no bridge: counterpart of `labextension/src/client/comm.ts`.

A page sends ``{"page", "kind": "hello"}`` until answered; then ``{"page", "id", "call", "args"}`` of the control API, answered by
``{"page", "id", "value"}`` or ``{"page", "id", "error": [kind, message]}``; and ``{"page", "subscribe": topic}`` or
``{"page", "unsubscribe": topic}``. Events go to all pages of a widget: ``{"topic", "sequence", "value"}``, every 50 ms the newest
of each thinned topic (`floe_jupyter.wire.control.topics`) and the last hundred of any other topic.

All work is done in a separate thread: the kernel's loop only hands messages over.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any

import msgspec

from floe_jupyter.client.session import Session
from floe_jupyter.errors import DefinitionError, FloeError, PeerGone
from floe_jupyter.wire.control.arguments import explained
from floe_jupyter.wire.control.calls import CALLS
from floe_jupyter.wire.control.pages import check_permitted, limits
from floe_jupyter.wire.control.topics import THINNED, kind_of

INTERVAL = 0.05
"""Seconds between two events of a topic."""
KEPT_LINES = 100
"""Maximum number of events of a topic that is not thinned which wait for the next turn."""
MOST_TOPICS = 64
"""Maximum number of subscriptions of a widget."""


class PageServer:
    """Thread that serves the pages of this process; ends when the last page is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._users = 0

    def enter(self) -> None:
        """Count a user of the thread."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """Count off a user of the thread; without users, the thread ends."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None

    def do(self, work: Callable[..., None], *args: Any) -> None:
        """Run *work* in the thread, soon and in order."""
        with self._lock:
            if self._users and self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_serve, args=(self._loop,), name="floe pages", daemon=True).start()
            if self._loop is not None:
                self._loop.call_soon_threadsafe(work, *args)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


PAGE_SERVER = PageServer()


class Pages:
    """Pages that show a widget. `receive` is called by the kernel, *send* in the thread of *server*."""

    def __init__(self, session: Session, send: Callable[[dict[str, Any]], None], server: PageServer = PAGE_SERVER) -> None:
        self._session, self._send, self._server = session, send, server
        self._topics: dict[str, Topic] = {}
        self._wanted: dict[str, set[str]] = {}
        """Topic -> pages subscribed to the topic."""
        self.closed = False
        server.enter()

    def receive(self, message: Any) -> None:
        """Take a message of a page and return at once."""
        self._server.do(self._take, message)

    def close(self) -> None:
        """End all subscriptions; safe to call again."""
        if not self.closed:
            self.closed = True
            self._server.do(self._end)
            self._server.leave()

    def _end(self) -> None:
        for topic in self._topics.values():
            topic.end()
        self._topics.clear()
        self._wanted.clear()

    def _take(self, message: Any) -> None:
        if self.closed or not isinstance(message, dict):
            return
        page = str(message.get("page", ""))
        if message.get("kind") == "hello":
            self._say({"page": page, "kind": "hello"})
        elif "id" in message:
            self._call(page, message)
        elif "subscribe" in message:
            self._subscribe(page, str(message["subscribe"]))
        elif "unsubscribe" in message:
            self._unsubscribe(page, str(message["unsubscribe"]))

    # --- calls -------------------------------------------------------------------------------------------------------

    def _call(self, page: str, message: dict[str, Any]) -> None:
        answer = {"page": page, "id": message["id"]}
        try:
            name, args = arguments(message)
            if not self._session.connected:
                raise PeerGone("this kernel is not connected to the dispatcher any more; run a %floe cell to connect again")
            future = self._session.submit(name, **args)
        except FloeError as error:
            self._say({**answer, "error": [error.kind, str(error)]})
        else:
            future.add_done_callback(lambda done: self._server.do(self._answer, answer, done))

    def _answer(self, answer: dict[str, Any], done: Future[Any]) -> None:
        error = done.exception()
        if error is None:
            self._say({**answer, "value": plain(done.result())})
        else:
            self._say({**answer, "error": [error.kind if isinstance(error, FloeError) else "bug", str(error)]})

    def _say(self, message: dict[str, Any]) -> None:
        if not self.closed:
            self._send(message)

    # --- events ------------------------------------------------------------------------------------------------------

    def _subscribe(self, page: str, name: str) -> None:
        if not kind_of(name) or not self._session.connected:
            return
        if name not in self._topics:
            if len(self._topics) >= MOST_TOPICS:
                return
            topic = self._topics[name] = Topic(self._server, self._say)
            topic.end = self._session.client.subscribe(name, topic.heard)
        self._wanted.setdefault(name, set()).add(page)

    def _unsubscribe(self, page: str, name: str) -> None:
        wanted = self._wanted.get(name, set())
        wanted.discard(page)
        if not wanted and name in self._topics:
            self._topics.pop(name).end()
            self._wanted.pop(name, None)


class Topic:
    """Paced events of a topic or, if the name ends with a slash, of everything under that name."""

    def __init__(self, server: PageServer, say: Callable[[dict[str, Any]], None]) -> None:
        self._server, self._say = server, say
        self.end: Callable[[], None] = lambda: None
        self._waiting: dict[str, list[Any]] = {}
        self._resting = False
        self._sequence = count(1)

    def heard(self, topic: str, value: Any) -> None:
        """Take an event, in the client's thread."""
        self._server.do(self.put, topic, value)

    def put(self, topic: str, value: Any) -> None:
        """Pass an event on, now or with the next turn."""
        kept = self._waiting.setdefault(topic, [])
        kept[:] = [] if topic.startswith(THINNED) else kept[1 - KEPT_LINES :]
        kept.append(value)
        if not self._resting:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        self._resting = bool(waiting)
        for topic, values in waiting.items():
            for value in values:
                self._say({"topic": topic, "sequence": next(self._sequence), "value": plain(value)})
        if self._resting:
            asyncio.get_running_loop().call_later(INTERVAL, self._flush)


def arguments(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the checked call that a page asks for. Raises DefinitionError, UnknownName, ProtocolError, ValueRefused."""
    name, args = str(message.get("call")), message.get("args") or {}
    check_permitted(name, through_kernel=True)
    try:
        checked = msgspec.convert(args, CALLS[name])
    except msgspec.ValidationError as error:
        raise DefinitionError(f"call {name!r}: {explained(str(error), CALLS[name])}") from None
    given = {field: getattr(checked, field) for field in checked.__struct_fields__ if field in args}
    return name, {**given, **limits(checked)}


def plain(value: Any) -> Any:
    """Return a value as JSON carries values: bytes as base64; values that JSON lacks (NaN) as null."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=repr))
