"""The hub: definitions, instances and runs, and the messages sent to runners about them.

An instance is one machine in a runner: of a single run (and named like the run), or of a flow that is up. Calls of clients are
handled in `dispatcher.calls`, messages of runners in `runs.reports`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec

from floe_jupyter.core.flow.graph import sources
from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.flow.runner_urls import LOCAL, require_runner
from floe_jupyter.core.machine.events import Break, CancelRun, CloseRun, Event, Failure, Inject, Rewire, Status, Unbreak, Update
from floe_jupyter.core.messages import Batch
from floe_jupyter.dispatcher.clients import AttachedClient
from floe_jupyter.dispatcher.publish import Publisher
from floe_jupyter.dispatcher.runners.launchers.join import Joining
from floe_jupyter.dispatcher.runners.proxy import RunnerProxy
from floe_jupyter.dispatcher.runners.runners import Runners
from floe_jupyter.dispatcher.runners.segments import hand_on
from floe_jupyter.dispatcher.runners.watchdog import END_AFTER
from floe_jupyter.dispatcher.runs.answers import all_of
from floe_jupyter.dispatcher.runs.definitions import HOST, require_runnable
from floe_jupyter.dispatcher.runs.history import History
from floe_jupyter.dispatcher.runs.instances import KnownInstance, KnownRun, kept
from floe_jupyter.dispatcher.runs.layouts import Layouts
from floe_jupyter.dispatcher.runs.logs import AllLogs
from floe_jupyter.dispatcher.runs.names import Names
from floe_jupyter.dispatcher.runs.supervision import Supervisor
from floe_jupyter.dispatcher.runs.workspaces import Space, Spaces
from floe_jupyter.errors import FloeError, PeerGone, from_wire, unknown
from floe_jupyter.wire.control import topics
from floe_jupyter.wire.process_context import INHERITED, ProcessContext
from floe_jupyter.wire.runner_messages import MachineRequest, Open, Shut
from floe_jupyter.wire.transport.loop import Loop

KEPT_INSTANCES = 4
"""Maximum number of debugged instances kept after the end of the run, for history and forks."""
STOPPED = 20
"""Maximum number of stopped flows remembered, for the last view and logs."""
ENDS_FIRST = "what is at work to end; after 2 s it is killed"
"""Reason for waiting shown for a run being cancelled."""
STOPPED_BY = "its flow was stopped"
"""Default reason for the cancellation of runs."""
STOP_WITHIN = 3.0
"""Seconds that runs get to end when their flow is stopped."""
STANDING = (Update, Rewire, Break, Unbreak)
"""Requests with a lasting effect, sent even to a silent runner: they hold from then on, whenever the runner goes on."""

Done = Callable[[Any, FloeError | None], None]


class Hub(Names):
    """All definitions, instances and runs of the dispatcher."""

    def __init__(self, loop: Loop, spaces: Spaces, history: History, runners: Runners, publisher: Publisher) -> None:
        self.loop, self.spaces, self.history = loop, spaces, history
        self.runners, self.publisher = runners, publisher
        self.instances: dict[str, KnownInstance] = {}
        self.living: dict[str, dict[str, KnownInstance]] = {}
        self.logs = AllLogs()
        self.layouts = Layouts(loop)
        self.changed: Callable[[], None] = lambda: None
        """Callback for the end of an instance or detached run, which may have been the last."""
        self.joining: Joining
        """Joining of other machines; set by the dispatcher."""
        self._tokens = count(1)
        self.supervisor = Supervisor(self)
        spaces.renamed = self._renamed
        self._debugged: deque[KnownInstance] = deque()
        self._stopped: deque[KnownInstance] = deque()

    # --- instances -------------------------------------------------------------------------------------------------------

    def open(
        self,
        space: Space,
        name: str,
        flow: Flow,
        client: AttachedClient,
        *,
        detached: bool = False,
        debug: bool = False,
        timeout: float = 0.0,
        states: dict[str, dict[str, Any]] | None = None,
        context: ProcessContext | None = None,
        runner: str = "",
    ) -> KnownInstance:
        """Open a new instance in *space*, with the flow's breakpoints, in the runner of a URL (default: the flow's).

        Raises `DefinitionError` and `EnvironmentFailed`.
        """
        space.context = context or space.context
        require_runnable(flow)
        self.spaces.remember_file(space)
        modules = space.definitions.modules_of(flow)
        instance = KnownInstance(name, flow, modules, self.home(space, runner or flow.runner), client, space, self.logs.new())
        instance.sources, instance.detached, instance.debug = sources(flow), detached, debug
        self.instances[name] = self.living.setdefault(space.id, {})[name] = instance
        space.last = name
        prefix, placed = f"{flow.name}.{flow.version}.{HOST}.", self._at_home(instance, flow)
        instance.runner.send(
            Open(name, placed, modules, prefix, debug, debug, states or {}, timeout or flow.timeout, self._context(instance))
        )
        instance.limit = timeout or flow.timeout
        self.supervisor.watch()
        for given in space.breaks.get(flow.name, {}).values():
            instance.runner.send(MachineRequest(name, given))
        return instance

    def send_request(self, instance: KnownInstance, event: Callable[[int], Event], done: Done) -> None:
        """Send a request; *done* gets (value, None) or (None, error) when the machine has answered."""
        token = next(self._tokens)
        request = event(token)
        if isinstance(request, Rewire):
            request = msgspec.structs.replace(request, flow=self._at_home(instance, request.flow))
        silent = instance.runner.watchdog.silent
        if not silent or isinstance(request, STANDING):
            instance.runner.send(MachineRequest(instance.name, request))
        if silent:
            done(None, instance.runner.no_answer())
        else:
            instance.tokens[token] = lambda value, error: done(value, from_wire(*error) if error else None)

    @staticmethod
    def _at_home(instance: KnownInstance, flow: Flow) -> Flow:
        """Return a flow with the home of the instance's machine as its runner, where the nodes without a runner are."""
        return msgspec.structs.replace(flow, runner=instance.runner.url)

    def ask(self, instance: KnownInstance, call: str, done: Done, args: dict[str, Any] | None = None) -> None:
        """Ask the runner of an instance about the instance."""
        instance.runner.ask(call, done, args, instance.name)

    def stop(self, instance: KnownInstance, done: Callable[[], None] = lambda: None, why: str = STOPPED_BY) -> None:
        """Cancel the instance's runs for the reason *why*, then close the instance."""
        left = set(instance.runs)

        def finish() -> None:
            if finish in pending:
                pending.clear()
                self.close(instance)
                done()

        def ended(run: KnownRun) -> bool:
            left.discard(run.counter)
            if not left:
                finish()
            return True

        pending = [finish]
        for run in list(instance.runs.values()):
            run.watchers.append(lambda run: run.over and ended(run))
            self.cancel(run, why)
        self.supervisor.end_if_silent(instance.runner, f"flow {instance.flow.name} is stopped", lambda: finish in pending)
        if left:
            self.loop.after(STOP_WITHIN, finish)
        else:
            finish()

    def mark_ended(self, instance: KnownInstance) -> None:
        """Mark the instance as ended: its machine is gone."""
        instance.ended = True
        living = self.living[instance.space.id]
        del living[instance.name]
        if not living:
            del self.living[instance.space.id]

    def close(self, instance: KnownInstance, why: str = STOPPED_BY) -> None:
        """Close the instance and drop its machine. Unfinished runs are cancelled."""
        if instance.ended:
            return
        self.mark_ended(instance)
        instance.runner.send(Shut(instance.name))
        for run in list(instance.runs.values()):
            run.why = run.why or why
            self.end_run(run, "cancelled")
        self.let_go(instance, PeerGone(f"{instance.name}: {why}"))
        if instance.up:
            self._stopped.append(instance)
            if len(self._stopped) > STOPPED:
                self._forget_stopped(self._stopped.popleft())
        self.changed()

    def _forget_stopped(self, instance: KnownInstance) -> None:
        self.instances.pop(instance.name, None)
        instance.newest = instance.view = None
        instance.ends, instance.hits = {}, {}
        instance.logs.clear()

    def let_go(self, instance: KnownInstance, error: FloeError) -> None:
        """Answer all calls waiting for the instance with *error*; the flow is no longer up."""
        up = instance.space.up
        if up.get(instance.flow.name) == instance.name:
            del up[instance.flow.name]
        instance.let_go((error.kind, str(error)))

    def home(self, space: Space, url: str = "") -> RunnerProxy:
        """Return a workspace's runner of a URL (default: of this machine), started if missing.

        Raises `DefinitionError` and `EnvironmentFailed`.
        """
        require_runner(url or LOCAL)
        return self.runners.get(url or LOCAL, space.id, space.context)

    @staticmethod
    def _context(instance: KnownInstance) -> ProcessContext:
        """Return the context of an instance's modules: elsewhere it is the runner's own, as paths and variables are others."""
        return instance.space.context if instance.runner.process.same_files else INHERITED

    def title(self, workspace: str) -> str:
        """Return the title of a workspace; empty for an unknown id."""
        space = self.spaces.find(workspace)
        return space.workspace.title if space is not None else ""

    # --- runs ------------------------------------------------------------------------------------------------------------

    def new_run(
        self, instance: KnownInstance, ref: str, number: int, client: AttachedClient, *, detached: bool = False
    ) -> KnownRun:
        """Create a run of *instance* and add it to the history."""
        run = KnownRun(ref, instance.flow.name, instance.flow.version, number, instance, self.history.results(ref))
        run.client, run.detached = client, detached
        run.instance_name = instance.name
        instance.runs[number] = run
        instance.newest = run
        if instance.limit:
            why = f"the {instance.limit:g} s of run {ref} are over"
            self.supervisor.end_if_silent(instance.runner, why, lambda: not run.over, instance.limit + END_AFTER)
        if instance.runner.ready:
            run.become("active")
        else:
            run.waits_for = f"the runner {instance.runner.url} to start"
        self.history.add(run)
        return run

    def feed(self, run: KnownRun, batch: Batch, node: str, port: str, done: Done | None = None, *, close: bool = False) -> None:
        """Put messages in front of *node*, or of every source; call *done* when there is room for more. With *close* the messages
        are the run's last. Raises `UnknownName`.
        """
        instance = run.instance
        assert instance is not None
        nodes = self.entries(instance, node)
        run.fed += batch.n
        run.put += batch.n * len(nodes)
        run.closed = run.closed or close
        self._inject(instance, nodes, port, self._of_run(batch, run.counter), done, close=close)

    @staticmethod
    def _of_run(batch: Batch, run: int) -> Batch:
        """Return the batch with all messages assigned to *run*, whatever the former run."""
        return Batch(batch.payload, batch.n, run, None, batch.ids, batch.tagged, batch.buffers, batch.counts)

    def feed_each(self, runs: list[KnownRun], batch: Batch, node: str, port: str, done: Done | None = None) -> None:
        """Put one message into each of *runs* (all of the same instance), and close the runs."""
        instance = runs[0].instance
        assert instance is not None
        nodes = self.entries(instance, node)
        for run in runs:
            run.fed, run.put, run.closed = 1, len(nodes), True
        counters = tuple(run.counter for run in runs)
        self._inject(instance, nodes, port, msgspec.structs.replace(batch, run=0, runs=counters), done, close=True)

    def send_ahead(self, instance: KnownInstance, number: int, batch: Batch, port: str) -> bool:
        """Send a run's only messages to the runner before the run is recorded; return False for several sources or buffers."""
        if len(instance.sources) != 1 or batch.buffers:
            return False
        batch = self._of_run(batch, number)
        instance.runner.send(MachineRequest(instance.name, Inject(instance.sources[0], batch, port, None, True)))  # noqa: FBT003
        return True

    def entries(self, instance: KnownInstance, node: str) -> tuple[str, ...]:
        """Return the nodes that take the messages: *node*, or every source. Raises `UnknownName`."""
        nodes = (self._node(instance, node),) if node else instance.sources
        if not nodes:
            from floe_jupyter.core.flow.check import no_sources

            raise no_sources(instance.flow)
        return nodes

    def _inject(
        self, instance: KnownInstance, nodes: tuple[str, ...], port: str, batch: Batch, done: Done | None, *, close: bool = False
    ) -> None:
        answered = all_of(len(nodes), done)
        for place, (name, given) in enumerate(zip(nodes, hand_on(batch, len(nodes)), strict=True), 1):
            token = None
            if done is not None:
                token = next(self._tokens)
                instance.feeding[token] = answered
            last = close and place == len(nodes)
            instance.runner.send(MachineRequest(instance.name, Inject(name, given, port, token, last)))

    def close_run(self, run: KnownRun) -> None:
        """Tell the run's machine that no more messages will be fed."""
        if not run.closed and run.instance is not None and not run.over:
            run.closed = True
            run.instance.runner.send(MachineRequest(run.instance.name, CloseRun(run.counter)))

    def feeder_gone(self, client: AttachedClient) -> None:
        """Close runs fed by *client* alone: without a feeder, an open run would wait for ever."""
        for run in [r for instance in self.alive() for r in instance.runs.values() if client in r.feeders and not r.closed]:
            run.feeders = tuple(feeder for feeder in run.feeders if feeder is not client)
            if not run.feeders:
                run.feeder_gone = True
                self.history.touch(run)
                self.close_run(run)

    def cancel(self, run: KnownRun, why: str) -> None:
        """Cancel a run for the reason *why*, which users see. The run is *cancelling* until none of its work is left."""
        if run.instance is not None and not run.over:
            run.why = run.why or why
            run.cancelling = True
            run.instance.runner.send(MachineRequest(run.instance.name, CancelRun(run.counter)))
            self.set_status(run, "cancelling", ENDS_FIRST)
            self.supervisor.end_if_silent(run.instance.runner, f"run {run.ref} is cancelled", lambda: not run.over)

    def set_status(self, run: KnownRun, status: Status, waits_for: str = "") -> None:
        """Change the status of a run that is not over, and the reason for which the run waits."""
        if run.over or (run.status == status and run.waits_for == waits_for) or (run.cancelling and status != "cancelling"):
            return
        run.waits_for = waits_for
        if run.status == "pending" and status == "held":
            run.become("active")
        if run.status != status:
            run.become(status)
        self.history.touch(run)
        run.tell()

    def end_run(self, run: KnownRun, status: Status, failures: tuple[Failure, ...] = ()) -> None:
        """End a run. Later messages for the run change nothing."""
        instance = run.instance
        if run.over or instance is None:
            return
        run.failures = kept((*run.failures, *failures))
        run.waits_for, run.held = "", 0
        run.why = run.why if status == "cancelled" else ""
        run.become(status)
        instance.runs.pop(run.counter, None)
        self.history.touch(run)
        run.tell()
        if not instance.up and not instance.ended:
            self._retire(instance)
        if run.detached:
            self.changed()

    def _retire(self, instance: KnownInstance) -> None:
        """Close an instance whose only run is over; a debugged instance stays for a while."""
        if not instance.debug and not (instance.view is not None and instance.view.debug):
            self.close(instance)
            return
        self._debugged.append(instance)
        if len(self._debugged) > KEPT_INSTANCES:
            self.close(self._debugged.popleft())

    def _renamed(self, space: Space) -> None:
        """Update a workspace's title and path in its runs, and publish the change for lists of workspaces."""
        for run in self.history.runs.values():
            if run.workspace.id == space.id:
                run.workspace = space.workspace
                self.history.touch(run)
        said = {"kind": "workspace", "name": space.workspace.title, "version": 0, "workspace": space.id}
        self.publisher.publish(f"{topics.DEFINED}{space.id}", said)

    def forget(self, run: KnownRun) -> None:
        """Release a run dropped by the history, with its instance's last view and logs.

        Run and instance refer to each other, and the next garbage collection may be thousands of runs away: so the references are
        cut explicitly.
        """
        instance, run.instance = run.instance, None
        run.watchers.clear()
        if instance is None:
            return
        if instance.newest is run:
            instance.newest = None
        if not instance.up:
            self.close(instance)
            instance.view = None
            instance.logs.clear()
            self.instances.pop(instance.name, None)
            if instance in self._debugged:
                self._debugged.remove(instance)

    # --- finding ---------------------------------------------------------------------------------------------------------

    def _node(self, instance: KnownInstance, node: str) -> str:
        nodes = [n.id for n in instance.flow.nodes]
        if node not in nodes:
            raise unknown("node", node, nodes)
        return node
