"""Messages from a user's input: a single value, or an iterable that is fed in batches, as fast as the flow takes messages."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from floe_jupyter.client.session import Session
from floe_jupyter.client.waiting import Steps, WaitPause, block
from floe_jupyter.errors import from_user
from floe_jupyter.wire.values import encode

FIRST, MOST = 16, 1_024
"""Number of messages in the first batch, and maximum number in any batch."""
ENOUGH = 256 * 1024
"""Bytes from which a batch is large enough."""
LINGER = 0.005
"""Seconds that a message may wait for others of the same batch."""
PIPELINED = 2
"""Maximum number of batches sent and not acknowledged."""
PATIENCE = 0.25
"""Seconds without room before asking whether everything is held."""

WHOLE = ("__array__", "__dataframe__", "__arrow_c_stream__", "__arrow_array__")
"""Attributes by which a value is a single message, although the value can be iterated."""


def messages(given: Any) -> Iterator[Any]:
    """Return an iterator of messages: a message per item of a list or another iterable; any other value is a single message:
    text, bytes, mappings, arrays and tables, too.
    """
    if isinstance(given, (str, bytes, bytearray, memoryview, Mapping)) or any(hasattr(given, mark) for mark in WHOLE):
        return iter((given,))
    return iter(given) if isinstance(given, Iterable) else iter((given,))


class Feeder:
    """Feeding of a run, up to its close; continues in a separate thread when the caller does not wait."""

    def __init__(
        self, session: Session, ref: str, given: Iterator[Any], node: str = "", port: str = "in", *, live: bool = True
    ) -> None:
        self._session, self._ref, self._given, self._node, self._port = session, ref, given, node, port
        self._waiting: deque[Any] = deque()
        """Messages for the next batch. A single thread appends; the thread that holds the lock takes messages out."""
        self._size = FIRST
        self._acks: deque[Future[Any]] = deque()
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._live, self._ended, self._over = live, False, False
        self._late: BaseException | None = None
        self.error: BaseException | None = None
        """Reason why feeding in a thread ended early: the iterable raised, or a value was refused."""

    def steps(self, over: Future[Any]) -> Steps[bool]:
        """Feed everything. Returns True when all is fed, False when everything is held and no room for more is left."""
        over.add_done_callback(self._is_over)
        if self._live:
            threading.Thread(target=self._linger, name=f"floe-linger-{self._ref}", daemon=True).start()
            self._live = False
        more = True
        while more and not over.done():
            while len(self._acks) >= PIPELINED:
                if not (yield from self._room(over)):
                    return over.done()
            more = self._gather()
            self._send()
        return (yield from self._close(over))

    def _is_over(self, _: Future[Any]) -> None:
        self._over = True

    def _gather(self) -> bool:
        """Take items from the iterable until a batch is full. Returns False at the end of the iterable."""
        try:
            for item in self._given:
                self._waiting.append(item)
                self._some.set()
                if len(self._waiting) >= self._size or self._late is not None or self._over:
                    return True
        except Exception as error:
            from_user(error)
            raise
        return False

    def _send(self) -> None:
        """Send the waiting messages. Raises ValueRefused for unencodable values, and earlier refusals of the dispatcher."""
        with self._lock:
            if self._late is not None:
                raise self._late
            items = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not items:
                return
            batch = encode(items)
            self._size = next_size(self._size, batch.size)
            self._acks.append(self._session.submit("feed", ref=self._ref, batch=batch, node=self._node, port=self._port))

    def _linger(self) -> None:
        """Send gathered messages while the iterable is slow. Runs in a thread, because the iterable blocks the feeding thread."""
        while not self._ended:
            self._some.wait()
            self._some.clear()
            time.sleep(LINGER)
            try:
                wait(list(self._acks)[:-PIPELINED])
                self._send()
            except Exception as error:  # noqa: BLE001 - raised again where the iterable is read
                self._late = error
                return

    def _room(self, over: Future[Any]) -> Steps[bool]:
        """Wait for the oldest acknowledgement. Returns False if the run is over, or held with no other work left."""
        ack, held = self._acks[0], None
        while not (ack.done() or over.done()):
            yield WaitPause([ack, over] if held is None else [ack, over, held], None if held else PATIENCE)
            if held is not None and held.done() and not ack.done():
                return False
            held = held or self._session.submit("wait", ref=self._ref)
        if over.done():
            return False
        self._acks.popleft().result()
        return True

    def _close(self, over: Future[Any]) -> Steps[bool]:
        """Close the input of the run; batches not acknowledged yet arrive before the close, in order."""
        self._ended = True
        self._some.set()
        closed = self._session.submit("close_run", ref=self._ref)
        while not (closed.done() or over.done()):
            yield WaitPause([closed, over])
        for answer in (*self._acks, closed):
            if answer.done():
                answer.result()
        return True

    def go_on(self, over: Future[Any]) -> None:
        """Feed the rest in a thread, waiting through holds."""
        threading.Thread(target=self._work, args=(over,), name=f"floe-feed-{self._ref}", daemon=True).start()

    def _work(self, over: Future[Any]) -> None:
        try:
            while not block(self.steps(over)):
                wait([self._acks[0], over], return_when=FIRST_COMPLETED)
        except Exception as error:  # noqa: BLE001 - the user's iterable may raise anything; waiting for the run raises it again
            self.error = error
            self.give_up()

    def give_up(self) -> None:
        """End the run, because the iterable raised, or gave a value that cannot be encoded."""
        self._ended = True
        self._some.set()
        self._session.submit("cancel", ref=self._ref)


def next_size(size: int, given: int) -> int:
    """Return the number of messages for the next batch, after a batch of *size* messages had *given* bytes."""
    return min(size * 2, MOST) if given < ENOUGH else max(size // 2, 1)
