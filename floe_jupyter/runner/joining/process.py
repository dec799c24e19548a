"""The process that joins: it keeps a connection to the dispatcher, and runs the runners that are wanted there."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable

import msgspec

from floe_jupyter._version import __version__
from floe_jupyter.runner.joining.children import ChildRunner
from floe_jupyter.runner.joining.words import Words
from floe_jupyter.wire import processes
from floe_jupyter.wire.join_files import JoinFile
from floe_jupyter.wire.joining import EVERY, JOINED, LIMIT, EndedLaunch, JoinedOrders, JoinedState, WantedLaunch
from floe_jupyter.wire.runner_messages import PROTOCOL
from floe_jupyter.wire.transport.curve import CONNECTED, CurveConnection, CurveKeys
from floe_jupyter.wire.transport.loop import Loop

END_WITHIN = 2.0
"""Seconds that runners get to end when the process ends."""
CLEARED_WITHIN = 0.5
"""Seconds for the end of what a runner leaves behind."""


class JoiningProcess:
    """The process, serving from its construction to the end of `run`. *file* has the keys of *keys*; *say* tells the user."""

    def __init__(self, endpoint: str, file: str, keys: JoinFile, lease: float, say: Callable[[str], None]) -> None:
        self._endpoint, self._file, self._lease = endpoint, os.path.abspath(file), lease
        self._loop = Loop()
        self._words = Words(endpoint, keys, lease, say)
        self._life = secrets.randbits(62)
        self._children: dict[int, ChildRunner] = {}
        self._ended: dict[int, EndedLaunch] = {}
        self._leaves = False
        self._heard = self._loop.now
        self._decode = msgspec.msgpack.Decoder(JoinedOrders).decode
        self._encode = msgspec.msgpack.Encoder().encode
        processes.set_subreaper()
        self._signals()
        curve_keys = CurveKeys(keys.server, keys.public, keys.secret)
        self._words.begins()
        self._connection = CurveConnection(self._loop, endpoint, curve_keys, JOINED, LIMIT, self._take, self._news)
        self._loop.after(EVERY, self._beat)

    def run(self) -> None:
        """Serve until a signal; then end all runners."""
        try:
            self._loop.run()
        finally:
            self._close()

    def _close(self) -> None:
        self._leaves = True
        self._tell()
        self._end_all()
        deadline = time.monotonic() + END_WITHIN
        self._loop.stopped = False
        while self._children and time.monotonic() < deadline:
            self._loop.turn(deadline - time.monotonic())
        for child in self._children.values():
            child.kill()
        processes.end_adopted(set(), CLEARED_WITHIN)
        self._connection.close()
        self._words.ends()

    def _signals(self) -> None:
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                signal.signal(number, lambda *_: self._loop.stop())
        self._loop.watch(self._woken, self._drain)

    def _drain(self, _: int) -> None:
        os.read(self._woken, 4_096)

    # --- the dispatcher --------------------------------------------------------------------------------------------------

    def _news(self, news: str) -> None:
        self._words.news(news)
        if news == CONNECTED:
            self._tell()

    def _beat(self) -> None:
        self._loop.after(EVERY, self._beat)
        self._tell()
        if self._children and self._loop.now - self._heard > self._lease:
            self._words.lease_over()
            self._end_all()

    def _tell(self) -> None:
        ended = tuple(self._ended.values())
        state = JoinedState(self._life, __version__, PROTOCOL, os.uname().nodename, self._lease, ended, self._leaves)
        self._connection.send((self._encode(state),))

    def _take(self, frames: list[bytes]) -> None:
        if len(frames) != 2:
            return
        try:
            orders = self._decode(frames[1])
        except msgspec.MsgspecError:
            return
        self._heard = self._loop.now
        self._words.orders(orders)
        self._carry_out(orders.launches)

    # --- runners ---------------------------------------------------------------------------------------------------------

    def _carry_out(self, wanted: tuple[WantedLaunch, ...]) -> None:
        if self._leaves:
            return
        numbers = {launch.number for launch in wanted}
        for number in self._ended.keys() - numbers:
            del self._ended[number]
        for number in self._children.keys() - numbers:
            self._children[number].stop()
        for launch in wanted:
            if launch.number not in self._children and launch.number not in self._ended:
                self._start(launch)

    def _start(self, launch: WantedLaunch) -> None:
        try:
            child = ChildRunner(self._loop, launch, self._endpoint, self._file, self._child_ended)
        except OSError as error:
            self._ended[launch.number] = EndedLaunch(launch.number, f"it cannot be started there: {error}")
            self._tell()
            return
        self._children[launch.number] = child
        self._words.started(child.pid)

    def _child_ended(self, ended: EndedLaunch) -> None:
        child = self._children.pop(ended.number)
        self._ended[ended.number] = ended
        processes.end_adopted({other.pid for other in self._children.values()}, CLEARED_WITHIN)
        self._words.ended(child.pid, ended)
        self._tell()

    def _end_all(self) -> None:
        for child in self._children.values():
            child.stop()
