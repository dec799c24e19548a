"""The hub: definitions, instances and runs, and what is said to runners about them.

An instance is one machine in a runner: of one `run` (and called like it), or of a flow that is up. Calls of clients are
in `run_calls`, `debug_calls` and `other_calls`; what runners say is in `inbox`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from floe_jupyter.core.commands import Notice
from floe_jupyter.core.events import Break, CancelRun, CloseRun, Event, Failure, Inject, Status
from floe_jupyter.core.graph import sources
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Flow
from floe_jupyter.dispatcher.clients import Client
from floe_jupyter.dispatcher.definitions import HOST, Definitions, require_runnable
from floe_jupyter.dispatcher.history import History
from floe_jupyter.dispatcher.loop import Loop
from floe_jupyter.dispatcher.publish import Publisher
from floe_jupyter.dispatcher.runners import Runner, Runners
from floe_jupyter.dispatcher.runs import FAILURES, Instance, Run
from floe_jupyter.dispatcher.segments import hand_on
from floe_jupyter.errors import DefinitionError, FloeError, PeerGone, from_wire, unknown
from floe_jupyter.wire.links import Open, Shut, Wish

if TYPE_CHECKING:
    from floe_jupyter.dispatcher.presence import Presence

KEPT_INSTANCES = 4
"""So many instances of runs that were debugged and are over stay, for their history and for forks."""
STOPPED = 20
"""So many flows that were stopped are remembered, for their last view and their logs."""
STOP_WITHIN = 3.0
"""Seconds that runs get to end when their flow is stopped."""

Done = Callable[[Any, FloeError | None], None]


class Hub:
    """What is defined, and what runs."""

    presence: Presence

    def __init__(self, loop: Loop, definitions: Definitions, history: History, runners: Runners, publisher: Publisher) -> None:
        self.loop, self.definitions, self.history = loop, definitions, history
        self.runners, self.publisher = runners, publisher
        self.instances: dict[str, Instance] = {}
        self.up: dict[str, Instance] = {}
        """Flows that are up, by name."""
        self.breaks: dict[str, dict[str, Break]] = {}
        """Breakpoints of every flow, by id: each instance gets them."""
        self.last = ""
        """The instance that was opened last."""
        self.changed: Callable[[], None] = lambda: None
        """Called when something ended that may have been the last."""
        self._tokens = count(1)
        self._debugged: deque[Instance] = deque()
        self._stopped: deque[Instance] = deque()

    # --- instances -------------------------------------------------------------------------------------------------------

    def open(self, name: str, flow: Flow, client: Client, *, detached: bool = False, debug: bool = False,
             timeout: float = 0.0, states: dict[str, dict[str, Any]] | None = None) -> Instance:
        """A new instance, with the flow's breakpoints. Raises `DefinitionError` and `EnvironmentFailed`."""
        require_runnable(flow)
        modules = self.definitions.modules_of(flow)
        instance = Instance(name, flow, modules, self.runners.get("local:"), client)
        instance.sources, instance.detached, instance.debug = sources(flow), detached, debug
        self.instances[name] = instance
        self.last = name
        prefix = f"{flow.name}.{flow.version}.{HOST}."
        instance.runner.send(Open(name, flow, modules, prefix, debug, debug, states or {}, timeout or flow.timeout))
        for given in self.breaks.get(flow.name, {}).values():
            instance.runner.send(Wish(name, given))
        return instance

    def wish(self, instance: Instance, event: Callable[[int], Event], done: Done) -> None:
        """Wish for something; *done* gets (value, None) or (None, error) when the machine has answered."""
        token = next(self._tokens)
        instance.tokens[token] = lambda value, error: done(value, from_wire(*error) if error else None)
        instance.runner.send(Wish(instance.name, event(token)))

    def ask(self, instance: Instance, call: str, done: Done, args: dict[str, Any] | None = None) -> None:
        """Ask its runner about an instance."""
        instance.runner.ask(call, done, args, instance.name)

    def stop(self, instance: Instance, done: Callable[[], None] = lambda: None) -> None:
        """Cancel its runs, then close it."""
        left = set(instance.runs)

        def finish() -> None:
            if finish in pending:
                pending.clear()
                self.close(instance)
                done()

        def ended(run: Run) -> bool:
            left.discard(run.counter)
            if not left:
                finish()
            return True

        pending = [finish]
        for run in list(instance.runs.values()):
            run.watchers.append(lambda run: run.over and ended(run))
            self.cancel(run)
        if left:
            self.loop.after(STOP_WITHIN, finish)
        else:
            finish()

    def close(self, instance: Instance, why: str = "its flow was stopped") -> None:
        """Forget the machine. Runs that are not over are cancelled."""
        if instance.ended:
            return
        instance.ended = True
        instance.runner.send(Shut(instance.name))
        for run in list(instance.runs.values()):
            self.end_run(run, "cancelled")
        self._let_go(instance, PeerGone(f"{instance.name}: {why}"))
        if instance.up:
            self._stopped.append(instance)
            if len(self._stopped) > STOPPED:
                self.instances.pop(self._stopped.popleft().name, None)
        self.changed()

    def _let_go(self, instance: Instance, error: FloeError) -> None:
        if self.up.get(instance.flow.name) is instance:
            del self.up[instance.flow.name]
        instance.let_go((error.kind, str(error)))

    def lost(self, runner: Runner, cause: str) -> None:
        """A runner ended by itself: what ran there has failed, visibly."""
        gone = f"the runner {runner.url} (process {runner.pid}) ended: {cause}"
        self.publisher.publish(f"runner/{runner.url}", {"url": runner.url, "pid": runner.pid, "status": "ended"})
        for instance in [i for i in self.instances.values() if i.runner is runner and not i.ended]:
            instance.ended = True
            for run in list(instance.runs.values()):
                lost = f"of {run.fed} messages fed, what had not come out is lost" if run.fed else "nothing had been fed"
                self.end_run(run, "failed", (Failure("", f"{gone}; {lost}: run it again", "crashed", run=run.counter),))
            self._let_go(instance, PeerGone(gone))
            self.publisher.publish(f"notice/{instance.name}", Notice("lost", data={"cause": gone}))
        self.changed()

    # --- runs ------------------------------------------------------------------------------------------------------------

    def new_run(self, instance: Instance, ref: str, number: int, client: Client, *, detached: bool = False) -> Run:
        run = Run(ref, instance.flow.name, instance.flow.version, number, instance, self.history.results(ref))
        run.client, run.detached = client, detached
        run.instance_name = instance.name
        instance.runs[number] = run
        instance.newest = run
        if instance.runner.ready:
            run.become("active")
        else:
            run.waits_for = f"the runner {instance.runner.url} to start"
        self.history.add(run)
        return run

    def feed(self, run: Run, batch: Batch, node: str, port: str, done: Done | None = None, *, close: bool = False) -> None:
        """Put messages in front of *node*, or of every source; *done* when there is room for more. With *close* they are
        the run's last. Raises `UnknownName`.
        """
        instance = run.instance
        assert instance is not None
        nodes = self.entries(instance, node)
        run.fed += batch.n
        run.closed = run.closed or close
        self._inject(instance, nodes, port, self._of_run(batch, run.counter), done, close=close)

    @staticmethod
    def _of_run(batch: Batch, run: int) -> Batch:
        """Whatever run the messages were of, they are of this one."""
        return Batch(batch.payload, batch.n, run, None, batch.ids, batch.tagged, batch.buffers, batch.counts)

    def feed_each(self, runs: list[Run], batch: Batch, node: str, port: str, done: Done | None = None) -> None:
        """Put one message into each of these runs of one instance, and close them."""
        instance = runs[0].instance
        assert instance is not None
        nodes = self.entries(instance, node)
        for run in runs:
            run.fed, run.closed = 1, True
        counters = tuple(run.counter for run in runs)
        self._inject(instance, nodes, port, msgspec.structs.replace(batch, run=0, runs=counters), done, close=True)

    def send_ahead(self, instance: Instance, number: int, batch: Batch, port: str) -> bool:
        """Have the runner start on a run's only messages before the run is noted here; False where that takes more thought."""
        if len(instance.sources) != 1 or batch.buffers:
            return False
        batch = self._of_run(batch, number)
        instance.runner.send(Wish(instance.name, Inject(instance.sources[0], batch, port, None, True)))  # noqa: FBT003
        return True

    def entries(self, instance: Instance, node: str) -> tuple[str, ...]:
        """Where messages go in: *node*, or every source. Raises `UnknownName`."""
        nodes = (self._node(instance, node),) if node else instance.sources
        if not nodes:
            from floe_jupyter.core.check import no_sources

            raise no_sources(instance.flow)
        return nodes

    def _inject(self, instance: Instance, nodes: tuple[str, ...], port: str, batch: Batch, done: Done | None, *,
                close: bool = False) -> None:
        answered = _all_of(len(nodes), done)
        for place, (name, given) in enumerate(zip(nodes, hand_on(batch, len(nodes)), strict=True), 1):
            token = None
            if done is not None:
                token = next(self._tokens)
                instance.feeding[token] = answered
            last = close and place == len(nodes)
            instance.runner.send(Wish(instance.name, Inject(name, given, port, token, last)))

    def close_run(self, run: Run) -> None:
        if not run.closed and run.instance is not None and not run.over:
            run.closed = True
            run.instance.runner.send(Wish(run.instance.name, CloseRun(run.counter)))

    def feeder_gone(self, client: Client) -> None:
        """Runs that only *client* was feeding get no more: they would wait for ever."""
        for run in [r for instance in self.alive() for r in instance.runs.values() if client in r.feeders and not r.closed]:
            run.feeders = tuple(feeder for feeder in run.feeders if feeder is not client)
            if not run.feeders:
                run.feeder_gone = True
                self.history.touch(run)
                self.close_run(run)

    def cancel(self, run: Run) -> None:
        if run.instance is not None and not run.over:
            run.instance.runner.send(Wish(run.instance.name, CancelRun(run.counter)))

    def set_status(self, run: Run, status: Status, waits_for: str = "") -> None:
        """A run that is held, or goes on."""
        if run.over or (run.status == status and run.waits_for == waits_for):
            return
        run.waits_for = waits_for
        if run.status == "pending" and status == "held":
            run.become("active")
        if run.status != status:
            run.become(status)
        self.history.touch(run)
        run.tell()

    def end_run(self, run: Run, status: Status, failures: tuple[Failure, ...] = ()) -> None:
        """A run is over. What comes later for it changes nothing."""
        instance = run.instance
        if run.over or instance is None:
            return
        run.failures = (*run.failures, *failures)[:FAILURES]
        run.waits_for, run.held = "", 0
        run.become(status)
        instance.runs.pop(run.counter, None)
        self.history.touch(run)
        run.tell()
        if not instance.up and not instance.ended:
            self._retire(instance)
        if run.detached:
            self.changed()

    def _retire(self, instance: Instance) -> None:
        """Its only run is over. Where it was debugged it stays for a while."""
        if not instance.debug and not (instance.view is not None and instance.view.debug):
            self.close(instance)
            return
        self._debugged.append(instance)
        if len(self._debugged) > KEPT_INSTANCES:
            self.close(self._debugged.popleft())

    def forget(self, run: Run) -> None:
        """The history let a run go: its instance's last view and logs go with it."""
        instance = run.instance
        if instance is not None and not instance.up:
            self.close(instance)
            self.instances.pop(instance.name, None)

    # --- names -----------------------------------------------------------------------------------------------------------

    def instance_of(self, name: str, *, alive: bool = True) -> Instance:
        """The instance that a `flow` argument means. Raises `UnknownName`, and `DefinitionError` when *alive* and it ended."""
        found = self._instance_of(name)
        if alive and found.ended:
            status = f" ({run.status})" if (run := found.newest) is not None else ""
            raise DefinitionError(f"{found.name} is over{status} and nothing of it can be stepped or changed any more; run it "
                                  "again, with --debug to look into it")
        return found

    def _instance_of(self, name: str) -> Instance:
        if not name:
            if self.last not in self.instances:
                raise DefinitionError("no flow was run or started yet; name one, or run it first")
            return self.instances[self.last]
        if name in self.instances:
            return self.instances[name]
        run = self.history.runs.get(name)
        if run is not None and run.instance is not None:
            return run.instance
        if run is not None:
            raise DefinitionError(f"run {name} is of an earlier dispatcher; only its record is left")
        if name in self.up:
            return self.up[name]
        for instance in reversed(self.instances.values()):
            if instance.flow.name == name:
                return instance
        if name in self.definitions.flows:
            raise DefinitionError(f"flow {name!r} does not run; `%floe run {name}` or `%floe start {name}` first")
        raise unknown("flow, instance or run", name, [*self.definitions.flows, *list(self.instances)[-8:]])

    def flow_name(self, name: str) -> str:
        """The flow that a `flow` argument means, also one that never ran."""
        if name in self.definitions.flows:
            return name
        if not name and not self.last and len(self.definitions.flows) == 1:
            return next(iter(self.definitions.flows))
        return self._instance_of(name).flow.name

    def up_instance(self, name: str) -> Instance:
        """The flow that is up and that a `flow` argument means. Raises `DefinitionError`."""
        if name in self.up:
            return self.up[name]
        if not name and len(self.up) == 1:
            return next(iter(self.up.values()))
        found = self.instance_of(name, alive=False) if not name or name not in self.definitions.flows else None
        if found is None or not found.up or found.ended:
            shown = name or (found.flow.name if found else "it")
            raise DefinitionError(f"flow {shown!r} is not up; `%floe start {shown}` first")
        return found

    def _node(self, instance: Instance, node: str) -> str:
        nodes = [n.id for n in instance.flow.nodes]
        if node not in nodes:
            raise unknown("node", node, nodes)
        return node

    def alive(self, flow: str = "") -> list[Instance]:
        """Instances whose machines are there, of a flow or of all."""
        return [i for i in self.instances.values() if not i.ended and (not flow or i.flow.name == flow)]

    def at_work(self) -> list[Instance]:
        """Those that are up or whose run is under way: not what only stays to be looked at."""
        return [i for i in self.instances.values() if not i.ended and (i.up or i.runs)]


def _all_of(n: int, done: Done | None) -> Callable[[Any, tuple[str, str] | None], None]:
    """Calls *done* once, with the first error or after *n* answers."""
    left = n

    def answered(value: Any, error: tuple[str, str] | None) -> None:
        nonlocal left
        left = 0 if error and left > 0 else left - 1
        if left == 0 and done is not None:
            done(value, from_wire(*error) if error else None)
            left = -1

    return answered
