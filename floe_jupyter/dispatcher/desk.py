"""The desk of the control API: takes requests, sees that each runs once, and sends the answers.

A request that came twice is answered from what was kept, or told that it is still under way. Frames that make no sense
are counted and never answered; calls and arguments that nobody knows are answered with the nearest name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import zmq

from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.clients import Client, Clients
from floe_jupyter.dispatcher.lines import Lines
from floe_jupyter.dispatcher.loop import BURST, Loop, Timer
from floe_jupyter.errors import BugError, DefinitionError, FloeError, ProtocolError, unknown
from floe_jupyter.wire import sockets, streams
from floe_jupyter.wire.arguments import explained
from floe_jupyter.wire.channel import LIMIT
from floe_jupyter.wire.control import CALLS, PENDING, Args

_REQUEST = msgspec.msgpack.Decoder(tuple[int, str, msgspec.Raw])
_ENCODE = msgspec.msgpack.Encoder().encode

LATER: Any = object()
"""What a handler returns when it answers later, through the request."""

REPEATABLE = frozenset(["modules", "flows", "results", "runs", "run_info", "breaks", "held", "history", "dead", "view", "logs",
                        "runners", "runtimes", "status", "wait"])
"""Calls that change nothing: asked again, they run again, and their answers need not be kept."""

Handler = Callable[[Any, Any, "Request"], Any]


class Request:
    """One call of a client, to be answered once."""

    __slots__ = ("call", "client", "desk", "done", "id", "identity", "timer")

    def __init__(self, desk: Desk, client: Client, identity: bytes, number: int, call: str) -> None:
        self.desk, self.client, self.identity, self.id, self.call = desk, client, identity, number, call
        self.done = False
        self.timer: Timer | None = None
        """Cancelled by the answer: what is done when none comes in time."""

    def reply(self, value: Any = None) -> None:
        self._answer(_ENCODE((self.id, value, None)))

    def fail(self, error: FloeError) -> None:
        self._answer(_ENCODE((self.id, None, (error.kind, str(error), None))))

    def _answer(self, answer: bytes) -> None:
        if self.done:
            return
        self.done = True
        if self.timer is not None:
            self.timer.cancel()
        self.client.pending.pop(self.id, None)
        self.desk.send(self.identity, answer)
        if self.call not in REPEATABLE:
            self.client.keep(self.id, answer)


class Desk:
    """Between the clients' socket and the handlers of the calls."""

    def __init__(self, socket: zmq.Socket[bytes], door: streams.Listener | None, clients: Clients, handlers: dict[str, Handler],
                 hub: Any) -> None:
        self._socket, self._clients, self._handlers, self._hub = socket, clients, handlers, hub
        self._loop: Loop = hub.loop
        self.lines = Lines(self._loop, door, LIMIT, self._hear, self._refuse)
        self._decoders = {name: msgspec.msgpack.Decoder(args) for name, args in CALLS.items()}
        self.refused = 0
        """Frames that made no sense."""

    def receive(self) -> None:
        """Take what has come by the ZeroMQ socket."""
        for _ in range(BURST):
            if not sockets.waiting(self._socket):
                return
            frames = sockets.take(self._socket)
            if len(frames) == 2:
                self._hear(*frames)
            else:
                self.refused += 1

    def send(self, identity: bytes, answer: bytes) -> None:
        if self.lines.send(identity, answer):
            return
        try:
            sockets.put(self._socket, (identity, answer))
        except zmq.ZMQError as error:
            log.warn(f"an answer was not sent: {error}; the client will ask again")
        self._loop.stir(self._socket)

    def _refuse(self) -> None:
        self.refused += 1

    def _hear(self, identity: bytes, body: bytes) -> None:
        """One message: who sent it, and the request."""
        try:
            number, call, raw = _REQUEST.decode(body)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            self.refused += 1
            return
        client = self._clients.find(identity)
        if client is None:
            self._clients.accept()  # its connection came before its first request, but perhaps was not taken yet
            client = self._clients.find(identity)
        if client is None or not 0 < number < 1 << 62:
            self.refused += 1
            return
        if not self._seen(client, identity, number, call):
            self._run(Request(self, client, identity, number, call), raw)

    def _seen(self, client: Client, identity: bytes, number: int, call: str) -> bool:
        """True if this id came before: then it is answered here."""
        request = client.pending.get(number)
        if request is not None:
            request.identity = identity
            self.send(identity, _ENCODE((number, None, (PENDING, "", None))))
            return True
        answer = client.answer_to(number)
        if answer is not None:
            self.send(identity, answer)
            return True
        if number <= client.forgotten and call not in REPEATABLE:
            text = f"the answer to request {number} ({call}) is no longer kept; it ran once"
            self.send(identity, _ENCODE((number, None, (ProtocolError.kind, text, None))))
            return True
        return False

    def _run(self, request: Request, raw: msgspec.Raw) -> None:
        request.client.pending[request.id] = request
        try:
            if not request.client.greeted and request.call != "hello":
                raise ProtocolError(f"{request.call} came before hello; say hello with the key of the connection file")
            args = self._args(request.call, raw)
            value = self._handlers[request.call](self._hub, args, request)
        except FloeError as error:
            request.fail(error)
        except Exception as error:  # noqa: BLE001 - one bad call must not end everybody's dispatcher; it is logged and told
            log.fault(f"{request.call} failed")
            request.fail(BugError(f"{request.call} failed: {type(error).__name__}: {error}; please report it"))
        else:
            if value is not LATER:
                request.reply(value)

    def _args(self, call: str, raw: msgspec.Raw) -> Args:
        decoder = self._decoders.get(call)
        if decoder is None:
            raise unknown("call", call[:64], CALLS)
        try:
            args: Args = decoder.decode(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self.refused += 1
            raise DefinitionError(f"{call}: {explained(str(error), CALLS[call])}") from None
        return args
