"""Waiting, blocked and awaited."""

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import Future

import pytest

from floe_jupyter.client.waiting import HEARTBEAT, Interrupted, WaitPause, block, hold, result


def both(make):
    """What driving the steps gives, once blocked and once awaited."""
    return block(make()), asyncio.run(_hold(make()))


async def _hold(steps):
    return await hold(steps)


def later(value, seconds=0.02):
    future = Future()
    threading.Timer(seconds, future.set_result, (value,)).start()
    return future


def test_a_future_is_waited_for_in_both_ways():
    assert both(lambda: result(later(5))) == (5, 5)


def test_a_pause_ends_with_the_first_future_or_after_its_time():
    def steps():
        never, soon = Future(), later(1)
        yield WaitPause([never, soon])
        yield WaitPause([never], 0.01)
        return never.done(), soon.done()

    assert both(steps) == ((False, True), (False, True))


def test_an_error_of_a_future_is_raised_to_the_caller():
    future = Future()
    future.set_exception(ValueError("no"))
    for drive in (block, lambda steps: asyncio.run(_hold(steps))):
        with pytest.raises(ValueError, match="no"):
            drive(result(future))


def stubborn(seen):
    """Waits for ever; an interrupt ends it cleanly."""
    try:
        yield WaitPause([Future()])
    except KeyboardInterrupt:
        seen.append("cancelled")
        raise Interrupted("run co2.1.local.1 was cancelled after 3 results") from None


@pytest.mark.parametrize("drive", [block, lambda steps: asyncio.run(_hold(steps))], ids=["blocked", "awaited"])
def test_an_interrupt_reaches_the_steps_within_a_second(drive):
    seen = []
    before = signal.getsignal(signal.SIGINT)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt, match="was cancelled after 3 results"):
        drive(stubborn(seen))
    assert seen == ["cancelled"]
    assert time.monotonic() - began < 1.2
    assert signal.getsignal(signal.SIGINT) == before


def test_an_interrupt_stops_the_users_own_slow_iterable():
    def steps():
        try:
            yield WaitPause([later(None)])
            while True:
                time.sleep(0.01)
        except KeyboardInterrupt:
            return "stopped"

    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert asyncio.run(_hold(steps())) == "stopped"


def test_the_loop_serves_others_meanwhile():
    async def main():
        ticks = []

        async def other():
            while True:
                ticks.append(1)
                await asyncio.sleep(0.01)

        task = asyncio.create_task(other())
        await hold(result(later(1, 0.2)))
        task.cancel()
        return len(ticks)

    assert asyncio.run(main()) > 5


def test_ticks_come_while_waiting_at_most_five_a_second():
    ticks = []
    block(result(later(1, 1.05)), lambda: ticks.append(1))
    assert 3 <= len(ticks) <= 1 + 1.05 / HEARTBEAT
