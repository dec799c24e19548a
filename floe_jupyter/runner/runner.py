"""Runner: instances of flows, runtimes, and the connection to the dispatcher, on one loop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

from floe_jupyter.core.machine.events import Command, Ended, Failure, Inject, Load, Notice, Reply
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import FloeError, unknown
from floe_jupyter.runner import segments
from floe_jupyter.runner.driver import MachineDriver
from floe_jupyter.runner.environments.cache import Environments
from floe_jupyter.runner.frame_router import FrameRouter
from floe_jupyter.runner.greeting import hello
from floe_jupyter.runner.hosted import HostedRuntimes
from floe_jupyter.runner.loader import Loader
from floe_jupyter.runner.outposts import Outposts
from floe_jupyter.runner.runtimes import descendants
from floe_jupyter.runner.runtimes.launch import Launched
from floe_jupyter.runner.runtimes.loads import LOAD_LIMIT
from floe_jupyter.runner.runtimes.pool import Pool
from floe_jupyter.runner.runtimes.process import LOOK_AGAIN, ProcessRuntime
from floe_jupyter.runner.runtimes.remote import RemoteRuntime
from floe_jupyter.runner.runtimes.runtime import Runtime
from floe_jupyter.runner.runtimes.slots import Slot, SlotOwner
from floe_jupyter.runner.runtimes.translate import closed_by
from floe_jupyter.runner.segments import Segments
from floe_jupyter.runner.transports import JoinAddress
from floe_jupyter.runner.uplink import Uplink
from floe_jupyter.wire import leftovers, processes
from floe_jupyter.wire.inlined import ANSWER_BYTES, in_batches, settled, shown
from floe_jupyter.wire.process_context import INHERITED, ProcessContext, current_context
from floe_jupyter.wire.runner_messages import (
    TO_HOME,
    TO_OUTPOST,
    Answer,
    Ask,
    Bye,
    Logged,
    MachineRequest,
    Open,
    Out,
    Probe,
    Progress,
    Seen,
    Shut,
)
from floe_jupyter.wire.runtime.frames import FRAME_LIMIT, FreeFrame
from floe_jupyter.wire.transport.loop import Loop

if TYPE_CHECKING:
    from floe_jupyter.runner.api.calls import Api

VIEW_EVERY = 0.05
"""Minimum number of seconds between two views of an instance."""
VIEW_SHARE = 10.0
"""Minimum pause between two views, as a multiple of the time taken by the last view: views of a large flow must not slow its
work.
"""
STOP_LIMIT = 3.0
"""Seconds that modules have to finish when their flow is stopped."""


class Runner:
    """Owner of the runtimes and host of the instances."""

    def __init__(
        self,
        loop: Loop,
        connect: str,
        url: str,
        warm: Launched | None = None,
        interpreter: str = "",
        load_limit: float = LOAD_LIMIT,
        epoch: int = 0,
        *,
        same_memory: bool = True,
        joining: JoinAddress | None = None,
    ) -> None:
        self.loop = loop
        self.instances: dict[str, MachineDriver] = {}
        self._refused: dict[str, str] = {}
        """Errors by instance, for flows of which no machine could be made."""
        self._calls = count(1)
        self._with_outgoing: list[MachineDriver] = []
        self._held_back = False
        self._log_cut: dict[tuple[str, str, str], int] = {}
        leftovers.sweep_pipes()
        segments.sweep_dead()
        self.segments = Segments(self._free)
        self._outposts = Outposts(loop, self, self._send)
        self.pool = Pool(loop, self, self._outposts.start)
        self.frame = FrameRouter(self.pool, self.segments, self._log, self._close).frame
        """Handler of the frames of runtimes."""
        self._context = current_context(interpreter=interpreter)
        self.environments = Environments(loop, self._progress)
        self._loader = Loader(loop, self.pool, self.environments, load_limit)
        if warm is not None:
            warm.interpreter = warm.interpreter.within(self._context)
            self.pool.adopt(warm)
        self._same_memory = same_memory
        self._owner = f"{leftovers.maker(os.getppid())}-d{os.getpid()}" if same_memory else f"{leftovers.maker()}-u"
        """Prefix of the names of segments handed to the dispatcher, which removes them, or to the connection to its machine."""
        self.uplink: Uplink = Uplink(loop, connect, f"{url} {os.getpid()}", self.take, same_memory=same_memory, joining=joining)
        self._hosted = HostedRuntimes(self.pool, self.environments, self.uplink, self.context_of)
        self.uplink.send(hello(url, epoch))
        loop.every_turn(self._hold_back)

    # --- the dispatcher --------------------------------------------------------------------------------------------------

    def take(self, message: Any) -> None:
        """Carry out a message of the dispatcher."""
        self._TAKE[type(message)](self, message)

    def _open(self, message: Open) -> None:
        """Make and start an instance. If the instance cannot be made, all later messages to the instance fail."""
        if message.instance in self.instances:
            return
        try:
            self.make(message)
        except FloeError as error:
            self._refused[message.instance] = str(error)
            self.uplink.send(Out(message.instance, (Notice("failure", data={"message": str(error)}),)))

    def make(self, message: Open) -> MachineDriver:
        """Make, start and return an instance. Raises DefinitionError."""
        machine = Machine(
            message.flow,
            {m.name: m for m in message.modules},
            debug=message.debug,
            hold_errors=message.hold_errors,
            states=message.states,
            timeout=message.timeout,
            spreads=True,
        )
        instance = MachineDriver(
            message.instance, message.prefix, machine, self, message.flow, message.modules, self.context_of(message.context)
        )
        instance.timeout = message.timeout or message.flow.timeout
        self.instances[instance.name] = instance
        instance.start()
        return instance

    def context_of(self, given: ProcessContext | None) -> ProcessContext:
        """Return the context in which modules run: the given context, else the runner's own."""
        return given if given and given != INHERITED else self._context

    def _shut(self, message: Shut) -> None:
        self._refused.pop(message.instance, None)
        if (instance := self.instances.get(message.instance)) is not None:
            self.shut(instance)

    def shut(self, instance: MachineDriver) -> None:
        """Stop an instance, and forget the instance when no call is in flight."""
        instance.stop()
        if instance.over:
            self._close(instance)
        else:
            self.loop.after(STOP_LIMIT, lambda: self._force(instance))

    def _force(self, instance: MachineDriver) -> None:
        for runtime in {id(r): r for r, _ in instance.calls.values()}.values():
            runtime.kill(f"did not finish within {STOP_LIMIT:.0f} s of the stop of its flow")

    def _close(self, owner: SlotOwner) -> None:
        instance = self.instances.get(owner.name)
        if instance is not None and instance is owner:
            self._see(instance)
            instance.discard()
            del self.instances[instance.name]
            self.pool.leave(instance)

    def _request(self, message: MachineRequest) -> None:
        if not self._same_memory:
            message = in_batches(message, lambda batch: settled(batch, f"{leftovers.maker()}-r"))
        event = message.event
        if isinstance(event, Inject) and event.batch.buffers:
            self.segments.adopt(event.batch)
        instance = self.instances.get(message.instance)
        if instance is None or instance.broken:
            self._refuse(message, instance.broken if instance else "")
        else:
            instance.request(event)

    def _refuse(self, message: MachineRequest, broken: str) -> None:
        text = broken or self._refused.get(message.instance) or str(unknown("instance", message.instance, self.instances))
        answers: list[Command] = []
        if (token := getattr(message.event, "token", None)) is not None:
            answers.append(Reply(token, error=("unknown", text)))
        answers += [Ended(run, "failed", (Failure("", text, "load"),)) for run in closed_by(message.event)]
        if answers:
            self.uplink.send(Out(message.instance, tuple(answers)))

    @cached_property
    def _api(self) -> Api:
        from floe_jupyter.runner.api.calls import Api  # the import takes 4 to 8 ms of a start, and no flow needs it to run

        return Api(self)

    def _ask(self, message: Ask) -> None:
        def done(value: Any, error: tuple[str, str] | None = None) -> None:
            if not self._same_memory:
                value = shown(value, FRAME_LIMIT if message.call == "at" else ANSWER_BYTES)
            self.uplink.send(Answer(message.token, value, error))

        try:
            if message.instance:
                done(self._api.ask(self.instance(message.instance), message.call, message.args))
            else:
                self._api.call(message.call, message.args, done)
        except FloeError as error:
            done(None, (error.kind, str(error)))

    def instance(self, name: str) -> MachineDriver:
        """Return an instance by name. Raises UnknownName."""
        found = self.instances.get(name)
        if found is None:
            raise unknown("instance", name, self.instances)
        return found

    def _probe(self, _: Probe) -> None:
        """Ignore a probe: the link acknowledges every message, including probes."""

    def _send(self, message: Any) -> None:
        self.uplink.send(message)

    def _about_runtime(self, message: Any) -> None:
        self._outposts.take(message)

    def _for_runtime(self, message: Any) -> None:
        self._hosted.take(message)

    def _bye(self, _: Bye) -> None:
        self.loop.stop()

    # --- host of the instances ---------------------------------------------------------------------------------------------

    def new_slot(self, instance: MachineDriver, load: Load) -> Slot:
        """Return a slot and load the module in a runtime."""
        return self._loader.new(instance, load)

    def forget_slot(self, slot: Slot) -> None:
        """Drop an unloaded slot."""
        self._loader.forget(slot)

    def new_call(self) -> int:
        """Return a new call number."""
        return next(self._calls)

    def kill(self, runtime: str, cause: str) -> None:
        """Kill a runtime, by name."""
        if (found := self.pool.runtimes.get(runtime)) is not None:
            found.kill(cause)

    def hand_over(self, batch: Batch) -> Batch:
        """Return the batch with segment names for the dispatcher, which removes the segments."""
        return self.segments.hand_over(batch, self._owner)

    def has_outgoing(self, instance: MachineDriver) -> None:
        """Send the instance's commands before the next wait."""
        if not self._with_outgoing:
            self.loop.last(self._send_outgoing)  # frames to runtimes go first: runtimes work while the commands are sent
        self._with_outgoing.append(instance)

    def _send_outgoing(self) -> None:
        senders, self._with_outgoing = self._with_outgoing, []
        for instance in senders:
            commands, instance.outgoing = tuple(instance.outgoing), []
            for command in commands:
                if type(command) is Ended and command.run == instance.own_run:  # last view of the run
                    machine = instance.machine
                    self.uplink.send(Seen(instance.name, machine.view(), machine.ends(), machine.hits()))
            self.uplink.send(Out(instance.name, commands))

    def has_changed(self, instance: MachineDriver) -> None:
        """Schedule the next view of an instance."""
        wait = instance.seen_at + max(VIEW_EVERY, VIEW_SHARE * instance.view_cost) - self.loop.now
        self.loop.after(max(VIEW_EVERY / 5, wait), lambda: self._see(instance))

    def _see(self, instance: MachineDriver) -> None:
        instance.changed = False
        if instance.broken or self.instances.get(instance.name) is not instance:
            return
        instance.seen_at, begin = self.loop.now, time.thread_time()
        view = instance.machine.view()
        if view != instance.sent_view and self.uplink.offer(Seen(instance.name, view)):
            instance.sent_view = view
        instance.view_cost = time.thread_time() - begin

    def _progress(self, what: str, text: str, *, done: bool = False) -> None:
        self.uplink.offer(Progress("", what, text, done))

    # --- reports of runtimes -----------------------------------------------------------------------------------------------

    def printed(self, runtime: Runtime, stream: str, text: str, cut: int) -> None:
        """Log output printed past a process's modules, with the node's name if the instance has only one node in the process."""
        if (hosted := self._hosted.of(runtime)) is not None:
            self._hosted.printed(hosted, stream, text, cut)
            return
        nodes: dict[str, set[str]] = {}
        for slot in runtime.slots.values():
            nodes.setdefault(slot.instance.name, set()).add(slot.node)
        for instance, names in nodes.items():
            self._log(instance, next(iter(names)) if len(names) == 1 else "", stream, text, cut)

    def _log(self, instance: str, node: str, stream: str, text: str, cut: int) -> None:
        place = (instance, node, stream)
        cut += self._log_cut.pop(place, 0)
        if not self.uplink.offer(Logged(*place, text, cut)):
            self._log_cut[place] = cut + len(text)

    def ready(self, runtime: Runtime) -> None:
        """Tell the home runner of a hosted runtime; here frames were sent ahead, and no caller waits for the hello."""
        if (hosted := self._hosted.of(runtime)) is not None and isinstance(runtime, ProcessRuntime):
            hosted.is_ready(runtime)

    def lost(self, runtime: Runtime, cause: str) -> None:
        """Forget a lost runtime, and load the unfinished modules again."""
        hosted = self._hosted.of(runtime)
        self.pool.lost(runtime, "" if hosted or runtime.refusal else cause)
        self.segments.maker_gone(runtime.name)
        if hosted is not None:
            self._hosted.lost(hosted, cause, outside=runtime.killed_by_others)
        if isinstance(runtime, RemoteRuntime):
            self._outposts.lost(runtime)
        if self.pool.closed:
            return  # a report would make the machines load their modules again
        concerned = {s.instance.name: s.instance for s in runtime.slots.values()}
        self._loader.lost(runtime, cause)
        for instance in concerned.values():
            if instance.stopping and instance.over:
                self._close(instance)

    def _free(self, maker: str, again: list[str], remove: list[str]) -> bool:
        runtime = self.pool.runtimes.get(maker)
        if runtime is None or runtime.status not in ("starting", "ready"):
            return False
        runtime.send(FreeFrame(segments=again, remove=remove))
        return True

    # --- bounds, and the end ---------------------------------------------------------------------------------------------------

    def _hold_back(self) -> None:
        """Pause or resume all runtimes through their pipes, as the dispatcher falls behind or catches up; no output is lost."""
        if self.uplink.full != self._held_back:
            self._held_back = not self._held_back
            for runtime in self.pool.runtimes.values():
                runtime.hold(paused=self._held_back)

    def close(self, patience: float) -> None:
        """End all processes (with *patience* 0 at once), remove their files, and close the connection."""
        self.environments.close()
        deadline = self.loop.now + patience + 0.8
        self.pool.closed = True
        self._outposts.close()
        self.pool.close(at_once=not patience)
        self.loop.after(patience, lambda: self.pool.close(at_once=True))
        while self.pool.runtimes and self.loop.now < deadline:
            self.loop.turn(0.1)
        while (left := descendants.strangers()) and self.loop.now < deadline:
            processes.kill(left)
            self.loop.turn(LOOK_AGAIN)
        self.segments.clear(f"{leftovers.maker()}-")
        leftovers.sweep_pipes(os.getpid())
        self.uplink.close()

    _TAKE: ClassVar[dict[type, Callable[[Runner, Any], None]]] = {
        MachineRequest: _request,
        Open: _open,
        Shut: _shut,
        Ask: _ask,
        Probe: _probe,
        Bye: _bye,
        **dict.fromkeys(TO_HOME, _about_runtime),
        **dict.fromkeys(TO_OUTPOST, _for_runtime),
    }
