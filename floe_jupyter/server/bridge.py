"""The one bridge of a Jupyter server: all of its pages share one attachment to the dispatcher, while there are pages.

In the event loop: pages, and what they are told. In the worker: attaching, asking, subscribing. Without a page it is not
attached, so that a dispatcher does not stay for a server that nobody looks at.
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
from floe_jupyter.server.inline import inlined
from floe_jupyter.server.life import Life
from floe_jupyter.server.news import News
from floe_jupyter.server.page import Page
from floe_jupyter.server.worker import Worker

SETTING = "floe_bridge"
"""Where the bridge is in the server's settings."""
LOOK_EVERY = 1.0
"""Seconds between two looks for a dispatcher, while there is a page and none was there."""
END_WITHIN = 1.0


class Bridge:
    """Between the pages of one server and the dispatcher whose connection file is *path*."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._pages: set[Page] = set()
        self._worker = Worker("floe bridge")
        self._life: Life | None = None
        """Read and changed in the worker only."""
        self._wanted: Counter[str] = Counter()
        """Topics of all pages, how often; of the worker."""
        self._watched: Life | None = None
        """The same in the event loop: the pages were told of it."""
        self._looking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = News(self._tell_loop, self._spread)

    def __repr__(self) -> str:
        return f"Bridge({self._path!r}, pages={len(self._pages)})"

    def status(self) -> dict[str, Any]:
        return {"version": __version__, "dispatcher": self._watched is not None, "pages": len(self._pages)}

    # --- pages: in the event loop ------------------------------------------------------------------------------------------

    def open(self, page: Page) -> None:
        """A page came; it hears whether a dispatcher is there, but not before we looked."""
        self._loop = asyncio.get_running_loop()
        self._pages.add(page)
        self._worker.do(self._try_to_attach)
        self._worker.do(lambda: self._tell_loop(lambda: self._introduce(page)))

    def _introduce(self, page: Page) -> None:
        if page.present is None:
            page.is_present(self._watched.pid if self._watched is not None else 0)
        self._look()

    def close(self, page: Page) -> None:
        """A page went."""
        self._pages.discard(page)
        for topic in page.topics:
            self.unsubscribe(topic)
        if not self._pages:
            self._worker.do(self._detach)

    def ask(self, call: str, raw: msgspec.Raw, answered: Callable[[bytes | FloeError], None], number: int) -> None:
        """Ask for a page; *answered* gets the frame of the answer or what was wrong, in the event loop."""
        self._worker.do(lambda: self._ask(call, raw, answered, number))

    def subscribe(self, topic: str) -> None:
        self._worker.do(lambda: self._subscribe(topic))

    def unsubscribe(self, topic: str) -> None:
        self._worker.do(lambda: self._unsubscribe(topic))

    def end(self) -> None:
        """The server ends."""
        self._worker.do(lambda: self._leave(keep=False))
        self._worker.end(END_WITHIN)

    def _spread(self, events: list[tuple[str, bytes]], lost: int) -> None:
        for page in self._pages:
            page.events(events, lost)

    # --- the dispatcher comes and goes: in the event loop ---------------------------------------------------------------------

    def _look(self) -> None:
        """While there is a page and no dispatcher: see every second whether there is a connection file, and attach."""
        if self._pages and self._watched is None and (self._looking is None or self._looking.done()):
            self._looking = asyncio.get_running_loop().create_task(self._look_on())

    async def _look_on(self) -> None:
        while self._pages and self._watched is None:
            await asyncio.sleep(LOOK_EVERY)
            if os.path.exists(self._path):  # noqa: ASYNC240 - the runtime directory is local
                self._worker.do(self._try_to_attach)

    def _came(self, life: Life) -> None:
        self._watched = life
        asyncio.get_running_loop().add_reader(life.lost, self._went, life)
        for page in self._pages:
            page.is_present(life.pid)

    def _went(self, life: Life) -> None:
        """The dispatcher ended, or we left it."""
        asyncio.get_running_loop().remove_reader(life.lost)
        os.close(life.lost)
        if self._watched is life:
            self._watched = None
        self._worker.do(lambda: self._drop(life))
        for page in self._pages:
            page.is_present(0)
        self._look()

    # --- in the worker ----------------------------------------------------------------------------------------------------------

    def _attached(self) -> Life:
        """Raises PeerGone when there is no dispatcher."""
        if self._life is None:
            life = Life(self._path, self._news.heard)
            life.subscribe(*self._wanted.elements())  # pages that hear of it ask how things are, and then rely on the events
            self._life = life
            self._tell_loop(lambda: self._came(life))
        return self._life

    def _try_to_attach(self) -> None:
        with contextlib.suppress(FloeError, OSError):  # none yet, or it just ended: the next look will tell
            self._attached()

    def _drop(self, life: Life) -> None:
        if self._life is life:
            self._life = None
        life.close(keep=False)

    def _detach(self) -> None:
        if not self._pages:  # none came meanwhile
            self._leave(keep=True)

    def _leave(self, *, keep: bool) -> None:
        life, self._life = self._life, None
        if life is not None:
            life.close(keep=keep)

    def _ask(self, call: str, raw: msgspec.Raw, answered: Callable[[bytes | FloeError], None], number: int) -> None:
        def done(future: Future[Any]) -> None:
            answer = _answer(number, future)
            self._tell_loop(lambda: answered(answer))

        refused: Future[Any] = Future()
        try:
            args = calls.arguments(call, raw)
            asked = self._attached().submit(call, args)
        except (OverflowError, UnicodeError, TypeError) as problem:
            refused.set_exception(ValueRefused(f"{call}: an argument cannot travel: {problem}"))
            done(refused)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page waits for an answer
            refused.set_exception(error)
            done(refused)
        else:
            asked.add_done_callback(done)

    def _subscribe(self, topic: str) -> None:
        self._wanted[topic] += 1
        if self._life is not None:
            self._life.subscribe(topic)

    def _unsubscribe(self, topic: str) -> None:
        self._wanted[topic] -= 1
        if not self._wanted[topic]:
            del self._wanted[topic]
        if self._life is not None:
            self._life.unsubscribe(topic)

    def _tell_loop(self, job: Callable[[], None]) -> None:
        """Do something in the event loop, from any thread; nothing once the server has ended."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(job)


def _answer(number: int, future: Future[Any]) -> bytes | FloeError:
    """The frame, or the error, that a page gets for what came back."""
    error = future.exception()
    try:
        if error is None:
            return frames.answer(number, inlined(future.result()))
    except (TypeError, ValueError, OverflowError, RecursionError) as problem:
        error = problem
    if isinstance(error, FloeError):
        return error
    return BugError(f"{type(error).__name__}: {error}; please report it")
