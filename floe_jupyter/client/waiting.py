"""Waiting, for callers that block and for cells that are awaited.

Code that waits is a generator of `WaitPause`s: "go on when a future is done, or after a number of seconds". `block` and `hold`
drive the generator; both throw a KeyboardInterrupt into the generator, for a clean end. Polling is not needed: the short timeout
of `hold` is a heartbeat, because a kernel sees an interrupt only when its event loop wakes.
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
"""Seconds after which an awaited cell wakes: maximum delay of an interrupt, minimum between two updates of a live view."""


class WaitPause(NamedTuple):
    """Pause until a future is done, or until *timeout* seconds have passed."""

    futures: Sequence[Future[Any]]
    timeout: float | None = None


Steps = Generator[WaitPause, None, T]


class Interrupted(KeyboardInterrupt):
    """Interrupt by which the user stopped a run; displays the fate of the run, without the engine's frames."""

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]


def result(future: Future[Any]) -> Steps[Any]:
    """Wait for a future and return its result."""
    while not future.done():
        yield WaitPause([future])
    return future.result()


def block(steps: Steps[T], tick: Callable[[], None] | None = None) -> T:
    """Drive *steps* to the end in this thread; *tick* is called now and then."""
    try:
        pause = next(steps)
        while True:
            pause = next(steps) if _waited(pause, tick) else steps.throw(KeyboardInterrupt())
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _waited(pause: WaitPause, tick: Callable[[], None] | None) -> bool:
    """Wait for *pause*. Returns False if an interrupt ended the wait."""
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
    """Drive *steps* to the end while the event loop serves others."""
    wrapped: dict[Future[Any], asyncio.Future[Any]] = {}
    with _interrupts_cancel() as interrupt:
        try:
            pause = interrupt.guard(steps)
            while True:
                held = await _held(pause, tick, wrapped)
                pause = interrupt.guard(steps) if held else steps.throw(KeyboardInterrupt())
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


async def _held(pause: WaitPause, tick: Callable[[], None] | None, wrapped: dict[Future[Any], asyncio.Future[Any]]) -> bool:
    """Wait for *pause*. Returns False if an interrupt ended the wait."""
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
    """Wrap each future once: the end of a run is waited for between all batches."""
    if future not in wrapped:
        for old in [old for old in wrapped if old.done()]:
            del wrapped[old]
        wrapped[future] = asyncio.wrap_future(future)
        wrapped[future].add_done_callback(_seen)
    return wrapped[future]


def _seen(future: asyncio.Future[Any]) -> None:
    """Retrieve the error, which asyncio would otherwise report as never retrieved: the steps look at the original future."""
    if not future.cancelled():
        future.exception()


def _ready(pause: WaitPause, ends: float | None) -> bool:
    return any(future.done() for future in pause.futures) or (ends is not None and time.monotonic() >= ends)


def _slice(ends: float | None, most: float | None) -> float | None:
    if ends is None:
        return most
    left = max(ends - time.monotonic(), 0.0)
    return left if most is None else min(left, most)


class _Interrupt:
    """SIGINT handler while a cell is awaited: cancels the cell's task or interrupts the user's own iterable, if inside."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task, self._inside = task, False

    def guard(self, steps: Steps[Any]) -> WaitPause:
        """Advance the steps, which may run the user's code."""
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
    """Let SIGINT cancel the current task. IPython in a terminal would leave the task waiting for ever; a kernel sees the signal
    at the next heartbeat.
    """
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
