"""Where the time of one request goes (W1, W1b): ``python -m tests.benchmarks.parts`` measures each part on its own.

The way of a request has six hops (client -> dispatcher -> runner -> runtime and back) and six stations that do something in
Python. The bound of W1, 1.6 times the bare hops, is about 170 us where those take 105 us (nobody else at work). What is called
*warm* is the lower quartile in a loop that does nothing else; *in the whole* is processor time a request, of all threads, while
requests run one after the other:

==============================================  =========  ==========================================================
six hops over streams, passed on by bare code      38 us   the same over ZeroMQ and pipes, the baseline: 105 to 150
dispatcher, both ways, with six system calls        64 us   warm; 160 to 200 in the whole, with its journal
runner, both ways, without system calls             40 us   warm: machine 20, frames 12, envelopes and codec 8
runtime                                       105-125 us   in the whole
client                                          57-67 us   in the whole
==============================================  =========  ==========================================================

In the whole everything takes 1.6 to 2.5 times as long as warm, because every station finds its caches used by the three other
processes. The hops are no longer what costs: streams in place of ZeroMQ took its four threads and eight wake-ups out of the way,
and all six hops together take a third of the baseline. What costs is the Python between them: more than 500 calls of functions a
request. The 170 us less 38 us of hops are fewer than those take even warm, once the runtime and the client are counted; so the
bound asks for less than half of the present steps. Compiled code could do that (the machine, the link, the call server), or doing
without something that was promised: the record of each run, answers kept for repetition, numbered envelopes.

For W1b (two bare hops, 23 to 30 us): in the runner a frame is read, checked, becomes an event, goes through the machine, becomes
a call and is written, which takes 30 us warm (the sum of its steps, each timed on
its own) and was 55; both runtimes work before and after it. The bound, 46 to 60 us, is less
than that sum. Modules in one runtime hand each other their messages without any of it.
"""

from __future__ import annotations

import os
import socket
import statistics
import time
from collections.abc import Callable

import msgspec

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.core.machine.events import Inject, Loaded, Output, Returned, Start
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.core.messages import Batch
from floe_jupyter.wire.runner_messages import MachineRequest, Out, ToRunner
from floe_jupyter.wire.transport.reliable import Link

ROUNDS = 5_000
PAYLOAD = b'[{"id":1,"ts":"2026-11-21T04:00:00Z","ppm":412.25,"site":"MLO","ok":true,"note":"a plain text value","n":3}]'


def _quartile(once: Callable[[int], None]) -> float:
    """Microseconds of one call: the lower quartile, which other processes hardly touch."""
    times = []
    for number in range(1, ROUNDS + 1):
        begin = time.perf_counter_ns()
        once(number)
        times.append(time.perf_counter_ns() - begin)
    return statistics.quantiles(times, n=4)[0] / 1e3


def hops(processes: int = 4) -> float:
    """A message of 140 bytes to the last of so many processes and back."""
    pairs = [socket.socketpair() for _ in range(processes - 1)]
    children = [_pass_on(pairs, place) for place in range(1, processes)]

    def once(_: int) -> None:
        pairs[0][0].send(bytes(140))
        pairs[0][0].recv(4_096)

    found = _quartile(once)
    pairs[0][0].shutdown(socket.SHUT_RDWR)
    for ends in pairs:
        for end in ends:
            end.close()
    for child in children:
        os.waitpid(child, 0)
    return found


def _pass_on(pairs: list[tuple[socket.socket, socket.socket]], place: int) -> int:
    """A process that passes on what comes from the one before it, and back."""
    child = os.fork()
    if child:
        return child
    before, after = pairs[place - 1][1], pairs[place][0] if place < len(pairs) else None
    for index, (near, far) in enumerate(pairs):
        near.close() if index != place else None
        far.close() if index != place - 1 else None
    while data := before.recv(4_096):
        if after is not None:
            after.send(data)
            data = after.recv(4_096)
        before.send(data)
    os._exit(0)


def machine() -> float:
    """An injection that closes its run, and the return of its call."""
    made = Machine(Flow("echo", (Node("echo", "echo"),)), {"echo": Module("echo", "")})
    made.handle(Start())
    made.handle(Loaded("echo", 0, 1, "runtime", True, True))

    def once(number: int) -> None:
        made.handle(Inject("echo", Batch(PAYLOAD, 1, run=number), close=True), 1.0)
        made.handle(Returned(number, 1, outputs=(Output("echo", "out", Batch(PAYLOAD, 1, run=number)),), end=True), 1.0)

    return _quartile(once)


def envelopes() -> float:
    """Two messages between dispatcher and runner: encoded, numbered, acknowledged, decoded."""
    ours, theirs = Link(1), Link(2)
    encode, to_runner, to_us = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(ToRunner), msgspec.msgpack.Decoder(Out)

    def once(number: int) -> None:
        batch = Batch(PAYLOAD, 1, run=number)
        [body] = theirs.receive(ours.send(encode(MachineRequest("i", Inject("echo", batch))), 1.0), 1.0)
        to_runner.decode(body)
        [body] = ours.receive(theirs.send(encode(Out("i", ())), 1.0), 1.0)
        to_us.decode(body)

    return _quartile(once)


def main() -> None:
    for name, measure in (("six hops", hops), ("the machine", machine), ("envelopes and codec", envelopes)):
        print(f"{name:22}{measure():6.1f} us")


if __name__ == "__main__":
    main()
