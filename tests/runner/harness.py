"""Plays the dispatcher for a real runner process, over ipc; for tests and benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
import orjson
import zmq

from floe_jupyter.core.flow.model import Flow, Module, Node, Wire
from floe_jupyter.core.machine.events import Accepted, CloseRun, Ended, Event, Inject, Notice, Reply, Result
from floe_jupyter.core.messages import Batch
from floe_jupyter.wire.runner_messages import (
    Answer,
    Ask,
    Bye,
    FromRunner,
    Logged,
    MachineRequest,
    Open,
    Out,
    Progress,
    RunnerHello,
    Seen,
    Shut,
)
from floe_jupyter.wire.transport.reliable import Link

LIMIT = 30.0
"""Maximum seconds of a wait."""


def flow_of(text: str, name: str = "f", **options: dict[str, Any]) -> Flow:
    """Return the flow of ``a -> b -> c; b.bad -> d``, whose nodes are modules of the same name; *options* by node."""
    nodes: dict[str, Node] = {}
    wires: list[Wire] = []
    for line in text.split(";"):
        before: list[tuple[str, str]] = []
        for part in line.split("->"):
            ends = [[*end.strip().split("."), ""][:2] for end in part.split(",")]
            for node, _ in ends:
                nodes.setdefault(node, Node(node, **{"module": node, **options.get(node, {})}))
            wires += [Wire(a, b, ap or "out", bp or "in") for a, ap in before for b, bp in ends]
            before = [(n, p) for n, p in ends]
    return Flow(name, tuple(nodes.values()), tuple(wires))


def python(name: str, source: str, **more: Any) -> Module:
    """Return a Python module."""
    return Module(name, source, "python", **more)


def js(name: str, source: str, **more: Any) -> Module:
    """Return a JavaScript module."""
    return Module(name, source, "js", **more)


def batches(values: Iterable[Any], run: int = 1, size: int = 64) -> list[Batch]:
    """Return batches of *size* values."""
    values = list(values)
    return [Batch(orjson.dumps(part), len(part), run=run) for part in (values[i : i + size] for i in range(0, len(values), size))]


class RunnerProcess:
    """Runner process, with its messages. A context manager; every wait is bounded."""

    def __init__(
        self,
        directory: Path | None = None,
        environment: dict[str, str] | None = None,
        cwd: Path | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="fl-")
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.ROUTER)
        address = f"ipc://{self._directory.name}/s"
        self.socket.bind(address)
        self._read_end, self.lifeline = os.pipe()
        command = [
            sys.executable,
            "-m",
            "floe_jupyter.runner",
            "--connect",
            address,
            "--lifeline",
            str(self._read_end),
            *arguments,
        ]
        variables = {**os.environ, "XDG_RUNTIME_DIR": str(directory or ""), **(environment or {})}
        self.process = subprocess.Popen(command, pass_fds=[self._read_end], start_new_session=True, env=variables, cwd=cwd)
        os.close(self._read_end)
        self.link = Link()
        self._identity = b""
        self._decode = msgspec.msgpack.Decoder(FromRunner).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._tokens = 0
        self.hello: RunnerHello | None = None
        self.results: list[tuple[str, str, Batch]] = []
        self.received = 0
        """Number of messages in `results`."""
        self.arrivals: list[float] = []
        """Time of arrival of each entry of `results`."""
        self.ended: dict[int, Ended] = {}
        self.notices: list[Notice] = []
        self.logs: list[Logged] = []
        self.progress: list[Progress] = []
        self.views: dict[str, Any] = {}
        self.seen = 0
        self.answers: dict[int, Answer] = {}
        self.replies: dict[Any, Reply] = {}
        self.accepted: set[Any] = set()

    def __enter__(self) -> Self:
        self.wait(lambda: self.hello is not None, "the runner's hello")
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None and self._identity:
            self.send(Bye())
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Close the lifeline."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1
        self.socket.close(linger=0)
        self._context.term()
        self._directory.cleanup()

    # --- saying ----------------------------------------------------------------------------------------------------------

    def send(self, message: Any) -> None:
        """Send a message to the runner."""
        self.socket.send_multipart([self._identity, self.link.send(self._encode(message), time.monotonic())])

    def open(self, flow: Flow, modules: Sequence[Module], instance: str = "i", **more: Any) -> None:
        """Open an instance of a flow."""
        self.send(Open(instance, flow, tuple(modules), f"{flow.name}.1.local.", **more))

    def send_event(self, event: Event, instance: str = "i") -> None:
        """Send an event to an instance."""
        self.send(MachineRequest(instance, event))

    def feed(self, node: str, values: Iterable[Any], run: int = 1, instance: str = "i", port: str = "in") -> None:
        """Inject in batches, as fast as the flow accepts."""
        self.feed_batches(node, batches(values, run), instance, port)

    def feed_batches(self, node: str, parts: Iterable[Batch], instance: str = "i", port: str = "in", ahead: int = 64) -> None:
        """Inject batches, with at most *ahead* not yet accepted."""
        waiting: list[int] = []
        for batch in parts:
            waiting.append(self.token())
            self.send_event(Inject(node, batch, port, waiting[-1]), instance)
            if len(waiting) > ahead:
                self._wait_for_room(waiting.pop(0))

    def _wait_for_room(self, token: int) -> None:
        self.wait(lambda: token in self.accepted, "room in the flow")

    def end(self, run: int = 1, instance: str = "i", limit: float = LIMIT) -> Ended:
        """Close a run and wait for its end."""
        self.send_event(CloseRun(run), instance)
        self.wait(lambda: run in self.ended, f"the end of run {run}", limit)
        return self.ended[run]

    def run(self, node: str, values: Iterable[Any], run: int = 1, instance: str = "i", limit: float = LIMIT) -> list[Any]:
        """Feed, close, wait, and return the resulting values."""
        first = len(self.results)
        self.feed(node, values, run, instance)
        ended = self.end(run, instance, limit)
        assert ended.status == "done", ended
        return self.values(first)

    def values(self, first: int = 0) -> list[Any]:
        """Return the values of the results from number *first* on."""
        return [value for _, _, batch in self.results[first:] for value in orjson.loads(batch.payload)]

    def ask(self, call: str, instance: str = "", limit: float = LIMIT, **args: Any) -> Any:
        """Return the runner's answer; raise an error answer as AssertionError with (kind, message)."""
        token = self.token()
        self.send(Ask(token, call, args, instance))
        self.wait(lambda: token in self.answers, f"the answer to {call}", limit)
        answer = self.answers[token]
        assert answer.error is None, answer.error
        return answer.value

    def request(self, make: Callable[[int], Event], instance: str = "i", limit: float = LIMIT) -> Any:
        """Send an event with an answer, and return the answer."""
        token = self.token()
        self.send_event(make(token), instance)
        self.wait(lambda: token in self.replies, "the answer to a request", limit)
        reply = self.replies[token]
        assert reply.error is None, reply.error
        return reply.value

    def shut(self, instance: str = "i") -> None:
        """Shut an instance."""
        self.send(Shut(instance))

    def token(self) -> int:
        """Return a new token."""
        self._tokens += 1
        return self._tokens

    # --- listening -------------------------------------------------------------------------------------------------------

    def wait(self, until: Callable[[], bool], what: str, limit: float = LIMIT) -> None:
        """Take messages until a condition holds; fail after *limit* seconds."""
        deadline = time.monotonic() + limit
        while not until():
            if self.process.poll() is not None:
                raise AssertionError(f"the runner ended ({self.process.returncode}) while we waited for {what}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {limit} s for {what}; notices: {self.notices[-5:]}")
            self.pump(deadline - time.monotonic())

    def pump(self, longest: float) -> None:
        """Take the received messages, waiting at most *longest* seconds for the first."""
        now = time.monotonic()
        due = self.link.next_due()
        wait = min(longest, 0.2, max(0.0, due - now) if due is not None else 1.0)
        if self.socket.poll(wait * 1000):
            while True:
                try:
                    self._identity, envelope = self.socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                for body in self.link.receive(envelope, time.monotonic()):
                    self._take(self._decode(body))
        for envelope in self.link.due(time.monotonic()) if self._identity else ():
            self.socket.send_multipart([self._identity, envelope])

    def _take(self, message: Any) -> None:
        match message:
            case RunnerHello():
                self.hello = message
            case Out():
                for command in message.commands:
                    self._carry(command)
            case Seen():
                self.views[message.instance] = message.view
                self.seen += 1
            case Answer():
                self.answers[message.token] = message
            case Logged():
                self.logs.append(message)
            case Progress():
                self.progress.append(message)

    def _carry(self, command: Any) -> None:
        match command:
            case Result():
                self.results.append((command.node, command.port, command.batch))
                self.received += command.batch.n
                self.arrivals.append(time.monotonic())
            case Ended():
                self.ended[command.run] = command
            case Accepted():
                self.accepted.add(command.token)
            case Reply():
                self.replies[command.token] = command
                self.accepted.add(command.token)
            case Notice():
                self.notices.append(command)
