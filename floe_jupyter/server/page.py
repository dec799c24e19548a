"""Open page: calls, topics, and waiting frames. Lives in the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from floe_jupyter.errors import FloeError, ProtocolError
from floe_jupyter.server import frames
from floe_jupyter.server.outgoing import Outgoing
from floe_jupyter.wire.control.pages import check_permitted
from floe_jupyter.wire.control.topics import subscriptions

MOST_CALLS = 64
"""Maximum number of calls of a page under way at once."""
MOST_BYTES = 64 * 1024 * 1024
"""Maximum bytes of JSON in the arguments of all calls under way."""
MOST_TOPICS = 256
"""Maximum number of topics of a page."""
Write = Callable[[bytes], Awaitable[None]]


class Behind(Protocol):
    """Interface of the bridge as needed by a page."""

    def ask(self, call: str, raw: msgspec.Raw, answered: Callable[[bytes | FloeError], None], number: int) -> None:
        """Make a call to the dispatcher; *answered* is called once, in the event loop."""

    def subscribe(self, topic: str) -> None:
        """Subscribe to the events under *topic*."""

    def unsubscribe(self, topic: str) -> None:
        """Undo a `subscribe`; called as often as `subscribe`."""


class Page:
    """Open page.

    `take` is given the page's frames, one at a time; *write* sends a frame, and returns when the socket has room again.
    """

    def __init__(self, bridge: Behind, write: Write) -> None:
        self._bridge, self._write = bridge, write
        self.topics: set[str] = set()
        self.present: int | None = None
        """Process of the dispatcher last reported to the page; 0: no dispatcher reported; None: no report yet."""
        self._calls: dict[int, int] = {}
        """Calls under way: id -> bytes of the arguments."""
        self._outgoing = Outgoing()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._writer = asyncio.get_running_loop().create_task(self._write_all())

    def close(self) -> None:
        """Close the page: answers to come are dropped."""
        self._writer.cancel()
        self._room.set()

    # --- from the page -----------------------------------------------------------------------------------------------------

    async def take(self, text: str | bytes) -> None:
        """Handle a frame of the page.

        Waits, and makes the page's socket wait, while the page does not read the answers.
        """
        while self._outgoing.full and not self._writer.done():
            self._room.clear()
            await self._room.wait()
        try:
            self._handle(frames.read(text))
        except frames.Refused as refused:
            self.tell(frames.error(refused.number, refused.error))

    def _handle(self, frame: frames.Frame) -> None:
        try:
            if frame.call:
                self._ask(frame)
            elif frame.subscribe:
                self._subscribe(frame.subscribe)
            elif frame.unsubscribe in self.topics:
                self.topics.discard(frame.unsubscribe)
                self._bridge.unsubscribe(frame.unsubscribe)
        except FloeError as error:
            raise frames.Refused(frame.id or None, error) from None

    def _ask(self, frame: frames.Frame) -> None:
        check_permitted(frame.call)
        size = memoryview(frame.args).nbytes
        if frame.id in self._calls:
            raise ProtocolError(f"a call with id {frame.id} is under way; use a new id for each call")
        if len(self._calls) >= MOST_CALLS or sum(self._calls.values()) + size > MOST_BYTES:
            raise ProtocolError(
                f"{len(self._calls)} calls of this page are under way; the limit is {MOST_CALLS}, or "
                f"{MOST_BYTES:,} bytes: wait for some answers"
            )
        self._calls[frame.id] = size
        self._bridge.ask(frame.call, frame.args, lambda answer: self._answered(frame.id, answer), frame.id)

    def _subscribe(self, topic: str) -> None:
        if topic in self.topics:
            return
        if len(self.topics) >= MOST_TOPICS:
            raise ProtocolError(f"a page may subscribe to {MOST_TOPICS} topics at most; subscribe to `view/` for all views")
        self.topics.add(topic)
        self._bridge.subscribe(topic)

    # --- to the page ---------------------------------------------------------------------------------------------------------

    def _answered(self, number: int, answer: bytes | FloeError) -> None:
        self._calls.pop(number, None)
        if isinstance(answer, bytes) and not self._outgoing.holds(len(answer)):
            answer = ProtocolError(f"an answer of {len(answer):,} bytes, and the page has not read those before it; ask again")
        self.tell(frames.error(number, answer) if isinstance(answer, FloeError) else answer)

    def is_present(self, pid: int) -> None:
        """Tell the page of a dispatcher, or with 0 of no dispatcher."""
        if pid != self.present:
            self.present = pid
            self.tell(frames.presence(pid or None))

    def tell(self, frame: bytes) -> None:
        """Send the page a frame that must not be lost."""
        self._outgoing.answer(frame)
        self._news.set()

    def events(self, events: list[tuple[str, bytes]], lost: int) -> None:
        """Queue the published events under the page's topics, in order, and count the lost events."""
        self._outgoing.lost += lost
        for topic, frame in events:
            if self._wants(topic):
                self._outgoing.event(topic, frame)
        self._news.set()

    def _wants(self, topic: str) -> bool:
        return not self.topics.isdisjoint(subscriptions(topic))

    async def _write_all(self) -> None:
        while True:
            frame = self._outgoing.take(time.monotonic())
            if frame is not None:
                await self._write(frame)
                if not self._outgoing.full:
                    self._room.set()
            else:
                await self._pause()

    async def _pause(self) -> None:
        """Wait until a frame comes, or a waiting frame may go."""
        after = self._outgoing.after(time.monotonic())
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(after):
                await self._news.wait()
