"""The dispatcher's side of joining: keys, the entrance, and the processes that have joined."""

from __future__ import annotations

import re
import socket
from typing import Any

import msgspec
import zmq

from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.runners.launchers.join.allowed import AllowedKey, AllowList
from floe_jupyter.dispatcher.runners.launchers.join.entrance import Entrance, Peer
from floe_jupyter.dispatcher.runners.launchers.join.processes import JoinedProcess
from floe_jupyter.dispatcher.runners.launchers.model import LaunchedRunner, LaunchOrder
from floe_jupyter.errors import DefinitionError, EnvironmentFailed, UnknownName
from floe_jupyter.wire.joining import EVERY, JOINED, JoinedOrders, JoinedState, frame_of
from floe_jupyter.wire.transport.loop import Loop

_ENDPOINT = re.compile(r"tcp://([^\s/:]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})\Z")
_EVERYWHERE = ("0.0.0.0", "*")  # noqa: S104 - asked for by the user
RESUME_TRIES = 20
"""Number of tries, one a second, to listen at the address of a former dispatcher."""
_ORDERS = frame_of(JOINED)


class JoinServer:
    """Server of the processes that join, with the keys in *directory*. Raises `EnvironmentFailed`."""

    def __init__(self, loop: Loop, directory: str) -> None:
        self._loop = loop
        self.allowed = AllowList(directory)
        self._refused = 0
        self._entrance: Entrance | None = None
        self._processes: dict[str, JoinedProcess] = {}
        self._decode = msgspec.msgpack.Decoder(JoinedState).decode
        self._encode = msgspec.msgpack.Encoder().encode

    @property
    def refused(self) -> int:
        """Number of messages refused: of revoked keys, of launches that are over, and malformed ones."""
        return self._refused + (self._entrance.refused if self._entrance is not None else 0)

    # --- keys --------------------------------------------------------------------------------------------------------------

    def listen(self, endpoint: str) -> str:
        """Listen at ``tcp://ADDRESS:PORT``, also after a restart, instead of elsewhere; with ``off`` nowhere. Return the address.

        Raises `DefinitionError` and `EnvironmentFailed`.
        """
        if endpoint != "off" and not _ENDPOINT.match(endpoint):
            raise DefinitionError(f"{endpoint!r} is no address: write tcp://0.0.0.0:7711, or tcp://ADDRESS:PORT of this machine")
        if endpoint != self.endpoint:
            self._shut()
            if endpoint != "off":
                self._open(endpoint)
        self.allowed.endpoint = self.endpoint
        return self.endpoint

    def resume(self, tries: int = RESUME_TRIES) -> None:
        """Listen where the former dispatcher did, which may be about to end; what prevents that is logged."""
        if not self.allowed.endpoint or self._entrance is not None:
            return
        try:
            self._open(self.allowed.endpoint)
        except EnvironmentFailed as error:
            if tries > 1:
                self._loop.after(EVERY, lambda: self.resume(tries - 1))
            else:
                log.warn(str(error))

    @property
    def endpoint(self) -> str:
        """Address at which the dispatcher listens; empty if it does not."""
        return self._entrance.endpoint if self._entrance is not None else ""

    @property
    def reachable(self) -> str:
        """Address for other machines; empty if the dispatcher does not listen."""
        host, _, port = self.endpoint.removeprefix("tcp://").rpartition(":")
        return self.endpoint and f"tcp://{socket.gethostname() if host in _EVERYWHERE else host}:{port}"

    def add(self, name: str, public: str) -> dict[str, Any]:
        """Add a key; return what the user needs for the other machine."""
        path = self.allowed.add(name, public, self.reachable)
        return {
            "name": name,
            "url": f"join:{name}",
            "server": self.allowed.pair[0].hex(),
            "file": path,
            "listens": self.endpoint,
            "reachable": self.reachable,
        }

    def revoke(self, name: str) -> None:
        """Remove a key, and end all connections and runners of the process that has joined with it. Raises `UnknownName`."""
        self.allowed.revoke(name)
        process = self._processes.pop(name, None)
        if process is not None and self._entrance is not None:
            for peer in process.peers():
                self._entrance.end(peer)
            process.peer = None
            process.finish(f"the key {name} was revoked")

    def rows(self) -> list[dict[str, Any]]:
        """Return the keys, with the state of what has joined."""
        return [self._row(key) for key in self.allowed.keys]

    def _row(self, key: AllowedKey) -> dict[str, Any]:
        found = self._processes.get(key.name)
        status = found.status(self._loop.now) if found is not None else "never connected"
        return {
            "name": key.name,
            "url": f"join:{key.name}",
            "status": status if self._entrance is not None else "no port is open",
            "host": found.host if found is not None else "",
            "runners": len(found.launches) if found is not None else 0,
            "listens": self.endpoint,
            "key": key.public,
        }

    # --- runners -----------------------------------------------------------------------------------------------------------

    def launch(self, order: LaunchOrder) -> LaunchedRunner:
        """Order a runner of a process that has joined. Raises `UnknownName` and `EnvironmentFailed`."""
        name = order.url.partition(":")[2]
        try:
            self.allowed.named(name)
        except UnknownName as error:
            raise UnknownName(f"{error}; `floe keys add {name}` lets a machine join under this name") from None
        if self._entrance is None:
            raise EnvironmentFailed(f"no machine can join as {order.url} yet: `floe keys listen tcp://0.0.0.0:7711` opens a port")
        return self._process(name).launch(order, self._entrance.send, self._entrance.receive, self._loop.now)

    def close(self) -> None:
        """Tell all processes that nothing shall run any more, and close the port."""
        for process in self._processes.values():
            process.launches.clear()
            process.order()
        self._shut()

    def _process(self, name: str) -> JoinedProcess:
        if name not in self._processes:
            self._processes[name] = JoinedProcess(name, self._order)
        return self._processes[name]

    def _open(self, endpoint: str) -> None:
        self._entrance = Entrance(self._loop, endpoint, self.allowed.pair, self.allowed.name_of, self._heard, self._lost)
        self._loop.after(EVERY, lambda opened=self._entrance: self._look(opened))  # type: ignore[misc]

    def _shut(self) -> None:
        if self._entrance is not None:
            self._refused += self._entrance.refused
            self._entrance.close()
            self._entrance = None
            for process in self._processes.values():
                process.away()

    def _heard(self, name: str, peer: Peer, frames: list[bytes]) -> None:
        process = self._process(name)
        number = int.from_bytes(frames[0][:9], "big")
        launched = process.launches.get(number)
        if number == JOINED and len(frames) == 2:
            self._take(process, peer, frames[1])
        elif launched is not None and not launched.ended():
            launched.connection.heard(peer, frames[1:])
        else:
            self._refused += 1  # of a launch that is over

    def _take(self, process: JoinedProcess, peer: Peer, body: bytes) -> None:
        try:
            state = self._decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._refused += 1
            return
        process.heard(peer, state, self._loop.now)

    def _order(self, peer: Peer, orders: JoinedOrders) -> None:
        if self._entrance is None:
            return
        try:
            self._entrance.send(peer, (_ORDERS, self._encode(orders)))
        except zmq.ZMQError as error:
            log.warn(f"to the machine of join:{orders.name}: {error}; it is sent again")

    def _lost(self, descriptor: int) -> None:
        for process in self._processes.values():
            process.lost(descriptor)

    def _look(self, entrance: Entrance) -> None:
        if self._entrance is not entrance:
            return
        self._loop.after(EVERY, lambda: self._look(entrance))
        for process in self._processes.values():
            process.look(self._loop.now)
            process.order()
