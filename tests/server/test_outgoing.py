"""What waits for a page: the newest of what is a snapshot, a bounded number of the rest, twenty ticks a second."""

from __future__ import annotations

import json

from floe_jupyter.server import outgoing as module
from floe_jupyter.server.outgoing import EVENTS_A_TICK, MOST_EVENTS, MOST_SNAPSHOTS, TICK, Outgoing


def drained(waiting: Outgoing, now: float) -> list[bytes]:
    return list(iter(lambda: waiting.take(now), None))


def test_answers_go_at_once_and_first() -> None:
    waiting = Outgoing()
    waiting.event("view/a", b"view")
    waiting.answer(b"1")
    waiting.answer(b"2")
    assert drained(waiting, 1.0) == [b"1", b"2", b"view"]


def test_of_a_view_the_newest_wins_and_it_goes_twenty_times_a_second() -> None:
    waiting, sent = Outgoing(), []
    for i in range(1_000):  # one second, a view every millisecond
        waiting.event("view/a", b"%d" % i)
        sent += drained(waiting, 1.0 + i / 1_000)
    assert 19 <= len(sent) <= 21
    assert drained(waiting, 3.0) == [b"999"]
    assert waiting.lost == 0


def test_the_first_of_a_quiet_view_does_not_wait() -> None:
    waiting = Outgoing()
    assert waiting.after(5.0) is None
    waiting.event("view/a", b"1")
    assert waiting.after(5.0) == 0.0
    assert drained(waiting, 5.0) == [b"1"]
    waiting.event("view/a", b"2")
    assert drained(waiting, 5.01) == []
    assert 0.0 < (waiting.after(5.01) or 0.0) <= TICK


def test_the_end_of_a_run_is_never_left_out_and_neither_is_what_says_only_a_part() -> None:
    waiting = Outgoing()
    names = ("run/a", "run/b", "progress/a", "runner/local:")
    for value in range(3):
        for name in names:
            waiting.event(name, b"%s %d" % (name.encode(), value))
    frames = [frame.decode() for frame in drained(waiting, 1.0)]
    assert frames == ["run/a 2", "run/b 2", *(f"{name} {value}" for value in range(3) for name in names[2:])]


def test_other_events_keep_their_order_and_all_of_them_go() -> None:
    waiting = Outgoing()
    for i in range(250):
        waiting.event("log/a", b"%d" % i)
    ticks = [drained(waiting, 1.0 + TICK * n) for n in range(4)]
    assert [len(tick) for tick in ticks] == [EVENTS_A_TICK, EVENTS_A_TICK, 50, 0]
    assert [frame for tick in ticks for frame in tick] == [b"%d" % i for i in range(250)]


def test_a_page_that_does_not_read_loses_the_oldest_and_is_told_when_it_reads_again() -> None:
    waiting = Outgoing()
    for i in range(MOST_EVENTS + 7):
        waiting.event("log/a", b"%d" % i)
    for i in range(MOST_SNAPSHOTS + 3):
        waiting.event(f"run/{i}", b"run")
    assert len(waiting) == MOST_EVENTS + MOST_SNAPSHOTS
    now, frames = 1.0, []
    while len(waiting):
        now += TICK
        frames += drained(waiting, now)
    frames += drained(waiting, now + 2.0)
    assert json.loads(frames[-1]) == {"lost": 10}
    assert frames[MOST_SNAPSHOTS] == b"7"
    assert waiting.after(now + 2.0) is None


def test_large_events_are_bounded_by_their_bytes() -> None:
    waiting = Outgoing()
    for _ in range(100):
        waiting.event("log/a", b"x" * 100_000)
    assert waiting.size <= module.MOST_BYTES
    assert waiting.lost == 100 - module.MOST_BYTES // 100_000


def test_that_something_was_lost_is_told_once_a_second_at_most() -> None:
    waiting = Outgoing()
    told = []
    for i in range(300):  # three seconds
        waiting.lost += 1
        told += drained(waiting, 10.0 + i / 100)
    assert [json.loads(frame)["lost"] for frame in told] == [1, 100, 100]


def test_answers_are_bounded_too() -> None:
    waiting = Outgoing()
    assert waiting.holds(100_000_000)
    waiting.answer(b"x" * 100_000_000)
    assert not waiting.holds(100_000_000)
    assert waiting.holds(100)
    for _ in range(module.MOST_ANSWERS):
        waiting.answer(b"1")
    assert waiting.full
