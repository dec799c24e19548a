"""Waiting, once for callers that block and for cells that are awaited.

What has to wait is a generator of `Pause`s: "go on when one of these futures is done, or after so many seconds". `block` and
`hold` drive it; both give it a KeyboardInterrupt to end cleanly. Nothing is polled: the short timeout of `hold` is a heartbeat,
because a kernel sees an interrupt only when its event loop wakes.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
HEARTBEAT = 0.2
"""Seconds after which an awaited cell looks up: an interrupt waits no longer, and a live view changes no oftener."""


class Pause(NamedTuple):
    futures: Sequence[Future[Any]]
    timeout: float | None = None


Steps = Generator[Pause, None, T]


class Interrupted(KeyboardInterrupt):
    """The user stopped a run; says what became of it, without the engine's frames."""

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]


def result(future: Future[Any]) -> Steps[Any]:
    """The result of one future."""
    while not future.done():
        yield Pause([future])
    return future.result()


def block(steps: Steps[T], tick: Callable[[], None] | None = None) -> T:
    """Drive *steps* to their end in this thread; *tick* is called now and then."""
    try:
        pause = next(steps)
        while True:
            pause = next(steps) if _waited(pause, tick) else steps.throw(KeyboardInterrupt())
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _waited(pause: Pause, tick: Callable[[], None] | None) -> bool:
    """False: an interrupt ended the wait."""
    try:
        ends = None if pause.timeout is None else time.monotonic() + pause.timeout
        while not _ready(pause, ends):
            wait(pause.futures, timeout=_slice(ends, HEARTBEAT if tick else None), return_when=FIRST_COMPLETED)
            if tick:
                tick()
    except KeyboardInterrupt:
        return False
    return True


async def hold(steps: Steps[T], tick: Callable[[], None] | None = None) -> T:
    """Drive *steps* to their end while the event loop serves others."""
    wrapped: dict[Future[Any], asyncio.Future[Any]] = {}
    with _interrupts_cancel() as interrupt:
        try:
            pause = interrupt.guard(steps)
            while True:
                held = await _held(pause, tick, wrapped)
                pause = interrupt.guard(steps) if held else steps.throw(KeyboardInterrupt())
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


async def _held(pause: Pause, tick: Callable[[], None] | None, wrapped: dict[Future[Any], asyncio.Future[Any]]) -> bool:
    """False: an interrupt ended the wait."""
    try:
        ends = None if pause.timeout is None else time.monotonic() + pause.timeout
        while not _ready(pause, ends):
            waited = [_wrap(future, wrapped) for future in pause.futures]
            await asyncio.wait(waited, timeout=_slice(ends, HEARTBEAT), return_when=asyncio.FIRST_COMPLETED)
            if tick:
                tick()
    except (asyncio.CancelledError, KeyboardInterrupt):
        return False
    return True


def _wrap(future: Future[Any], wrapped: dict[Future[Any], asyncio.Future[Any]]) -> asyncio.Future[Any]:
    """Each future once: a run's end is waited for between all of its batches."""
    if future not in wrapped:
        for old in [old for old in wrapped if old.done()]:
            del wrapped[old]
        wrapped[future] = asyncio.wrap_future(future)
        wrapped[future].add_done_callback(_seen)
    return wrapped[future]


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at the error, so that asyncio does not call it forgotten: the steps look at the original future."""
    if not future.cancelled():
        future.exception()


def _ready(pause: Pause, ends: float | None) -> bool:
    return any(future.done() for future in pause.futures) or (ends is not None and time.monotonic() >= ends)


def _slice(ends: float | None, most: float | None) -> float | None:
    if ends is None:
        return most
    left = max(ends - time.monotonic(), 0.0)
    return left if most is None else min(left, most)


class _Interrupt:
    """What SIGINT does while a cell is awaited: cancel its task; or, inside the user's own iterable, interrupt that."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task, self._inside = task, False

    def guard(self, steps: Steps[Any]) -> Pause:
        """Go on with the steps, which may run the user's code."""
        self._inside = True
        try:
            return next(steps)
        finally:
            self._inside = False

    def __call__(self, *_: Any) -> None:
        if self._inside:
            raise KeyboardInterrupt
        self._task.cancel()


@contextlib.contextmanager
def _interrupts_cancel() -> Iterator[_Interrupt]:
    """IPython in a terminal would leave the task behind, waiting for ever; a kernel sees the signal at the next heartbeat."""
    task = asyncio.current_task()
    assert task is not None, "hold() is awaited in a task"
    interrupt = _Interrupt(task)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)
