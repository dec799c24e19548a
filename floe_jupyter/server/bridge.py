"""Bridge of a Jupyter server: all pages share an attachment to the dispatcher, as long as the server has pages.

The event loop handles pages and messages to pages; the worker attaches, calls and subscribes. Without a page the bridge is not
attached: a dispatcher must not stay for a server without viewers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import msgspec

from floe_jupyter._version import __version__
from floe_jupyter.errors import BugError, FloeError, ValueRefused
from floe_jupyter.server import calls, frames
from floe_jupyter.server.attachment import Attachment
from floe_jupyter.server.event_queue import EventQueue
from floe_jupyter.server.inline import inlined
from floe_jupyter.server.page import Page
from floe_jupyter.server.renames import tell
from floe_jupyter.server.worker import Worker

SETTING = "floe_bridge"
"""Key of the bridge in the server's settings."""
LOOK_EVERY = 1.0
"""Seconds between two looks for a dispatcher, while a page is open and no dispatcher is known."""
END_WITHIN = 1.0
"""Seconds that the worker has to finish when the server ends."""


class Bridge:
    """Bridge between the pages of a server and the dispatcher with the connection file *path*."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._pages: set[Page] = set()
        self._worker = Worker("floe bridge")
        self._attachment: Attachment | None = None
        """Attachment to the dispatcher; read and changed in the worker only."""
        self._wanted: Counter[str] = Counter()
        """Topics of all pages, with counts; used in the worker only."""
        self._watched: Attachment | None = None
        """Attachment known to the pages; used in the event loop only."""
        self._looking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event_queue = EventQueue(self._tell_loop, self._spread)

    def __repr__(self) -> str:
        return f"Bridge({self._path!r}, pages={len(self._pages)})"

    def status(self) -> dict[str, Any]:
        """Return the version, the presence of a dispatcher and the number of pages."""
        return {"version": __version__, "dispatcher": self._watched is not None, "pages": len(self._pages)}

    # --- pages: in the event loop ------------------------------------------------------------------------------------------

    def open(self, page: Page) -> None:
        """Add a page; the page is told of the dispatcher's presence after a look for a dispatcher."""
        self._loop = asyncio.get_running_loop()
        self._pages.add(page)
        self._worker.do(self._try_to_attach)
        self._worker.do(lambda: self._tell_loop(lambda: self._introduce(page)))

    def _introduce(self, page: Page) -> None:
        if page.present is None:
            page.is_present(self._watched.pid if self._watched is not None else 0)
        self._look()

    def close(self, page: Page) -> None:
        """Remove a page; detach after the last page."""
        self._pages.discard(page)
        for topic in page.topics:
            self.unsubscribe(topic)
        if not self._pages:
            self._worker.do(self._detach)

    def ask(self, call: str, raw: msgspec.Raw, answered: Callable[[bytes | FloeError], None], number: int) -> None:
        """Make a call for a page; *answered* gets the frame of the answer or the error, in the event loop."""
        self._worker.do(lambda: self._ask(call, raw, answered, number))

    def moved(self, source: str, target: str) -> None:
        """Tell the dispatcher the new path of a file or folder."""
        self._worker.do(lambda: tell(self._path, source, target))

    def subscribe(self, topic: str) -> None:
        """Subscribe to *topic* for a page."""
        self._worker.do(lambda: self._subscribe(topic))

    def unsubscribe(self, topic: str) -> None:
        """Undo a `subscribe`."""
        self._worker.do(lambda: self._unsubscribe(topic))

    def end(self) -> None:
        """Leave the dispatcher and end the worker, when the server ends."""
        self._worker.do(lambda: self._leave(keep=False))
        self._worker.end(END_WITHIN)

    def _spread(self, events: list[tuple[str, bytes]], lost: int) -> None:
        for page in self._pages:
            page.events(events, lost)

    # --- the dispatcher comes and goes: in the event loop ---------------------------------------------------------------------

    def _look(self) -> None:
        """Look for a connection file every second while a page is open and no dispatcher is known, and attach."""
        if self._pages and self._watched is None and (self._looking is None or self._looking.done()):
            self._looking = asyncio.get_running_loop().create_task(self._look_on())

    async def _look_on(self) -> None:
        while self._pages and self._watched is None:
            await asyncio.sleep(LOOK_EVERY)
            if os.path.exists(self._path):  # noqa: ASYNC240 - the runtime directory is local
                self._worker.do(self._try_to_attach)

    def _dispatcher_attached(self, attachment: Attachment) -> None:
        self._watched = attachment
        asyncio.get_running_loop().add_reader(attachment.lost, self._dispatcher_lost, attachment)
        for page in self._pages:
            page.is_present(attachment.pid)

    def _dispatcher_lost(self, attachment: Attachment) -> None:
        """Handle the end of an attachment: the dispatcher ended, or the bridge left."""
        asyncio.get_running_loop().remove_reader(attachment.lost)
        os.close(attachment.lost)
        if self._watched is attachment:
            self._watched = None
        self._worker.do(lambda: self._drop(attachment))
        for page in self._pages:
            page.is_present(0)
        self._look()

    # --- in the worker ----------------------------------------------------------------------------------------------------------

    def _attached(self) -> Attachment:
        """Return the attachment, made if needed. Raises PeerGone without a dispatcher."""
        if self._attachment is None:
            attachment = Attachment(self._path, self._event_queue.heard)
            attachment.subscribe(
                *self._wanted.elements()
            )  # pages ask for the state when told of the dispatcher, and then rely on the events
            self._attachment = attachment
            self._tell_loop(lambda: self._dispatcher_attached(attachment))
        return self._attachment

    def _try_to_attach(self) -> None:
        with contextlib.suppress(FloeError, OSError):  # no dispatcher yet, or one that just ended: look again later
            self._attached()

    def _drop(self, attachment: Attachment) -> None:
        if self._attachment is attachment:
            self._attachment = None
        attachment.close(keep=False)

    def _detach(self) -> None:
        if not self._pages:  # no page came meanwhile
            self._leave(keep=True)

    def _leave(self, *, keep: bool) -> None:
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.close(keep=keep)

    def _ask(self, call: str, raw: msgspec.Raw, answered: Callable[[bytes | FloeError], None], number: int) -> None:
        def done(future: Future[Any]) -> None:
            answer = _answer(number, future)
            self._tell_loop(lambda: answered(answer))

        refused: Future[Any] = Future()
        try:
            args = calls.arguments(call, raw)
            asked = self._attached().submit(call, args)
        except (OverflowError, UnicodeError, TypeError) as problem:
            refused.set_exception(ValueRefused(f"{call}: an argument cannot be sent: {problem}"))
            done(refused)
        except Exception as error:  # noqa: BLE001 - the page waits for an answer in any case
            refused.set_exception(error)
            done(refused)
        else:
            asked.add_done_callback(done)

    def _subscribe(self, topic: str) -> None:
        self._wanted[topic] += 1
        if self._attachment is not None:
            self._attachment.subscribe(topic)

    def _unsubscribe(self, topic: str) -> None:
        self._wanted[topic] -= 1
        if not self._wanted[topic]:
            del self._wanted[topic]
        if self._attachment is not None:
            self._attachment.unsubscribe(topic)

    def _tell_loop(self, job: Callable[[], None]) -> None:
        """Run a job in the event loop, from any thread; no effect once the server has ended."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(job)


def _answer(number: int, future: Future[Any]) -> bytes | FloeError:
    """Return the frame, or the error, with which a page's call is answered."""
    error = future.exception()
    try:
        if error is None:
            return frames.answer(number, inlined(future.result()))
    except (TypeError, ValueError, OverflowError, RecursionError) as problem:
        error = problem
    if isinstance(error, FloeError):
        return error
    return BugError(f"{type(error).__name__}: {error}; please report it")
