"""Runtimes that this runner, as an outpost, keeps for the machines of other runners.

The processes are those of the pool: an idle one is taken, and a new one is started in the environment of the module. The bytes
of their pipes are passed on unread, so that a message costs nothing here but its share of a read and a write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.environments.cache import Environments
from floe_jupyter.runner.runtimes.languages import Interpreter
from floe_jupyter.runner.runtimes.pool import Pool
from floe_jupyter.runner.runtimes.process import ProcessRuntime
from floe_jupyter.runner.runtimes.remote import CREDIT_FROM
from floe_jupyter.runner.runtimes.runtime import KILL_AFTER, Runtime
from floe_jupyter.wire import shared_memory
from floe_jupyter.wire.process_context import ProcessContext
from floe_jupyter.wire.runner_messages import (
    CHANNEL_WINDOW,
    EndRuntime,
    InputTaken,
    KillRuntime,
    OutputTaken,
    RuntimeEnded,
    RuntimeInput,
    RuntimeOutput,
    RuntimePrinted,
    RuntimeReady,
    StartRuntime,
)


class MessageSink(Protocol):
    """Way to the dispatcher, as far as hosted runtimes need it."""

    def send(self, message: Any) -> None:
        """Send a message."""

    def offer(self, message: Any) -> bool:
        """Send a message that may be missed; return True if sent."""


class HostedRuntime:
    """One channel: the process, once there is one, and the bytes under way."""

    def __init__(self, channel: str, send: Callable[[Any], None]) -> None:
        self.name = channel
        """Name under which the pool knows the user of the process."""
        self.shares = True
        """True if the runtime and the home runner have the same shared memory."""
        self.runtime: ProcessRuntime | None = None
        self._send = send
        self._early: list[bytes] = []
        """Input that came before there was a process."""
        self._ahead = self._written = 0
        """Bytes of output that the home runner has not taken yet, and bytes of input taken since it was told."""
        self._cut: dict[str, int] = {}

    def attach(self, runtime: ProcessRuntime) -> None:
        """Take a process into service."""
        self.runtime = runtime
        runtime.tap, runtime.writer.taken = self._output, self._taken
        early, self._early = self._early, []
        for data in early:
            runtime.writer.send([data])
        if runtime.status == "ready":
            self.is_ready(runtime)

    def is_ready(self, runtime: ProcessRuntime) -> None:
        """Tell that the process has said hello."""
        self._send(RuntimeReady(self.name, runtime.pid, runtime.version, runtime.fidelity, self.shares))

    def input(self, data: bytes) -> None:
        """Write to the process."""
        if self.runtime is None:
            self._early.append(data)
        else:
            self.runtime.writer.send([data])

    def credit(self, n: int) -> None:
        """Take note that the home runner has taken *n* further bytes."""
        self._ahead -= n
        self._throttle()

    def printed(self, uplink: MessageSink, stream: str, text: str, cut: int) -> None:
        """Pass on process output, unless the dispatcher does not keep up: then only count it."""
        cut += self._cut.pop(stream, 0)
        if not uplink.offer(RuntimePrinted(self.name, stream, text, cut)):
            self._cut[stream] = cut + len(text)

    def _output(self, data: bytes) -> None:
        self._send(RuntimeOutput(self.name, data))
        self._ahead += len(data)
        if self._ahead >= CHANNEL_WINDOW:
            self._throttle()

    def _throttle(self) -> None:
        if self.runtime is not None:
            self.runtime.hold(paused=self._ahead >= CHANNEL_WINDOW, why="channel")

    def _taken(self, n: int) -> None:
        self._written += n
        if self._written >= CREDIT_FROM:
            written, self._written = self._written, 0
            self._send(InputTaken(self.name, written))


class HostedRuntimes:
    """All runtimes kept for other runners, by channel."""

    def __init__(
        self, pool: Pool, environments: Environments, uplink: MessageSink, context_of: Callable[[ProcessContext], ProcessContext]
    ) -> None:
        self._pool, self._environments, self._uplink, self._context_of = pool, environments, uplink, context_of
        self._channels: dict[str, HostedRuntime] = {}
        self._by_runtime: dict[str, HostedRuntime] = {}

    def of(self, runtime: Runtime) -> HostedRuntime | None:
        """Return the channel of a process, if it serves one."""
        return self._by_runtime.get(runtime.name)

    def take(self, message: Any) -> None:
        """Carry out an order of a home runner; an order for a forgotten channel is ignored."""
        if type(message) is StartRuntime:
            self._start(message)
        elif (hosted := self._channels.get(message.channel)) is not None:
            self._TAKE[type(message)](self, hosted, message)

    def printed(self, hosted: HostedRuntime, stream: str, text: str, cut: int) -> None:
        """Pass on process output."""
        hosted.printed(self._uplink, stream, text, cut)

    def lost(self, hosted: HostedRuntime, cause: str, *, outside: bool) -> None:
        """Tell the end of a process, and forget the channel."""
        if hosted.runtime is not None:
            self._by_runtime.pop(hosted.runtime.name, None)
        if self._channels.pop(hosted.name, None) is not None:
            self._uplink.send(RuntimeEnded(hosted.name, cause, outside))

    def _start(self, message: StartRuntime) -> None:
        hosted = self._channels[message.channel] = HostedRuntime(message.channel, self._uplink.send)
        hosted.shares = message.memory == shared_memory.identity() != ""
        context = self._context_of(message.context)
        self._environments.find(message.module, lambda found: self._found(hosted, found), context)

    def _found(self, hosted: HostedRuntime, found: Interpreter | EnvironmentFailed) -> None:
        if self._channels.get(hosted.name) is not hosted:
            return
        if isinstance(found, EnvironmentFailed):
            self._refuse(hosted, found)
        else:
            # As worker 1 of its own, the channel gets an idle process or a new one, and shares none.
            found = found._replace(shares=hosted.shares)
            self._pool.place(hosted, found, 1, lambda runtime: self._placed(hosted, runtime))

    def _placed(self, hosted: HostedRuntime, runtime: Runtime | EnvironmentFailed) -> None:
        if isinstance(runtime, EnvironmentFailed):
            self._refuse(hosted, runtime)
        elif self._channels.get(hosted.name) is not hosted:
            self._pool.leave(hosted)
        else:
            assert isinstance(runtime, ProcessRuntime)
            self._by_runtime[runtime.name] = hosted
            hosted.attach(runtime)

    def _refuse(self, hosted: HostedRuntime, error: EnvironmentFailed) -> None:
        del self._channels[hosted.name]
        self._uplink.send(RuntimeEnded(hosted.name, str(error), refused=True))

    def _input(self, hosted: HostedRuntime, message: RuntimeInput) -> None:
        hosted.input(message.data)

    def _credit(self, hosted: HostedRuntime, message: OutputTaken) -> None:
        hosted.credit(message.n)

    def _end(self, hosted: HostedRuntime, _: EndRuntime) -> None:
        del self._channels[hosted.name]  # nobody waits for the end
        if hosted.runtime is not None:
            hosted.runtime.end()

    def _kill(self, hosted: HostedRuntime, message: KillRuntime) -> None:
        if hosted.runtime is None:
            self.lost(hosted, message.cause, outside=False)
        else:
            hosted.runtime.kill(message.cause, 0.0 if message.at_once else KILL_AFTER)

    _TAKE: ClassVar[dict[type, Callable[[HostedRuntimes, HostedRuntime, Any], None]]] = {
        RuntimeInput: _input,
        OutputTaken: _credit,
        EndRuntime: _end,
        KillRuntime: _kill,
    }
