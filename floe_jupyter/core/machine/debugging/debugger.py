"""Debugging: single messages, recorded, held and stepped. Debugging costs no time while off.

Debugging is on while a client asks for it, while a breakpoint is enabled, and while the instance is paused.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from floe_jupyter.core.machine.clocks import Clock
from floe_jupyter.core.machine.debugging.breakpoints import ActiveBreakpoint, holding
from floe_jupyter.core.machine.debugging.held import all_queues, first_free, let_go, put_back, untake
from floe_jupyter.core.machine.debugging.recorder import Dropped, Recorder
from floe_jupyter.core.machine.delivery.calls import begin, emit, swallow, way_back
from floe_jupyter.core.machine.events import Break, Continue, Debug, Failure, Notice, Pause, Record, Reply, State, Unbreak
from floe_jupyter.core.machine.runs import account, alive, recall, roomier
from floe_jupyter.core.machine.state.queues import Queue, TrackedMessage, named_as
from floe_jupyter.core.messages import Batch, split
from floe_jupyter.errors import unknown

if TYPE_CHECKING:
    from floe_jupyter.core.machine.debugging.steps import Stepping
    from floe_jupyter.core.machine.state.instance import MachineState
    from floe_jupyter.core.machine.state.records import NodeState, Work

__all__ = ["Debugger", "begin"]


class Debugger:
    """The debugging state of one instance."""

    def __init__(self, instance: MachineState, *, wish: bool, hold_errors: bool) -> None:
        self.instance = instance
        self.wish, self.hold_errors = wish, hold_errors
        self.on = wish
        self.paused = self.stepped = self.idle = False
        self.refusals: dict[str, str] = {}
        """Load errors as last reported with ``idle``."""
        self.breaks: dict[str, ActiveBreakpoint] = {}
        self.recorder = Recorder()
        self.dropped: dict[str, Dropped] = {}
        """Dropped messages which can be put back, by ``id@node``, the newest last."""
        self.clock = Clock(instance)
        self.held = 0
        """Number of messages held by a breakpoint or an error."""
        self.stale = False
        """True if `on` has to be determined again after this event."""
        self.miscounted = False
        """True if `held` has to be counted again after this event."""
        self.group = 0
        self.current: Work | None = None
        self.wishes: deque[Any] = deque()
        """`Pause`, `Step` and `Back` requests, waiting until no module is at work."""
        self.stepping: Stepping | None = None
        self.copies = 0

    # --- switching -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Switch debugging on or off according to the present requests."""
        instance = self.instance
        self.stale = False
        on = self.wish or self.paused or any(b.given.enabled for b in self.breaks.values()) or bool(self.recorder.undone)
        self.clock.still(paused=self.paused, held=self.held > 0)
        if on == self.on:
            return
        self.on = on
        instance.replan()
        instance.wake_all()
        if on:
            for queue in all_queues(instance):
                queue.name_all()
            self.recall_all()
        else:
            self.recorder.seal()
            self.dropped.clear()

    def recall_all(self) -> None:
        """Recall messages which runtimes have not begun, so breakpoints can hold the messages."""
        for lane in self.instance.lanes():
            if len(lane.calls) > 1 or any(work.batch.n > 1 for work in lane.calls):
                recall(self.instance, lane)

    def debug(self, event: Debug) -> None:
        """Switch debugging by request."""
        self.wish, self.hold_errors = event.on, event.hold_errors
        self.refresh()
        self.instance.replan()
        self.answer(event.token)

    def add(self, event: Break) -> None:
        """Add a breakpoint. Raises DefinitionError for an unknown node."""
        if event.node not in self.instance.nodes:
            raise unknown("node", event.node, self.instance.nodes)
        self.breaks[event.id] = ActiveBreakpoint(event)
        self.refresh()
        self.answer(event.token)

    def remove(self, event: Unbreak) -> None:
        """Remove breakpoints by id or node, and reply their number. Raises DefinitionError for an unknown id."""
        gone = [name for name, b in self.breaks.items() if event.id in {"", name} and event.node in {"", b.given.node}]
        if event.id and not gone:
            raise unknown("breakpoint", event.id, self.breaks)
        for name in gone:
            del self.breaks[name]
        self.refresh()
        self.answer(event.token, len(gone))

    def pause(self, event: Pause) -> None:
        """Stop calling nodes, and reply when no module is at work."""
        self.stop()
        self.wishes.append(event)

    def stop(self) -> None:
        """Pause: call no node any more."""
        if not self.paused:
            self.paused, self.stepped = True, False
            self.refresh()
            self.recall_all()

    def resume(self, event: Continue) -> None:
        """Continue a paused flow: release held messages and call nodes again."""
        self.paused = self.stepped = False
        waiting, self.wishes = self.wishes, deque()
        for wish in waiting:
            error = None if isinstance(wish, Pause) else ("definition", "the flow was continued before that step; pause it first")
            self.instance.order(Reply(wish.token, None, error))
        for node in self.instance.nodes.values():
            self.release(node)
        self.let_go()
        self.refresh()
        self.instance.wake_all()
        self.answer(event.token)

    def let_go(self) -> None:
        """Let go of all held messages, and end the runs kept open only by the debugger."""
        for queue in all_queues(self.instance):
            for item in queue.items:
                if isinstance(item, TrackedMessage) and item.held:
                    let_go(item)
        self.held = 0
        self.end_delayed()

    def end_delayed(self) -> None:
        """End the runs whose end stepping had delayed."""
        from floe_jupyter.core.machine.runs import end_run

        for number, run in list(self.instance.runs.items()):
            if run.doomed or (run.closed and not self.instance.inflight[number]):
                end_run(self.instance, number, run.doomed or None)  # type: ignore[arg-type]

    def delays(self, number: int) -> bool:
        """Return True if the end of a run is delayed: while paused, so the last step of the run can be undone."""
        return self.paused and not self.instance.stopping and number in self.instance.runs

    def over(self, run: int) -> None:
        """Forget a finished run."""
        if self.dropped:
            self.dropped = {name: gone for name, gone in self.dropped.items() if gone.item.batch.run != run}
        if self.recorder.undone:
            self.recorder.forget(run)
            self.stale = not self.recorder.undone

    def answer(self, token: Any, value: Any = None) -> None:
        """Reply to a request."""
        self.instance.order(Reply(token, value))

    @property
    def attentive(self) -> bool:
        """True if the debugger may have a report or a task after an event."""
        mends = bool(self.instance.refused)
        return self.paused or self.held > 0 or self.idle or self.miscounted or self.stale or self.stepping is not None or mends

    def tell_idle(self) -> None:
        """Report once when only held messages (or messages of a node which does not load) are left, and once when work goes on.

        The first report is repeated when the set of nodes which do not load changes.
        """
        instance = self.instance
        if self.miscounted:
            self.recount()
        self.clock.still(paused=self.paused, held=self.held > 0)
        idle = self._waits() and not _at_work(instance) and (self.paused or not self.clock.backing_off)
        refusals = instance.refusals() if idle and instance.refused else {}
        if idle != self.idle or refusals != self.refusals:
            self.idle, self.refusals = idle, refusals
            data = {"held": self.held, **({"refused": refusals} if refusals else {})}
            instance.order(Notice("idle" if idle else "resumed", data=data if idle else {}))

    def _waits(self) -> bool:
        """Return whether some message or run waits for a person: held, paused, or in front of a node which does not load."""
        flying = any(self.instance.inflight.values())
        pending = flying or any(run.closed for run in self.instance.runs.values())
        return self.held > 0 or (self.paused and pending) or (bool(self.instance.refused) and flying)

    def announce(self, node: NodeState, queue: Queue, item: TrackedMessage) -> None:
        """Count a message of a step at the breakpoints, and log their texts: a step goes over breakpoints."""
        if not item.passed:
            holding(
                self.instance,
                list(self.breaks.values()),
                item.batch,
                (node.id, "in", queue.port),
                node.lanes[0].state if node.lanes else {},
            )

    # --- holding ---------------------------------------------------------------------------------------------------------

    def lets_in(self, node: NodeState, queue: Queue, head: TrackedMessage, state: State) -> bool:
        """Return True if the breakpoints in front of a node let its next message in."""
        if head.passed:
            return True
        found = holding(self.instance, list(self.breaks.values()), head.batch, (node.id, "in", queue.port), state)
        if found is None:
            head.passed = True
            return True
        self._hold(node, head, found)
        return False

    def _hold(self, node: NodeState, item: TrackedMessage, found: tuple[ActiveBreakpoint, Failure | None]) -> None:
        breakpoint_, item.failure = found
        item.held, item.breakpoint = "breakpoint", breakpoint_.given.id
        self.held += 1
        data = {"id": item.id, "reason": "breakpoint", "breakpoint": item.breakpoint, "side": breakpoint_.given.side}
        if item.failure is not None:
            data["error"] = item.failure.message
        self.instance.order(Notice("held", node.id, item.batch.run, data))

    def recount(self) -> None:
        """Count the held messages again."""
        self.miscounted = False
        self.held = sum(
            1 for queue in all_queues(self.instance) for item in queue.items if isinstance(item, TrackedMessage) and item.held
        )
        self.held += sum(1 for node in self.instance.nodes.values() for _, item in node.outbox if item.held)

    def emitted(self, node: NodeState, port: str, batch: Batch) -> None:
        """Record the outputs of a node one by one, and hold outputs at a breakpoint.

        A held output keeps back the later outputs of its port, also after debugging is switched off.
        """
        if not self.on and not node.outbox:
            emit(self.instance, node, port, batch)
            return
        state = node.lanes[0].state
        for part in split(named_as(batch, f"{node.id}.{port}", node.given - batch.n)):
            if alive(self.instance, part) is None:
                continue  # an output before this one filled a wire so far that the run is over
            if self.current is not None:
                self.current.outputs.append((port, part))
            item = TrackedMessage(part)
            item.undo = self.instance.journal
            found = holding(self.instance, list(self.breaks.values()), part, (node.id, "out", port), state)
            if found is not None and not self.paused:
                self._hold(node, item, found)
            if item.held or any(other == port for other, _ in node.outbox):
                self._keep_behind(node, port, item)
            else:
                emit(self.instance, node, port, part)

    def _keep_behind(self, node: NodeState, port: str, item: TrackedMessage) -> None:
        entry = (port, item)
        node.outbox.append(entry)
        account(self.instance, item.batch, 1)
        self.instance.note(lambda: node.outbox.remove(entry) if entry in node.outbox else None)

    def release(self, node: NodeState) -> None:
        """Put the outputs held behind a node on its wires."""
        while node.outbox:
            self._let_out(node, node.outbox[0])
        self.instance.wake_node(node)

    def let_through(self, node: NodeState) -> None:
        """Put outputs on the wires which waited behind a held output, now gone."""
        while (entry := first_free(node)) is not None:
            self._let_out(node, entry)
        self.instance.wake_node(node)

    def _let_out(self, node: NodeState, entry: tuple[str, TrackedMessage]) -> None:
        node.outbox.remove(entry)
        port, item = entry
        instance, item.held, self.miscounted = self.instance, "", True
        before, instance.journal = instance.journal, item.undo
        emit(instance, node, port, item.batch)
        account(instance, item.batch, -1)
        instance.journal = before

    # --- recording -------------------------------------------------------------------------------------------------------

    def open(self, work: Work) -> None:
        """Open the record of a message about to be handled: from now on the message can be undone."""
        item, queue, lane, before = work.special, work.queue, work.lane, work.lane.state
        assert item is not None
        work.before = before
        work.group = self.stepping.group if self.stepping is not None else self.new_group()

        def undo() -> None:
            lane.state, lane.reset = before, True
            let_go(item)
            put_back(way_back(self.instance, lane.node, queue), item)

        work.journal = [undo]

    def new_group(self) -> int:
        """Return the number of a new step."""
        self.group += 1
        return self.group

    def record_into(self, work: Work) -> bool:
        """Record the outputs and effects of a call from now on. Return False if the call is not one of a single message."""
        if not self.on:
            work.journal = None
        self.instance.journal = work.journal
        self.current = work if work.journal is not None else None
        return work.journal is not None

    def through(self, work: Work, failure: Failure | None) -> None:
        """Keep the record of a finished call."""
        if work.journal is None or not (work.done or failure):
            return
        lane, item = work.lane, work.special
        assert item is not None
        batch = work.batch
        record = Record(
            self.recorder.next_number(),
            lane.node.id,
            lane.index,
            batch.run,
            item.id,
            work.queue.port,
            lane.version,
            batch,
            tuple(work.outputs),
            work.before,
            lane.state,
            item.failure or failure,
            work.group,
        )
        self.recorder.add(record, work.journal)
        work.journal = None

    def record_end(self, node: NodeState, queue: Queue, items: list[Batch | TrackedMessage]) -> None:
        """Record a message which reached the built-in `end`."""
        item = items[0]
        assert isinstance(item, TrackedMessage)
        group = self.stepping.group if self.stepping is not None else self.new_group()
        journal = self.instance.journal = [lambda: put_back(queue, item), lambda: untake(node)]
        swallow(self.instance, node, items)
        self.instance.journal = None
        record = Record(
            self.recorder.next_number(), node.id, 0, item.batch.run, item.id, queue.port, 0, item.batch, (), {}, {}, None, group
        )
        self.recorder.add(record, journal)

    def replays(self, work: Work) -> bool:
        """Answer a call from the recording, if the same message was handled in the same way before. Return True if answered."""
        from floe_jupyter.core.machine.debugging.replay import replay

        lane = work.lane
        if not self.recorder.undone:
            return False
        record = self.recorder.again(lane.node.id, lane.version, work.batch, lane.state)
        self.stale = not self.recorder.undone
        if record is None:
            return False
        replay(self.instance, work, record)
        return True

    def note_put(self, queue: Queue, items: list[TrackedMessage]) -> None:
        """Note messages put on a wire: undoing takes the messages off again, at any position."""
        journal = self.instance.journal
        if journal is None:
            return
        for item in items:
            item.undo = journal
            journal.append(lambda item=item: self._unput(queue, item))  # type: ignore[misc]

    def _unput(self, queue: Queue, item: TrackedMessage) -> None:
        if any(other is item for other in queue.items):
            queue.remove(item)
            roomier(self.instance, queue)
        queue.sent -= 1

    def note_result(self, batch: Batch) -> None:
        """Note a result: undoing withdraws the result."""
        ids = list(batch.ids or ())
        instance = self.instance

        def undo() -> None:
            instance.results -= batch.n
            instance.order(Notice("withdrawn", run=batch.run, data={"ids": ids}))

        instance.note(undo)


def _at_work(instance: MachineState) -> bool:
    """Return whether a module is loaded, called or rerouted; a generator that waits for room is not at work."""
    return bool(instance.loading or instance.rerouting) or any(not work.waiting for work in instance.calls.values())
