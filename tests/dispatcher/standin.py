"""A stand-in for a runner, in a process of its own: speaks `floe_jupyter.wire.runner_messages`, and runs modules that are Python
lambdas.

What a module's source may be besides: ``hold`` (its messages are held until `Continue`), ``full`` (an injection is never
accepted), ``die`` (the process ends at the first message), ``refuse`` (an update is refused), ``waver`` (held, but going on for
a moment when its view is asked for the first time).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import sys
import time
from typing import Any

import msgspec
import zmq

from floe_jupyter.core.machine.commands import Accepted, Ended, Notice, Reply, Result
from floe_jupyter.core.machine.events import (
    Break,
    CancelRun,
    CloseRun,
    Continue,
    Failure,
    Inject,
    NodeView,
    Pause,
    Step,
    Update,
    View,
)
from floe_jupyter.core.messages import Batch, split, texts
from floe_jupyter.runner.greeting import hello
from floe_jupyter.wire.runner_messages import (
    Answer,
    Ask,
    Bye,
    Logged,
    MachineRequest,
    Open,
    Out,
    Seen,
    Shut,
    ToRunner,
)
from floe_jupyter.wire.transport.reliable import Link


class FakeMachine:
    """A flow whose modules are functions of one value: depth first, no joins."""

    def __init__(self, opened: Open) -> None:
        self.flow = opened.flow
        self.modules = {m.name: m for m in opened.modules}
        self.waiting: list[Inject] = []
        self.closed: set[int] = set()
        self.open: set[int] = set()
        self.taken = 0
        self.breaks: dict[str, Break] = {}
        self.wavers = False

    def source_of(self, node: str) -> str:
        return self.modules[next(n.module for n in self.flow.nodes if n.id == node)].source

    def view(self) -> View:
        nodes = tuple(NodeView(n.id, "python", "idle", 1, taken=self.taken) for n in self.flow.nodes)
        runs: dict[int, Any] = dict.fromkeys(sorted(self.open), "active")
        return View(self.flow.name, self.flow.version, nodes, (), runs, held=len(self.waiting))

    def handle(self, event: Any) -> list[Any]:
        return getattr(self, f"_{type(event).__name__.lower()}")(event)

    def _inject(self, event: Inject) -> list[Any]:
        closed = [event.batch.run] if event.close and event.batch.runs is None else []
        return [*self._put(event), *(command for run in closed for command in self._closerun(CloseRun(run)))]

    def _put(self, event: Inject) -> list[Any]:
        source = self.source_of(event.node)
        if source == "die":
            os._exit(3)
        self.open.add(event.batch.run)
        if source == "full":
            self.waiting.append(event)
            return []
        if source in ("hold", "waver"):
            self.waiting.append(event)
            self.wavers = source == "waver"
            return [Accepted(event.token), Notice("idle", event.node, event.batch.run)]
        return [*self._through(event), Accepted(event.token)]

    def _through(self, event: Inject) -> list[Any]:
        results: list[Any] = []
        for part in split(event.batch):
            self.taken += 1
            try:
                results += self._follow(event.node, json.loads(part.payload)[0], part)
            except Exception as error:  # noqa: BLE001 - a module's fault is its run's failure
                self.open.discard(part.run)
                failure = Failure(event.node, f"{type(error).__name__}: {error}", run=part.run)
                return [*results, Ended(part.run, "failed", (failure,))]
        return results

    def _follow(self, node: str, value: Any, part: Batch) -> list[Any]:
        source = self.source_of(node)
        given = value if source in ("hold", "refuse", "waver") else eval(source)(value)
        wires = [w for w in self.flow.wires if w.source == node]
        if not wires:
            batch = msgspec.structs.replace(part, payload=json.dumps([given], separators=(",", ":")).encode())
            return [Result(node, "out", batch)]
        return [command for wire in wires for command in self._follow(wire.target, given, part)]

    def _closerun(self, event: CloseRun) -> list[Any]:
        self.closed.add(event.run)
        self.open.add(event.run)
        return self._settle(event.run)

    def _settle(self, run: int) -> list[Any]:
        if run not in self.open or run not in self.closed or any(w.batch.run == run for w in self.waiting):
            return []
        self.open.discard(run)
        return [Ended(run, "done")]

    def _cancelrun(self, event: CancelRun) -> list[Any]:
        self.open.discard(event.run)
        self.waiting = [w for w in self.waiting if w.batch.run != event.run]
        return [Ended(event.run, "cancelled")]

    def _continue(self, event: Continue) -> list[Any]:
        waiting, self.waiting = self.waiting, []
        commands: list[Any] = [Reply(event.token), Notice("resumed")]
        for inject in waiting:
            commands += [*self._through(inject), *self._settle(inject.batch.run)]
        return commands

    def _update(self, event: Update) -> list[Any]:
        if event.module.source == "refuse":
            failure = msgspec.to_builtins(Failure(event.module.name, "SyntaxError: no", "load"))
            return [Reply(event.token, {"updated": [], "refused": [failure]})]
        self.modules[event.module.name] = event.module
        return [Reply(event.token, {"updated": [event.module.name], "refused": []})]

    def _rewire(self, event: Any) -> list[Any]:
        self.flow = event.flow
        self.modules |= {m.name: m for m in event.modules}
        return [Reply(event.token, {"updated": []})]

    def _break(self, event: Break) -> list[Any]:
        self.breaks[event.id] = event
        return [Reply(event.token, None)] if event.token is not None else []

    def _unbreak(self, event: Any) -> list[Any]:
        self.breaks = {k: b for k, b in self.breaks.items() if event.id not in ("", k) or event.node not in ("", b.node)}
        return [Reply(event.token, None)]

    def _pause(self, event: Pause) -> list[Any]:
        return [Reply(event.token, None)]

    def _step(self, event: Step) -> list[Any]:
        return [Reply(event.token, {node.id: {"inputStates": {}, "outputStates": {}, "errors": []} for node in self.flow.nodes})]


class StandIn:
    """The loop: one DEALER, one link, fake machines."""

    def __init__(self, connect: str, url: str, epoch: int) -> None:
        self.link, self.machines = Link(), {}
        self.socket = zmq.Context().socket(zmq.DEALER)
        self.socket.linger = 100
        self.socket.setsockopt(zmq.ROUTING_ID, f"{url} {os.getpid()}".encode())
        self.socket.connect(connect)
        self.decode = msgspec.msgpack.Decoder(ToRunner).decode
        self.send(hello(url, epoch))

    def send(self, message: Any) -> None:
        self.socket.send(self.link.send(msgspec.msgpack.encode(message), time.monotonic()))

    def serve(self, lifeline: int) -> None:
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        if lifeline >= 0:
            poller.register(lifeline, zmq.POLLIN)
        while True:
            due = self.link.next_due()
            timeout = None if due is None else max(0, int((due - time.monotonic()) * 1000) + 1)
            ready = dict(poller.poll(timeout))
            if lifeline in ready and select.select([lifeline], [], [], 0)[0] and not os.read(lifeline, 1):
                return
            for envelope in self.link.due(time.monotonic()):
                self.socket.send(envelope)
            while self.socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                for body in self.link.receive(self.socket.recv(), time.monotonic()):
                    if self.take(self.decode(body)):
                        return

    def take(self, message: Any) -> bool:
        if isinstance(message, Open):
            self.machines[message.instance] = FakeMachine(message)
        elif isinstance(message, Shut):
            self.machines.pop(message.instance, None)
        elif isinstance(message, Ask):
            self.answer(message)
        elif isinstance(message, MachineRequest) and message.instance in self.machines:
            machine = self.machines[message.instance]
            commands = machine.handle(message.event)
            if commands:
                self.send(Out(message.instance, tuple(commands)))
            self.send(Seen(message.instance, machine.view()))
            if isinstance(message.event, Inject) and "print" in texts(message.event.batch.payload)[0].decode():
                wanted = re.search(r"print (\d+)", texts(message.event.batch.payload)[0].decode())
                text = f"{'x' * 999}\n" * (int(wanted[1]) // 1_000) if wanted else "printed\n"
                self.send(Logged(message.instance, message.event.node, "stdout", text))
        return isinstance(message, Bye)

    def answer(self, ask: Ask) -> None:
        machine = self.machines.get(ask.instance)
        answers = {
            "listRuntimes": lambda: [{"id": "floe-1-1", "lang": "python", "pid": os.getpid()}],
            "view": machine.view if machine else None,
            "held": list,
            "dead": list,
            "history": list,
            "breaks": lambda: [{"id": id_, "count": 7} for id_ in machine.breaks],
            "at": lambda: (machine.flow.nodes[0].id, "in", Batch(b"[5]", 1), {}),
        }
        if ask.call not in answers:
            self.send(Answer(ask.token, None, ("unknown", f"no call {ask.call!r}")))
        elif machine is not None and machine.wavers and ask.call == "view":
            machine.wavers = False
            self.send(Out(ask.instance, (Notice("resumed"),)))
            self.send(Answer(ask.token, machine.view()))
            self.send(Out(ask.instance, (Notice("idle"),)))
        else:
            self.send(Answer(ask.token, answers[ask.call]()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--connect")
    parser.add_argument("--url")
    parser.add_argument("--epoch", type=int, default=0)
    parser.add_argument("--lifeline", type=int, default=-1)
    options, _ = parser.parse_known_args()
    StandIn(options.connect, options.url, options.epoch).serve(options.lifeline)


if __name__ == "__main__":
    main()
    sys.exit(0)
