"""Events between the wire's thread and the loop: bounded in number and bytes, counted where they are left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from floe_jupyter.server import event_queue
from floe_jupyter.server.event_queue import EventQueue, Events


class Loop:
    """A loop that is blocked until `turn`."""

    def __init__(self) -> None:
        self.asked: list[Callable[[], None]] = []
        self.spread: list[tuple[Events, int]] = []
        self.news = EventQueue(self.asked.append, lambda events, lost: self.spread.append((events, lost)))

    def turn(self) -> tuple[Events, int]:
        assert len(self.asked) == 1, "the loop is woken once for all events"
        self.asked.pop()()
        return self.spread.pop()


def test_all_events_that_came_meanwhile_arrive_in_order_in_one_turn() -> None:
    loop = Loop()
    for number in range(5):
        loop.news.heard(f"log/{number}", number, number)
    events, lost = loop.turn()
    assert [topic for topic, _ in events] == [f"log/{number}" for number in range(5)]
    assert lost == 0


def test_of_too_many_events_the_oldest_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_queue, "WAITING", 3)
    loop = Loop()
    for number in range(5):
        loop.news.heard(f"log/{number}", number, number)
    events, lost = loop.turn()
    assert [topic for topic, _ in events] == ["log/2", "log/3", "log/4"]
    assert lost == 2


def test_events_for_a_blocked_loop_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_queue, "MOST_BYTES", 10_000)
    loop = Loop()
    for number in range(20):
        loop.news.heard(f"view/{number}", number, "x" * 2_000)
    events, lost = loop.turn()
    assert sum(len(frame) for _, frame in events) <= 10_000
    assert len(events) + lost == 20
    loop.news.heard("view/more", 20, "x")
    assert loop.turn()[1] == 0, "what was told is not told again"


def test_one_event_beyond_the_bound_still_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_queue, "MOST_BYTES", 100)
    loop = Loop()
    loop.news.heard("view/large", 0, "x" * 2_000)
    events, lost = loop.turn()
    assert len(events) == 1
    assert lost == 0
