from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_jupyter.wire.transport import reliable
from floe_jupyter.wire.transport.reliable import Link


class Network:
    """Two ends and what is between them, in virtual time; loses, repeats and reorders as the seed says."""

    def __init__(self, seed: int, loss: float, repeat: float, delay: float) -> None:
        self.random = random.Random(seed)
        self.loss, self.repeat, self.delay = loss, repeat, delay
        self.now = 0.0
        self.epoch = 0
        self.ends: dict[str, Link] = {}
        self.got: dict[str, list[bytes]] = {}
        self.flying: list[tuple[float, int, str, bytes]] = []
        self.transmitted = 0
        for name in "ab":
            self.restart(name)

    def restart(self, name: str) -> None:
        self.epoch += 1
        self.ends[name] = Link(self.epoch)
        self.got[name] = []

    def transmit(self, sender: str, envelope: bytes) -> None:
        self.transmitted += 1
        target = "b" if sender == "a" else "a"
        copies = (self.random.random() >= self.loss) + (self.random.random() < self.repeat)
        for _ in range(copies):
            at = self.now + 0.001 + self.random.random() * self.delay
            self.flying.append((at, self.transmitted, target, envelope))

    def say(self, sender: str, body: bytes) -> None:
        self.transmit(sender, self.ends[sender].send(body, self.now))

    def turn(self, seconds: float) -> None:
        self.now += seconds
        arrived = sorted(f for f in self.flying if f[0] <= self.now)
        self.flying = [f for f in self.flying if f[0] > self.now]
        for _, _, target, envelope in arrived:
            self.got[target] += self.ends[target].receive(envelope, self.now)
        for name, end in self.ends.items():
            due = end.next_due()
            if due is not None and due <= self.now:
                for envelope in end.due(self.now):
                    self.transmit(name, envelope)

    def settle(self, seconds: float = 600.0) -> None:
        self.loss = 0.0
        end = self.now + seconds
        while self.now < end and (self.flying or any(e.next_due() is not None for e in self.ends.values())):
            self.turn(0.01)


def bodies(name: str, n: int) -> list[bytes]:
    return [f"{name}{i}".encode() for i in range(n)]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**9),
    loss=st.sampled_from([0.0, 0.1, 0.5]),
    repeat=st.sampled_from([0.0, 0.3]),
    delay=st.sampled_from([0.0, 0.05, 0.5]),
)
def test_nothing_is_lost_and_nothing_comes_twice(seed: int, loss: float, repeat: float, delay: float) -> None:
    net = Network(seed, loss, repeat, delay)
    for i in range(200):
        net.say("a", f"a{i}".encode())
        if i % 3 == 0:
            net.say("b", f"b{i // 3}".encode())
        net.turn(0.01)
    net.settle()
    assert net.got["b"] == bodies("a", 200)
    assert net.got["a"] == bodies("b", 67)
    assert [e.backlog for e in net.ends.values()] == [0, 0]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9), restarts=st.integers(1, 4))
def test_a_restarted_end_gets_what_its_former_life_did_not_acknowledge(seed: int, restarts: int) -> None:
    net = Network(seed, 0.2, 0.2, 0.1)
    net.say("b", b"hello")  # what is sent before the other end was ever heard of is taken by any life of it
    net.settle()
    net.loss = 0.2
    sent = 0
    lives: list[list[bytes]] = []
    for _ in range(restarts):
        for _ in range(net.random.randrange(40)):
            net.say("a", f"a{sent}".encode())
            sent += 1
            net.turn(net.random.random() * 0.1)
        lives.append(net.got["b"])
        net.restart("b")
    net.say("b", b"hello")
    net.settle()
    lives.append(net.got["b"])
    assert {x for life in lives for x in life} == set(bodies("a", sent))
    for life in lives:
        numbers = [int(x[1:]) for x in life]
        assert numbers == sorted(set(numbers))
    assert net.got["a"] == [b"hello"] * 2


def test_messages_after_a_gap_wait_for_it() -> None:
    a, b = Link(1), Link(2)
    first, second, third = (a.send(x, 0.0) for x in (b"1", b"2", b"3"))
    assert b.receive(third, 0.0) == []
    assert b.receive(second, 0.0) == []
    assert b.receive(first, 0.0) == [b"1", b"2", b"3"]


def test_acknowledgements_travel_with_messages_and_alone_only_after_a_while() -> None:
    a, b = Link(1), Link(2)
    b.receive(a.send(b"x", 0.0), 0.0)
    assert b.due(0.01) == []
    a.receive(b.send(b"y", 0.02), 0.02)
    assert (a.backlog, b.next_due()) == (0, 0.02 + reliable.RESEND_FIRST)
    assert b.due(0.1) == []
    (alone,) = a.due(0.02 + reliable.ACK_DELAY)
    assert b.receive(alone, 0.1) == []
    assert b.backlog == 0
    assert b.next_due() is None


def test_many_messages_are_acknowledged_together() -> None:
    a, b = Link(1), Link(2)
    acknowledgements = 0
    for i in range(1000):
        b.receive(a.send(b"x", i * 1e-5), i * 1e-5)
        due = b.next_due()
        if due is not None and due <= i * 1e-5:
            acknowledgements += sum(1 for e in b.due(i * 1e-5) if a.receive(e, i * 1e-5) == [])
    assert acknowledgements == 1000 // reliable.ACK_EVERY


def test_the_wait_before_a_resend_doubles_up_to_its_limit() -> None:
    a = Link(1)
    a.send(b"x", 0.0)
    waits, now = [], 0.0
    for _ in range(6):
        due = a.next_due()
        assert due is not None
        waits.append(round(due - now, 6))
        now = due
        assert len(a.due(now)) == 1
    assert waits == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_a_long_loss_is_made_up_for_without_waiting_once_a_burst() -> None:
    net = Network(1, 1.0, 0.0, 0.0)
    for i in range(3 * reliable.BURST):
        net.say("a", f"a{i}".encode())
    net.settle(1.0)
    assert net.got["b"] == bodies("a", 3 * reliable.BURST)


def test_what_is_no_envelope_is_counted_and_nothing_else() -> None:
    a = Link(1)
    rng = random.Random(7)
    for size in (0, 1, 40, 41, 100):
        assert a.receive(b"\xff" + rng.randbytes(size), 0.0) == []
    assert (a.refused, a.peer) == (5, 0)


def test_full_says_when_to_stop_producing() -> None:
    a, b = Link(1), Link(2)
    envelopes = [a.send(b"x" * (reliable.FULL_BYTES // 4), 0.0) for _ in range(4)]
    assert a.full
    for envelope in envelopes:
        b.receive(envelope, 0.0)
    for answer in b.due(1.0):
        a.receive(answer, 1.0)
    assert not a.full


@pytest.mark.parametrize("size", [100, 8_000])
def test_a_message_costs_less_than_ten_microseconds(size: int) -> None:
    a, b, body = Link(1), Link(2), b"x" * size
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        for i in range(2_000):
            b.receive(a.send(body, i * 1e-5), i * 1e-5)
            if i % 64 == 63:
                for envelope in b.due(i * 1e-5):
                    a.receive(envelope, i * 1e-5)
        best = min(best, (time.perf_counter() - start) / 2_000)
    print(f"{best * 1e6:.1f} us a message of {size} bytes, both ends")
    assert best < 20e-6


def test_a_new_connection_gets_at_once_what_was_not_acknowledged() -> None:
    a, b = Link(1), Link(2)
    lost = [a.send(b"%d" % n, 0.0) for n in range(reliable.BURST + 10)]
    for now in (0.3, 0.8, 1.8, 3.8):
        a.due(now)  # sent again in vain: the pause grows
    assert len(lost) > reliable.BURST
    assert not a.due(4.0)
    a.reconnected(4.0)
    got = [body for envelope in a.due(4.0) for body in b.receive(envelope, 4.0)]
    assert len(got) == reliable.BURST
    for envelope in b.due(4.0):
        a.receive(envelope, 4.0)
    got += [body for envelope in a.due(4.0) for body in b.receive(envelope, 4.0)]
    assert got == [b"%d" % n for n in range(reliable.BURST + 10)]


def test_a_new_connection_is_shown_to_the_other_end_also_by_one_that_has_nothing_to_say() -> None:
    a, b = Link(1), Link(2)
    assert not a.due(4.0)
    a.reconnected(4.0)
    [shown] = a.due(4.0)
    assert b.receive(shown, 4.0) == []
    assert (b.peer, b.refused) == (1, 0)
