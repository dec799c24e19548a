"""Runtimes of this runner's machines in outposts, by channel: what the dispatcher passes on from the outposts goes to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

from floe_jupyter.runner.runtimes.remote import RemoteRuntime, Send
from floe_jupyter.runner.runtimes.remote_interpreter import RemoteInterpreter
from floe_jupyter.runner.runtimes.runtime import RuntimeOwner
from floe_jupyter.wire import leftovers
from floe_jupyter.wire.runner_messages import InputTaken, RuntimeEnded, RuntimeOutput, RuntimePrinted, RuntimeReady
from floe_jupyter.wire.transport.loop import Loop


class Outposts:
    """All runtimes in outposts. A message about a forgotten runtime is ignored."""

    def __init__(self, loop: Loop, owner: RuntimeOwner, send: Send) -> None:
        self._loop, self._owner, self._send = loop, owner, send
        self._runtimes: dict[str, RemoteRuntime] = {}
        self._prefix = os.urandom(6).hex()
        """Beginning of the names of channels, different from that of any other runner."""
        self._numbers = count(1)

    def start(self, interpreter: RemoteInterpreter) -> RemoteRuntime:
        """Have an outpost start a process, and return the runtime."""
        number = next(self._numbers)
        channel, name = f"{self._prefix}-{number}", f"{leftovers.maker()}-o{number}"
        runtime = self._runtimes[channel] = RemoteRuntime(self._loop, self._owner, name, interpreter, channel, self._send)
        return runtime

    def take(self, message: Any) -> None:
        """Hand a message of an outpost to the runtime."""
        runtime = self._runtimes.get(message.channel)
        if runtime is not None and runtime.status != "gone":
            self._TAKE[type(message)](self, runtime, message)

    def lost(self, runtime: RemoteRuntime) -> None:
        """Forget a runtime."""
        self._runtimes.pop(runtime.remote, None)

    def close(self) -> None:
        """Forget all runtimes; the outposts kill their processes."""
        for runtime in list(self._runtimes.values()):
            runtime.abandon()

    def _ready(self, runtime: RemoteRuntime, message: RuntimeReady) -> None:
        runtime.is_ready(message)

    def _output(self, runtime: RemoteRuntime, message: RuntimeOutput) -> None:
        runtime.take(message.data)

    def _credit(self, runtime: RemoteRuntime, message: InputTaken) -> None:
        runtime.writer.credit(message.n)

    def _printed(self, runtime: RemoteRuntime, message: RuntimePrinted) -> None:
        self._owner.printed(runtime, message.stream, message.text, message.cut)

    def _ended(self, runtime: RemoteRuntime, message: RuntimeEnded) -> None:
        runtime.ended(message)

    _TAKE: ClassVar[dict[type, Callable[[Outposts, RemoteRuntime, Any], None]]] = {
        RuntimeReady: _ready,
        RuntimeOutput: _output,
        InputTaken: _credit,
        RuntimePrinted: _printed,
        RuntimeEnded: _ended,
    }
