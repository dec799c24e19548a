"""The event loop of dispatcher and runner: what is due is called, in order, and a fault in one place stops nothing else."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator

import pytest
import zmq

from floe_jupyter.dispatcher import log
from floe_jupyter.wire.transport import sockets
from floe_jupyter.wire.transport.loop import READ, WRITE, Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    yield ends
    for end in ends:
        end.close()


def turn_until(loop: Loop, done: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, f"waited 30 s for {what}"
        loop.turn(0.1)


def broken() -> None:
    raise ZeroDivisionError


def test_a_fault_of_a_callback_a_timer_or_the_end_of_a_turn_is_counted_and_the_loop_goes_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    loop, heard = Loop(log.callback_failed), list[bytes]()
    inlet, outlet = os.pipe()
    loop.watch(inlet, lambda _: heard.append(os.read(inlet, 1)))
    loop.every_turn(broken)
    loop.after(0.0, broken)
    os.write(outlet, b"x")
    loop.turn(0.0)
    assert heard == [b"x"]
    assert loop.faults == 2
    assert capfd.readouterr().err.count("please report this") == 2
    loop.soon(broken)
    loop.watch_socket(outlet, lambda: True, broken)
    loop.turn(0.0)
    assert loop.faults == 5
    for end in (inlet, outlet):
        loop.forget(end)
        os.close(end)
    loop.close()


@pytest.mark.parametrize("place", ["every_turn", "soon", "last"])
def test_without_a_report_of_faults_the_exception_ends_the_loop(loop: Loop, place: str) -> None:
    getattr(loop, place)(broken)
    with pytest.raises(ZeroDivisionError):
        loop.turn(0.0)


def test_timers_fire_in_order_and_not_when_cancelled(loop: Loop) -> None:
    fired: list[int] = []
    loop.after(0.02, lambda: fired.append(2))
    loop.after(0.01, lambda: fired.append(1))
    loop.after(0.0, lambda: fired.append(0)).cancel()
    turn_until(loop, lambda: len(fired) == 2, "two timers")
    assert fired == [1, 2]


def test_what_is_due_soon_comes_before_what_is_due_last_and_both_before_the_wait(loop: Loop) -> None:
    called: list[str] = []
    loop.last(lambda: called.append("last"))
    loop.soon(lambda: (called.append("soon"), loop.soon(lambda: called.append("sooner")))[0])  # type: ignore[func-returns-value]
    loop.turn(0.0)
    assert called == ["soon", "sooner", "last"]


def test_a_descriptor_forgotten_by_an_earlier_callback_of_the_turn_is_not_called(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    called: list[int] = []

    def first(fd: int) -> Callable[[int], None]:
        return lambda _: (called.append(fd), [loop.forget(end.fileno()) for end in pair])[0]  # type: ignore[func-returns-value]

    for end in pair:
        end.send(b"x")
        loop.watch(end.fileno(), first(end.fileno()))
    loop.turn(0.0)
    assert len(called) == 1


def test_writing_calls_back_until_it_is_over_and_then_only_reading_does(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    called: list[str] = []
    loop.watch(ours.fileno(), lambda events: called.append(f"read {events}"))
    theirs.send(b"x")
    loop.writing(ours.fileno(), lambda: called.append("write"))
    loop.turn(0.0)
    assert called == ["write", f"read {READ | WRITE}"]
    loop.writing(ours.fileno(), lambda: called.append("write alone"), reading=False)
    loop.turn(0.0)
    loop.writing(ours.fileno(), None)
    loop.turn(0.0)
    assert called[2:] == ["write alone", f"read {READ}"]
    loop.forget(ours.fileno())
    loop.writing(ours.fileno(), lambda: called.append("never"))
    loop.turn(0.0)
    assert len(called) == 4


def test_a_writer_that_closes_its_descriptor_leaves_the_reader_uncalled(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    called: list[int] = []
    pair[1].send(b"x")
    loop.watch(pair[0].fileno(), called.append)
    loop.writing(pair[0].fileno(), lambda: loop.forget(pair[0].fileno()))
    loop.turn(0.0)
    assert called == []


def test_messages_of_a_socket_are_taken_though_its_descriptor_tells_only_of_the_first(loop: Loop) -> None:
    with zmq.Context() as context, context.socket(zmq.PAIR) as ours, context.socket(zmq.PAIR) as theirs:
        ours.bind("inproc://loop")
        theirs.connect("inproc://loop")
        heard: list[bytes] = []
        fd = sockets.watch(loop, ours, lambda: heard.extend(sockets.take(ours)))
        for number in range(3):
            theirs.send(b"%d" % number)
        turn_until(loop, lambda: len(heard) == 3, "three messages")
        theirs.send(b"3")
        sockets.put(ours, [b"answer"])  # may consume the report of the descriptor
        loop.recheck(fd)
        turn_until(loop, lambda: len(heard) == 4, "the fourth message")
        loop.forget(fd)
        loop.recheck(fd)
        theirs.send(b"4")
        loop.turn(0.0)
        assert heard == [b"0", b"1", b"2", b"3"]
