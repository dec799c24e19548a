"""The runner: instances of flows, the runtimes they use, and the dispatcher they serve, on one loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

from floe_jupyter.core.events import CloseRun, Command, Ended, Event, Failure, Inject, Load, Notice, Reply, Returned
from floe_jupyter.core.machine import Machine
from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import EnvironmentFailed, FloeError, ProtocolError, unknown
from floe_jupyter.runner import segments
from floe_jupyter.runner.api import Api, ask_instance
from floe_jupyter.runner.environments import Environments
from floe_jupyter.runner.instance import Instance
from floe_jupyter.runner.languages import Interpreter, languages
from floe_jupyter.runner.launch import Launched
from floe_jupyter.runner.loop import Loop
from floe_jupyter.runner.pool import Pool
from floe_jupyter.runner.process import Runtime
from floe_jupyter.runner.segments import Segments
from floe_jupyter.runner.slots import LOAD_ATTEMPTS, Slot
from floe_jupyter.runner.translate import named, returned
from floe_jupyter.runner.uplink import Uplink
from floe_jupyter.wire import leftovers
from floe_jupyter.wire.frames import (
    ActivatedFrame,
    FreeFrame,
    Head,
    LoadedFrame,
    LoadFrame,
    LogFrame,
    RefusedFrame,
    ReturnedFrame,
    RoutedFrame,
)
from floe_jupyter.wire.links import Answer, Ask, Bye, Logged, Open, Out, Progress, RunnerHello, Seen, Shut, Wish

VIEW_EVERY = 0.05
"""Seconds between two views of an instance, at least."""
STOP_LIMIT = 3.0
"""Seconds that modules have to finish when their flow is stopped."""


class Runner:
    """Owner of the runtimes, host of the instances."""

    def __init__(self, loop: Loop, connect: str, url: str, warm: Launched | None = None) -> None:
        self.loop = loop
        self.instances: dict[str, Instance] = {}
        self._refused: dict[str, str] = {}
        """Instances whose flow no machine could be made of, and why."""
        self._slots = count(1)
        self._calls = count(1)
        self._news: list[Instance] = []
        self._held_back = False
        self._log_cut: dict[tuple[str, str, str], int] = {}
        leftovers.sweep_pipes()
        segments.sweep_dead()
        self.segments = Segments(self._free)
        self.pool = Pool(loop, self)
        self.environments = Environments(loop, self._progress)
        if warm is not None:
            self.pool.adopt(warm)
        self._api = Api(self)
        self._owner = f"floe-{os.getppid()}-d{os.getpid()}"
        """The beginning of the names of segments that we hand to the dispatcher: it removes them."""
        self.uplink = Uplink(loop, connect, f"{url} {os.getpid()}", self.take)
        self.uplink.send(RunnerHello(url, os.getpid(), languages()))
        loop.every_turn(self._hold_back)

    # --- the dispatcher --------------------------------------------------------------------------------------------------

    def take(self, message: Any) -> None:
        """Carry out what the dispatcher says."""
        self._TAKE[type(message)](self, message)

    def _open(self, message: Open) -> None:
        """Make an instance and start it. One that cannot be made fails whatever is sent to it."""
        if message.instance in self.instances:
            return
        try:
            self.make(message)
        except FloeError as error:
            self._refused[message.instance] = str(error)
            self.uplink.send(Out(message.instance, (Notice("failure", data={"message": str(error)}),)))

    def make(self, message: Open) -> Instance:
        """An instance at work. Raises DefinitionError."""
        machine = Machine(message.flow, {m.name: m for m in message.modules}, debug=message.debug,
                          hold_errors=message.hold_errors, states=message.states, timeout=message.timeout)
        instance = Instance(message.instance, message.prefix, machine, self, message.flow, message.modules)
        self.instances[instance.name] = instance
        instance.start()
        return instance

    def _shut(self, message: Shut) -> None:
        self._refused.pop(message.instance, None)
        if (instance := self.instances.get(message.instance)) is not None:
            self.shut(instance)

    def shut(self, instance: Instance) -> None:
        """Stop it, and forget it when nothing of it is at work any more."""
        instance.stop()
        if instance.over:
            self._close(instance)
        else:
            self.loop.after(STOP_LIMIT, lambda: self._force(instance))

    def _force(self, instance: Instance) -> None:
        for runtime in {id(r): r for r, _ in instance.calls.values()}.values():
            runtime.kill(f"did not finish within {STOP_LIMIT:.0f} s of the stop of its flow")

    def _close(self, instance: Instance) -> None:
        if self.instances.get(instance.name) is instance:
            self._see(instance)
            instance.discard()
            del self.instances[instance.name]
            self.pool.leave(instance)

    def _wish(self, message: Wish) -> None:
        event = message.event
        if isinstance(event, Inject) and event.batch.buffers:
            self.segments.adopt(event.batch)
        instance = self.instances.get(message.instance)
        if instance is None or instance.broken:
            self._refuse(message, instance.broken if instance else "")
        else:
            instance.wish(event)

    def _refuse(self, message: Wish, broken: str) -> None:
        text = broken or self._refused.get(message.instance) or str(unknown("instance", message.instance, self.instances))
        answers: list[Command] = []
        if (token := getattr(message.event, "token", None)) is not None:
            answers.append(Reply(token, error=("unknown", text)))
        answers += [Ended(run, "failed", (Failure("", text, "load"),)) for run in _closed_by(message.event)]
        if answers:
            self.uplink.send(Out(message.instance, tuple(answers)))

    def _ask(self, message: Ask) -> None:
        def done(value: Any, error: tuple[str, str] | None = None) -> None:
            self.uplink.send(Answer(message.token, value, error))

        try:
            if message.instance:
                done(ask_instance(self.instance(message.instance), message.call, message.args))
            else:
                self._api.call(message.call, message.args, done)
        except FloeError as error:
            done(None, (error.kind, str(error)))

    def instance(self, name: str) -> Instance:
        """By its name. Raises UnknownName."""
        found = self.instances.get(name)
        if found is None:
            raise unknown("instance", name, self.instances)
        return found

    def _bye(self, _: Bye) -> None:
        self.loop.stop()

    # --- what instances need -----------------------------------------------------------------------------------------------

    def new_slot(self, instance: Instance, load: Load) -> Slot:
        slot = Slot(next(self._slots), instance, load)
        self.loop.soon(lambda: self._settle(slot))
        return slot

    def _settle(self, slot: Slot) -> None:
        if not (slot.forgotten or self.pool.closed):
            self.environments.find(slot.load.module, lambda found: self._place(slot, found))

    def _place(self, slot: Slot, found: Interpreter | EnvironmentFailed) -> None:
        if slot.forgotten:
            return
        if isinstance(found, EnvironmentFailed):
            slot.instance.refused(slot, Failure(slot.node, str(found), "load"))
        else:
            self.pool.place(slot.instance, found, slot.lane, lambda runtime: self._load(slot, runtime), apart=slot.attempts > 0)

    def _load(self, slot: Slot, runtime: Runtime | EnvironmentFailed) -> None:
        if slot.forgotten:
            return
        if isinstance(runtime, EnvironmentFailed):
            slot.instance.refused(slot, Failure(slot.node, str(runtime), "load"))
            return
        load = slot.load
        slot.runtime = runtime
        runtime.slots[slot.number] = slot
        runtime.loading.append(slot)
        runtime.send(LoadFrame(slot=slot.number, node=load.node, module=load.module, prefix=slot.instance.prefix,
                               state=load.state, on_error=load.on_error, commit_each=load.commit_each, lane=load.lane))

    def forget_slot(self, slot: Slot) -> None:
        if slot.runtime is not None:
            slot.runtime.forget(slot)
        slot.forgotten = True

    def new_call(self) -> int:
        return next(self._calls)

    def kill(self, runtime: str, cause: str) -> None:
        if (found := self.pool.runtimes.get(runtime)) is not None:
            found.kill(cause)

    def hand_over(self, batch: Batch) -> Batch:
        return self.segments.hand_over(batch, self._owner)

    def has_news(self, instance: Instance) -> None:
        if not self._news:
            self.loop.last(self._tell_news)  # the runtimes go first: they work while we tell
        self._news.append(instance)

    def _tell_news(self) -> None:
        told, self._news = self._news, []
        for instance in told:
            commands, instance.news = tuple(instance.news), []
            for command in commands:
                if type(command) is Ended and command.run == instance.own_run:
                    self.uplink.send(Seen(instance.name, instance.machine.view()))  # the last look, before the run is over
            self.uplink.send(Out(instance.name, commands))

    def has_changed(self, instance: Instance) -> None:
        wait = instance.seen_at + VIEW_EVERY - self.loop.now
        self.loop.after(max(VIEW_EVERY / 5, wait), lambda: self._see(instance))

    def _see(self, instance: Instance) -> None:
        instance.changed = False
        if instance.broken or self.instances.get(instance.name) is not instance:
            return
        instance.seen_at = self.loop.now
        view = instance.machine.view()
        if view != instance.sent_view and self.uplink.offer(Seen(instance.name, view)):
            instance.sent_view = view

    def _progress(self, what: str, text: str, *, done: bool = False) -> None:
        self.uplink.offer(Progress("", what, text, done))

    # --- what runtimes tell ------------------------------------------------------------------------------------------------

    def frame(self, runtime: Runtime, head: Head, parts: list[bytes]) -> None:
        """Raises ProtocolError for a frame that breaks the rules."""
        if type(head) is ReturnedFrame:
            self._returned(runtime, head, parts)
            return
        number = getattr(head, "slot", 0)
        slot = runtime.slots.get(number)
        if type(head) is LogFrame and (slot is not None or number in runtime.former):
            instance, node = runtime.former[number] if slot is None else (slot.instance.name, slot.node)
            self._log(instance, node, head.stream, head.text, head.cut)
            return
        if slot is None:
            raise ProtocolError(f"a {type(head).__name__} about slot {number}, which is not loaded there")
        if type(head) in (LoadedFrame, RefusedFrame) and slot in runtime.loading:
            runtime.loading.remove(slot)
        if not slot.forgotten:
            self._FRAMES[type(head)](self, slot, head)
        elif not runtime.calls:
            runtime.clean()

    def _returned(self, runtime: Runtime, head: ReturnedFrame, parts: list[bytes]) -> None:
        key = runtime.calls.get(head.call)
        if key is None:
            raise ProtocolError(f"an answer to call {head.call}, which is not under way")
        instance, call = key
        event = returned(head, parts, call, runtime.slots)
        self._adopt(event, head, runtime)
        if not runtime.useful:
            self.pool.worked(runtime)
        if head.end:
            del runtime.calls[head.call]
            if not runtime.calls:
                runtime.clean()
        instance.returned(call, event)
        if instance.stopping and instance.over:
            self._close(instance)

    def _adopt(self, event: Returned, head: ReturnedFrame, runtime: Runtime) -> None:
        for output in event.outputs:
            if output.batch.buffers:
                self.segments.adopt(output.batch, runtime.name)
        for left in event.left:
            if left.batch.buffers:
                self.segments.adopt(left.batch, runtime.name)
        if head.kept:
            self.segments.keep(head.kept)

    def _loaded(self, slot: Slot, head: LoadedFrame) -> None:
        slot.loaded, slot.fusable, slot.follows = True, head.fusable, head.follows
        slot.instance.loaded(slot)

    def _slot_refused(self, slot: Slot, head: RefusedFrame) -> None:
        slot.instance.refused(slot, named(head.failure, slot.node))

    def _activated(self, slot: Slot, head: ActivatedFrame) -> None:
        slot.instance.activated(slot, head.state)

    def _routed(self, slot: Slot, _: RoutedFrame) -> None:
        slot.instance.routed(slot)

    def printed(self, runtime: Runtime, stream: str, text: str, cut: int) -> None:
        """What came past its modules belongs to whichever of them it may be."""
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
        """Frames were sent ahead; nothing waits for this."""

    def lost(self, runtime: Runtime, cause: str) -> None:
        self.pool.lost(runtime, cause)
        self.segments.maker_gone(runtime.name)
        if self.pool.closed:
            return  # who heard of it would load its modules again
        loading = [slot for slot in runtime.loading if not slot.forgotten]
        for instance in list({s.instance.name: s.instance for s in runtime.slots.values()}.values()):
            instance.lost(runtime, cause)
            if instance.stopping and instance.over:
                self._close(instance)
        for slot in loading:
            slot.runtime = None
        if loading and not self.loop.stopped:
            self._load_again(loading, cause)

    def _load_again(self, loading: list[Slot], cause: str) -> None:
        """Modules are loaded one after the other, so it was the first that may have ended the process."""
        suspect = loading[0]
        suspect.attempts += 1
        for slot in loading:
            if slot.attempts < LOAD_ATTEMPTS:
                self._settle(slot)
            elif not slot.forgotten:
                slot.instance.refused(slot, Failure(slot.node, f"the runtime ended while it loaded {slot.node!r}: {cause}",
                                                    "crashed", attempts=slot.attempts))

    def _free(self, maker: str, again: list[str], remove: list[str]) -> bool:
        runtime = self.pool.runtimes.get(maker)
        if runtime is None or runtime.status not in ("starting", "ready"):
            return False
        runtime.send(FreeFrame(segments=again, remove=remove))
        return True

    # --- bounds, and the end ---------------------------------------------------------------------------------------------------

    def _hold_back(self) -> None:
        """A dispatcher that does not keep up stops the runtimes, by their pipes; nothing is thrown away."""
        if self.uplink.full != self._held_back:
            self._held_back = not self._held_back
            for runtime in self.pool.runtimes.values():
                runtime.hold(paused=self._held_back)

    def close(self, patience: float) -> None:
        """End all processes (with *patience* 0 at once), remove what they made, and close the connection."""
        self.environments.close()
        deadline = self.loop.now + patience + 0.8
        self.pool.close(at_once=not patience)
        self.loop.after(patience, lambda: self.pool.close(at_once=True))
        while self.pool.runtimes and self.loop.now < deadline:
            self.loop.turn(0.1)
        self.segments.clear(f"floe-{os.getpid()}-")
        leftovers.sweep_pipes(os.getpid())
        self.uplink.close()

    _TAKE: ClassVar[dict[type, Callable[[Runner, Any], None]]] = {
        Wish: _wish, Open: _open, Shut: _shut, Ask: _ask, Bye: _bye,
    }
    _FRAMES: ClassVar[dict[type, Callable[[Runner, Slot, Any], None]]] = {
        LoadedFrame: _loaded, RefusedFrame: _slot_refused, ActivatedFrame: _activated,
        RoutedFrame: _routed,
    }


def _closed_by(event: Event) -> tuple[int, ...]:
    """The runs that an event closes."""
    if isinstance(event, CloseRun):
        return (event.run,)
    if isinstance(event, Inject) and event.close:
        return event.batch.runs or (event.batch.run,)
    return ()
