"""The server of the control API: receives requests, runs each only once, and sends the answers.

A repeated request gets the kept answer, or the news that the request is still under way. Invalid frames are counted and never
answered; unknown calls and arguments are answered with the nearest name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import zmq

from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.calls.streams import CallStreams
from floe_jupyter.dispatcher.clients import AttachedClient
from floe_jupyter.dispatcher.lifetime import Lifetime
from floe_jupyter.dispatcher.runners import spare_descriptor
from floe_jupyter.errors import BugError, DefinitionError, EnvironmentFailed, FloeError, ProtocolError, unknown
from floe_jupyter.wire.client.channel import LIMIT
from floe_jupyter.wire.control.arguments import explained
from floe_jupyter.wire.control.calls import CALLS, PENDING, Args
from floe_jupyter.wire.descriptors import FULL
from floe_jupyter.wire.transport import sockets, streams
from floe_jupyter.wire.transport.loop import Loop, Timer

_REQUEST = msgspec.msgpack.Decoder(tuple[int, str, msgspec.Raw])
_ENCODE = msgspec.msgpack.Encoder().encode

LATER: Any = object()
"""Return value of a handler whose answer follows later, through the request."""

REPEATABLE = frozenset(name for name, args in CALLS.items() if args.repeatable)
"""Calls whose answers need not be kept, for one look-up per answer."""

Handler = Callable[[Any, Any, "PendingCall"], Any]


class PendingCall:
    """One call of a client, to be answered once."""

    __slots__ = ("call", "client", "done", "id", "identity", "server", "timer")

    def __init__(self, server: CallServer, client: AttachedClient, identity: bytes, number: int, call: str) -> None:
        self.server, self.client, self.identity, self.id, self.call = server, client, identity, number, call
        self.done = False
        self.timer: Timer | None = None
        """Timer for the case that no answer comes in time; cancelled by the answer."""

    def reply(self, value: Any = None) -> None:
        """Answer the call with *value*, unless already answered."""
        self._answer(_ENCODE((self.id, value, None)))

    def fail(self, error: FloeError) -> None:
        """Answer the call with *error*, unless already answered."""
        self._answer(_ENCODE((self.id, None, (error.kind, str(error), None))))

    def _answer(self, answer: bytes) -> None:
        if self.done:
            return
        self.done = True
        if self.timer is not None:
            self.timer.cancel()
        self.client.pending.pop(self.id, None)
        self.server.send(self.identity, answer)
        if self.call not in REPEATABLE:
            self.client.keep(self.id, answer)


class CallServer:
    """Server between the clients' sockets and the handlers of the calls."""

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        listener: streams.Listener | None,
        lifetime: Lifetime,
        handlers: dict[str, Handler],
        hub: Any,
    ) -> None:
        self.lifetime = lifetime
        self._socket, self._clients, self._handlers, self._hub = socket, lifetime.clients, handlers, hub
        self._loop: Loop = hub.loop
        self._descriptor = sockets.descriptor(socket)
        self.streams = CallStreams(self._loop, listener, LIMIT, self._hear, self._refuse, self._is_greeted)
        self._decoders: dict[str, msgspec.msgpack.Decoder[Args]] = {}
        """Decoders by call, each made at the first call: all of them would take 5 ms of the start."""
        self.refused = 0
        """Number of invalid frames."""

    def receive(self) -> None:
        """Handle the requests received on the ZeroMQ socket."""
        for _ in range(sockets.BURST):
            if not sockets.waiting(self._socket):
                return
            frames = sockets.take(self._socket)
            if len(frames) == 2:
                self._hear(*frames)
            else:
                self.refused += 1

    def send(self, identity: bytes, answer: bytes) -> None:
        """Send an answer to a client, by its stream or by the ZeroMQ socket."""
        if self.streams.send(identity, answer):
            return
        try:
            sockets.put(self._socket, (identity, answer))
        except zmq.ZMQError as error:
            log.warn(f"an answer was not sent: {error}; the client will ask again")
        self._loop.recheck(self._descriptor)

    def _is_greeted(self, identity: bytes) -> bool:
        client = self._clients.find(identity)
        return client is not None and client.greeted

    def _refuse(self) -> None:
        self.refused += 1

    def _hear(self, identity: bytes, body: bytes) -> None:
        """Handle one message: *body* from the sender *identity*."""
        try:
            number, call, raw = _REQUEST.decode(body)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            self.refused += 1
            return
        client = self._clients.find(identity)
        if client is None:
            self._clients.accept()  # the connection came before the first request, but may not be accepted yet
            client = self._clients.find(identity)
        if client is None or not 0 < number < 1 << 62:
            self.refused += 1
            return
        if not self._seen(client, identity, number, call):
            self._run(PendingCall(self, client, identity, number, call), raw)

    def _seen(self, client: AttachedClient, identity: bytes, number: int, call: str) -> bool:
        """Return True if the request came before; then the repetition is answered."""
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

    def _run(self, request: PendingCall, raw: msgspec.Raw) -> None:
        request.client.pending[request.id] = request
        try:
            if not request.client.greeted and request.call != "hello":
                raise ProtocolError(f"{request.call} was called before hello; call hello with the key of the file first")
            args = self._args(request.call, raw)
            value = self._handlers[request.call](self._hub, args, request)
        except FloeError as error:
            request.fail(error)
        except Exception as error:  # noqa: BLE001 - one bad call must not end the dispatcher; the error is logged and sent
            log.fault(f"{request.call} failed")
            request.fail(_fault(request.call, error))
        else:
            if value is not LATER:
                request.reply(value)

    def _args(self, call: str, raw: msgspec.Raw) -> Args:
        decoder = self._decoders.get(call)
        if decoder is None:
            if call not in CALLS:
                raise unknown("call", call[:64], CALLS)
            decoder = self._decoders[call] = msgspec.msgpack.Decoder(CALLS[call])
        try:
            args: Args = decoder.decode(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self.refused += 1
            raise DefinitionError(f"{call}: {explained(str(error), CALLS[call])}") from None
        return args


def _fault(call: str, error: Exception) -> FloeError:
    """Return the error for an unexpected exception of a handler: an internal fault, except for lack of descriptors."""
    if getattr(error, "errno", 0) in FULL:
        return EnvironmentFailed(spare_descriptor.text(f"{call!r}"))
    return BugError(f"{call} failed: {type(error).__name__}: {error}; please report it")
