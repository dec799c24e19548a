"""From what a user gives to messages: one value, or an iterable that is handed over in batches, as fast as the flow takes it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from floe_jupyter.errors import from_user
from floe_jupyter.kernel.session import Session
from floe_jupyter.kernel.waiting import Pause, Steps, block
from floe_jupyter.wire.values import encode

FIRST, MOST = 16, 1_024
"""Messages of the first batch, and of the largest."""
ENOUGH = 256 * 1024
"""Bytes of a batch that is large enough."""
LINGER = 0.005
"""Seconds that a message may wait for others."""
PIPELINED = 2
"""Batches on their way that were not acknowledged."""
PATIENCE = 0.25
"""Seconds without room after which we ask whether everything is held."""

WHOLE = ("__array__", "__dataframe__", "__arrow_c_stream__", "__arrow_array__")
"""What has one of these is one value, though it can be iterated."""


def messages(given: Any) -> Iterator[Any]:
    """One message per item of a list or another iterable; anything else is one: text, bytes, mappings, arrays, tables too."""
    if isinstance(given, (str, bytes, bytearray, memoryview, Mapping)) or any(hasattr(given, mark) for mark in WHOLE):
        return iter((given,))
    return iter(given) if isinstance(given, Iterable) else iter((given,))


class Feeder:
    """Feeds one run and closes it. Goes on in a thread of its own when its caller has better things to do."""

    def __init__(
        self, session: Session, ref: str, given: Iterator[Any], node: str = "", port: str = "in", *, live: bool = True
    ) -> None:
        self._session, self._ref, self._given, self._node, self._port = session, ref, given, node, port
        self._waiting: deque[Any] = deque()
        """Messages for the next batch. One thread appends; whoever holds the lock takes them out."""
        self._size = FIRST
        self._acks: deque[Future[Any]] = deque()
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._live, self._ended, self._over = live, False, False
        self._late: BaseException | None = None
        self.error: BaseException | None = None
        """Why feeding ended early, in a thread: the iterable raised, or a value was refused."""

    def steps(self, over: Future[Any]) -> Steps[bool]:
        """Feed everything. True when all is fed; False when everything is held and there is no room for more."""
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
        """Take from the iterable until there is enough for a batch. False: that was all."""
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
        """Send what waits. Raises ValueRefused for what cannot travel, and what the dispatcher refused before."""
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
        """While the iterable takes its time, send what it gave before. A thread, because nobody else can wait meanwhile."""
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
        """Wait for the oldest acknowledgement. False: the run is over, or held with nothing else to do."""
        ack, held = self._acks[0], None
        while not (ack.done() or over.done()):
            yield Pause([ack, over] if held is None else [ack, over, held], None if held else PATIENCE)
            if held is not None and held.done() and not ack.done():
                return False
            held = held or self._session.submit("wait", ref=self._ref)
        if over.done():
            return False
        self._acks.popleft().result()
        return True

    def _close(self, over: Future[Any]) -> Steps[bool]:
        """Nothing is left to feed: say so; what is not acknowledged yet arrives in order before that."""
        self._ended = True
        self._some.set()
        closed = self._session.submit("close_run", ref=self._ref)
        while not (closed.done() or over.done()):
            yield Pause([closed, over])
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
        """End the run: the iterable raised, or gave what cannot travel."""
        self._ended = True
        self._some.set()
        self._session.submit("cancel", ref=self._ref)


def next_size(size: int, given: int) -> int:
    """How many messages the next batch takes, after one of *size* messages had *given* bytes."""
    return min(size * 2, MOST) if given < ENOUGH else max(size // 2, 1)
