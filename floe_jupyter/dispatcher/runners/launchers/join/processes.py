"""Processes that have joined, one a key, and the runners wanted of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from floe_jupyter._version import __version__
from floe_jupyter.dispatcher.runners.launchers.join.entrance import Peer
from floe_jupyter.dispatcher.runners.launchers.join.launched import JoinedConnection, JoinedRunner
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.joining import EVERY, LEASE, JoinedOrders, JoinedState, WantedLaunch
from floe_jupyter.wire.runner_messages import PROTOCOL

AWAY_AFTER = 3 * EVERY
"""Seconds without a word after which a process counts as away."""
MARGIN = 2 * EVERY
"""Seconds by which the dispatcher's end of a lease is later than that of the joined process."""
FORMER = 16
"""Maximum number of former processes of a key that are remembered."""
OTHER = "another process has joined with this key since; give each machine a key of its own: `floe keys add NAME`"


class JoinedProcess:
    """Process that has joined with one key; *send* sends orders, *receive* takes what has arrived."""

    def __init__(self, name: str, send: Callable[[Peer, JoinedOrders], None]) -> None:
        self.name, self._send = name, send
        self.host = ""
        self.peer: Peer | None = None
        """The newest connection; None while away."""
        self.launches: dict[int, JoinedRunner] = {}
        self._heard = 0.0
        self._life = 0
        self._lease = LEASE
        self._former: deque[int] = deque(maxlen=FORMER)

    def status(self, now: float) -> str:
        """Return ``connected``, ``away for 5 s`` or ``never connected``."""
        if not self._heard:
            return "never connected"
        return "connected" if self._is_here(now) else f"away for {now - self._heard:.0f} s"

    def _is_here(self, now: float) -> bool:
        return self.peer is not None and now - self._heard < AWAY_AFTER

    def heard(self, peer: Peer, state: JoinedState, now: float) -> None:
        """Take the state of a process with this key."""
        if problem := self._problem(state):
            self._send(peer, JoinedOrders(self.name, refused=problem))
            return
        if state.life != self._life:
            self._meet(state.life)
        self.peer, self.host, self._lease, self._heard = peer, state.host, state.lease, now
        for ended in state.ended:
            if ended.number in self.launches:
                self.launches[ended.number].finish(ended.how, ended.tail)
        if state.leaves:
            self.peer = None
            self.finish(f"`floe runner` was ended on {self.host}")
        else:
            self.order()

    def _problem(self, state: JoinedState) -> str:
        if state.life in self._former:
            return OTHER
        if (state.version, state.protocol) != (__version__, PROTOCOL):
            return f"this is floe-jupyter {state.version}, and the dispatcher runs {__version__}: install the same at both ends"
        return ""

    def _meet(self, life: int) -> None:
        """Take note of a new process: it runs nothing yet."""
        if self._life:
            self._former.append(self._life)
        self._life = life
        self.finish("its `floe runner` was started again")

    def launch(
        self, order: LaunchOrder, transmit: Callable[[Peer, Sequence[bytes]], None], receive: Callable[[], None], now: float
    ) -> JoinedRunner:
        """Order a runner. Raises `EnvironmentFailed` while the process is not here."""
        if not self._is_here(now):
            raise EnvironmentFailed(
                f"no machine serves as {order.url} ({self.status(now)}): start `floe runner --connect tcp://HOST:PORT "
                f"--key FILE` there, with the join file of {self.name}"
            )
        connection = JoinedConnection(order.epoch, transmit, receive)
        made = JoinedRunner(order, self.host, connection, lambda: self._forget(order.epoch))
        self.launches[order.epoch] = made
        self.order()
        return made

    def order(self) -> None:
        """Tell the process what shall run."""
        if self.peer is not None:
            wanted = (WantedLaunch(r.number, r.url) for r in self.launches.values() if not r.ended())
            self._send(self.peer, JoinedOrders(self.name, tuple(wanted)))

    def _forget(self, number: int) -> None:
        if self.launches.pop(number, None) is not None:
            self.order()

    def look(self, now: float) -> None:
        """Give up what was not heard for a lease."""
        over = self._lease + MARGIN
        if self.launches and now - self._heard > over:
            self.finish(f"nothing was heard of {self.host} for {over:g} s")
        for launched in self.launches.values():
            if launched.connection.silence() > over:
                launched.finish(f"it did not answer for {over:g} s")

    def lost(self, descriptor: int) -> None:
        """Take note of the end of a connection."""
        if self.peer is not None and self.peer.descriptor == descriptor:
            self.peer = None
        for launched in self.launches.values():
            if launched.connection.peer is not None and launched.connection.peer.descriptor == descriptor:
                launched.connection.lost()

    def away(self) -> None:
        """Take note that no connection is left."""
        self.peer = None
        for launched in self.launches.values():
            launched.connection.lost()

    def peers(self) -> list[Peer]:
        """Return all connections of the key."""
        found = [self.peer, *(launched.connection.peer for launched in self.launches.values())]
        return [peer for peer in found if peer is not None]

    def finish(self, how: str) -> None:
        """Take note of the end of all runners."""
        for launched in self.launches.values():
            launched.finish(how)
