"""A proxy between clients and a dispatcher that loses what a test wants lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import zmq

from floe_jupyter.wire.client.channel import context


class Proxy:
    """Passes requests and answers on, except those for which *lose* says so: ``lose(direction, id, times)``, where the
    direction is ``ask`` or ``answer`` and *times* counts how often that came by before.
    """

    def __init__(self, control: str, address: str, lose: Callable[[str, int, int], bool]) -> None:
        self.lost = 0
        self._control, self._lose = control, lose
        self._times: dict[tuple[str, int], int] = {}
        self._front = context().socket(zmq.ROUTER)
        self._front.setsockopt(zmq.LINGER, 0)
        self._front.bind(address)
        self._backs: dict[bytes, zmq.Socket[bytes]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._front, zmq.POLLIN)
        while not self._stop.is_set():
            for source, _ in poller.poll(20):
                if source is self._front:
                    identity, frame = self._front.recv_multipart()
                    if identity not in self._backs:
                        poller.register(self._back(identity), zmq.POLLIN)
                    self._pass("ask", frame, self._backs[identity].send)
                else:
                    identity = next(i for i, s in self._backs.items() if s is source)
                    self._pass("answer", source.recv(), lambda f, i=identity: self._front.send_multipart([i, f]))
        for socket in (self._front, *self._backs.values()):
            socket.close()

    def _back(self, identity: bytes) -> zmq.Socket[bytes]:
        back = self._backs[identity] = context().socket(zmq.DEALER)
        back.setsockopt(zmq.IDENTITY, identity)
        back.setsockopt(zmq.LINGER, 0)
        back.connect(self._control)
        return back

    def _pass(self, direction: str, frame: bytes, send: Callable[[bytes], object]) -> None:
        number = msgspec.msgpack.decode(frame)[0]
        times = self._times.get((direction, number), 0)
        self._times[direction, number] = times + 1
        if self._lose(direction, number, times):
            self.lost += 1
        else:
            send(frame)
