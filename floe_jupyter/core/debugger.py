"""Debugging: single messages, recorded, held and stepped. Nothing of it costs anything while it is off.

It is on while somebody asked for it, while a breakpoint is enabled, and while the instance is paused.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from floe_jupyter.core.breakpoints import Breakpoint, holding
from floe_jupyter.core.clocks import Clock
from floe_jupyter.core.delivery import begin, emit, swallow
from floe_jupyter.core.events import Break, Continue, Debug, Failure, Notice, Pause, Record, Reply, State, Unbreak
from floe_jupyter.core.messages import Batch, split
from floe_jupyter.core.queues import Item, Queue, named_as
from floe_jupyter.core.recorder import Recorder
from floe_jupyter.core.runs import account, alive, recall, roomier
from floe_jupyter.errors import unknown

if TYPE_CHECKING:
    from floe_jupyter.core.instance import Instance, NodeState, Work
    from floe_jupyter.core.steps import Stepping

__all__ = ["Debugger", "begin"]


class Debugger:
    """What debugging adds to one instance."""

    def __init__(self, instance: Instance, *, wish: bool, hold_errors: bool) -> None:
        self.instance = instance
        self.wish, self.hold_errors = wish, hold_errors
        self.on = wish
        self.paused = self.stepped = self.idle = False
        self.refusals: dict[str, str] = {}
        """What does not load, as it was told last with ``idle``."""
        self.breaks: dict[str, Breakpoint] = {}
        self.recorder = Recorder()
        self.clock = Clock(instance)
        self.held = 0
        """How many messages are held by a breakpoint or an error."""
        self.stale = False
        """Whether it is on must be asked again when this event is through."""
        self.miscounted = False
        """That number is to be counted again when this event is through."""
        self.group = 0
        self.current: Work | None = None
        self.wishes: deque[Any] = deque()
        """`Pause`, `Step` and `Back` that wait until no module is at work."""
        self.stepping: Stepping | None = None
        self.copies = 0

    # --- switching -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Switch on or off, as what was asked for says now."""
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

    def recall_all(self) -> None:
        """What runtimes have not begun comes back, so that it can be held."""
        for lane in self.instance.lanes():
            if len(lane.calls) > 1 or any(work.batch.n > 1 for work in lane.calls):
                recall(self.instance, lane)

    def debug(self, event: Debug) -> None:
        self.wish, self.hold_errors = event.on, event.hold_errors
        self.refresh()
        self.instance.replan()
        self.answer(event.token)

    def add(self, event: Break) -> None:
        if event.node not in self.instance.nodes:
            raise unknown("node", event.node, self.instance.nodes)
        self.breaks[event.id] = Breakpoint(event)
        self.refresh()
        self.answer(event.token)

    def remove(self, event: Unbreak) -> None:
        gone = [name for name, b in self.breaks.items() if event.id in {"", name} and event.node in {"", b.given.node}]
        if event.id and not gone:
            raise unknown("breakpoint", event.id, self.breaks)
        for name in gone:
            del self.breaks[name]
        self.refresh()
        self.answer(event.token, len(gone))

    def pause(self, event: Pause) -> None:
        self.stop()
        self.wishes.append(event)

    def stop(self) -> None:
        """Nothing is called any more."""
        if not self.paused:
            self.paused, self.stepped = True, False
            self.refresh()
            self.recall_all()

    def resume(self, event: Continue) -> None:
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
        """Whatever is held may be called; runs that are over but for the debugger end."""
        for queue in all_queues(self.instance):
            for item in queue.items:
                if isinstance(item, Item) and item.held:
                    let_go(item)
        self.held = 0
        self.end_delayed()

    def end_delayed(self) -> None:
        """Ends that stepping held back are said now."""
        from floe_jupyter.core.runs import end_run
        for number, run in list(self.instance.runs.items()):
            if run.doomed or (run.closed and not self.instance.inflight[number]):
                end_run(self.instance, number, run.doomed or None)  # type: ignore[arg-type]

    def delays(self, number: int) -> bool:
        """While paused a run does not end, so that its last step can be undone."""
        return self.paused and not self.instance.stopping and number in self.instance.runs

    def over(self, run: int) -> None:
        """A run is over."""
        if self.recorder.undone:
            self.recorder.forget(run)
            self.stale = not self.recorder.undone

    def answer(self, token: Any, value: Any = None) -> None:
        self.instance.order(Reply(token, value))

    @property
    def attentive(self) -> bool:
        """There may be something to say or to do when an event is through."""
        mends = self.instance.refused
        return self.paused or self.held > 0 or self.idle or self.miscounted or self.stale or self.stepping is not None or mends

    def tell_idle(self) -> None:
        """Say once that something is held (or in front of what does not load) and nothing else goes on; once that it does. Again
        when other nodes do not load.
        """
        instance = self.instance
        if self.miscounted:
            self.recount()
        self.clock.still(paused=self.paused, held=self.held > 0)
        flying = any(instance.inflight.values())
        pending = flying or any(run.closed for run in instance.runs.values())
        waits = self.held > 0 or (self.paused and pending) or (instance.refused and flying)
        at_work = any(not work.waiting for work in instance.calls.values()) or any(
            lane.phase in {"loading", "activating"} or lane.routing for lane in instance.lanes())
        idle = waits and not at_work and (self.paused or not self.clock.backing_off)
        refusals = instance.refusals() if idle and instance.refused else {}
        if idle != self.idle or refusals != self.refusals:
            self.idle, self.refusals = idle, refusals
            data = {"held": self.held, **({"refused": refusals} if refusals else {})}
            instance.order(Notice("idle" if idle else "resumed", data=data if idle else {}))

    def announce(self, node: NodeState, queue: Queue, item: Item) -> None:
        """A step goes over breakpoints, but they count, and those with a text log."""
        if not item.passed:
            holding(self.instance, list(self.breaks.values()), item.batch, (node.id, "in", queue.port),
                    node.lanes[0].state if node.lanes else {})

    # --- holding ---------------------------------------------------------------------------------------------------------

    def lets_in(self, node: NodeState, queue: Queue, head: Item, state: State) -> bool:
        """Ask the breakpoints in front of a node about the message that it would get next."""
        if head.passed:
            return True
        found = holding(self.instance, list(self.breaks.values()), head.batch, (node.id, "in", queue.port), state)
        if found is None:
            head.passed = True
            return True
        self._hold(node, head, found)
        return False

    def _hold(self, node: NodeState, item: Item, found: tuple[Breakpoint, Failure | None]) -> None:
        breakpoint_, item.failure = found
        item.held, item.breakpoint = "breakpoint", breakpoint_.given.id
        self.held += 1
        data = {"id": item.id, "reason": "breakpoint", "breakpoint": item.breakpoint, "side": breakpoint_.given.side}
        if item.failure is not None:
            data["error"] = item.failure.message
        self.instance.order(Notice("held", node.id, item.batch.run, data))

    def recount(self) -> None:
        """Count again what is held."""
        self.miscounted = False
        self.held = sum(1 for queue in all_queues(self.instance) for item in queue.items if isinstance(item, Item) and item.held)
        self.held += sum(1 for node in self.instance.nodes.values() for _, item in node.outbox if item.held)

    def emitted(self, node: NodeState, port: str, batch: Batch) -> None:
        """What a node gave, one by one: recorded, and held where a breakpoint on the output says so."""
        if not self.on:
            emit(self.instance, node, port, batch)
            return
        state = node.lanes[0].state
        for part in split(named_as(batch, f"{node.id}.{port}", node.given - batch.n)):
            if alive(self.instance, part) is None:
                continue  # one before it filled a wire so far that their run is over
            if self.current is not None:
                self.current.outputs.append((port, part))
            item = Item(part)
            item.undo = self.instance.journal
            found = holding(self.instance, list(self.breaks.values()), part, (node.id, "out", port), state)
            if found is not None and not self.paused:
                self._hold(node, item, found)
            if item.held or any(other == port for other, _ in node.outbox):
                self._keep_behind(node, port, item)
            else:
                emit(self.instance, node, port, part)

    def _keep_behind(self, node: NodeState, port: str, item: Item) -> None:
        entry = (port, item)
        node.outbox.append(entry)
        account(self.instance, item.batch, 1)
        self.instance.note(lambda: node.outbox.remove(entry) if entry in node.outbox else None)

    def release(self, node: NodeState) -> None:
        """What is held behind a node goes on its wires."""
        while node.outbox:
            port, item = node.outbox.popleft()
            self.instance.journal = item.undo
            item.held, self.miscounted = "", True
            emit(self.instance, node, port, item.batch)
            account(self.instance, item.batch, -1)
            self.instance.journal = None
        self.instance.wake_node(node)

    # --- recording -------------------------------------------------------------------------------------------------------

    def open(self, work: Work) -> None:
        """A message is about to be handled: from now on it can be undone."""
        item, queue, lane, before = work.special, work.queue, work.lane, work.lane.state
        assert item is not None
        work.before = before
        work.group = self.stepping.group if self.stepping is not None else self.new_group()

        def undo() -> None:
            lane.state, lane.reset = before, True
            let_go(item)
            put_back(queue, item)

        work.journal = [undo]

    def new_group(self) -> int:
        self.group += 1
        return self.group

    def record_into(self, work: Work) -> bool:
        """What comes of this call from now on is recorded, if it is one of a single message."""
        if not self.on:
            work.journal = None
        self.instance.journal = work.journal
        self.current = work if work.journal is not None else None
        return work.journal is not None

    def through(self, work: Work, failure: Failure | None) -> None:
        """A call is over: keep its record."""
        if work.journal is None or not (work.done or failure):
            return
        lane, item = work.lane, work.special
        assert item is not None
        batch = work.batch
        record = Record(self.recorder.next_number(), lane.node.id, lane.index, batch.run, item.id, work.queue.port,
                        lane.version, batch, tuple(work.outputs), work.before, lane.state, item.failure or failure, work.group)
        self.recorder.add(record, work.journal)
        work.journal = None

    def record_end(self, node: NodeState, queue: Queue, items: list[Batch | Item]) -> None:
        """A message reached the built-in `end`."""
        item = items[0]
        assert isinstance(item, Item)
        group = self.stepping.group if self.stepping is not None else self.new_group()
        journal = self.instance.journal = [lambda: put_back(queue, item), lambda: _untake(node)]
        swallow(self.instance, node, items)
        self.instance.journal = None
        record = Record(self.recorder.next_number(), node.id, 0, item.batch.run, item.id, queue.port, 0, item.batch, (), {}, {},
                        None, group)
        self.recorder.add(record, journal)

    def replays(self, work: Work) -> bool:
        """Answer a call from the recording, if the same message was handled in the same way before."""
        from floe_jupyter.core.replay import replay
        lane = work.lane
        if not self.recorder.undone:
            return False
        record = self.recorder.again(lane.node.id, lane.version, work.batch, lane.state)
        self.stale = not self.recorder.undone
        if record is None:
            return False
        replay(self.instance, work, record)
        return True

    def note_put(self, queue: Queue, items: list[Item]) -> None:
        """Messages were put on a wire: undoing that takes them off again, wherever they stand."""
        journal = self.instance.journal
        if journal is None:
            return
        for item in items:
            item.undo = journal
            journal.append(lambda item=item: self._unput(queue, item))  # type: ignore[misc]

    def _unput(self, queue: Queue, item: Item) -> None:
        if any(other is item for other in queue.items):
            queue.remove(item)
            roomier(self.instance, queue)
        queue.sent -= 1

    def note_result(self, batch: Batch) -> None:
        ids = list(batch.ids or ())
        instance = self.instance

        def undo() -> None:
            instance.results -= batch.n
            instance.order(Notice("withdrawn", run=batch.run, data={"ids": ids}))

        instance.note(undo)


def _untake(node: NodeState) -> None:
    node.taken -= 1


def put_back(queue: Queue, item: Item) -> None:
    """To the head of its wire, unless it is there."""
    if not any(other is item for other in queue.items):
        queue.put_back([item])


def let_go(item: Item, *, keep_attempts: bool = False) -> None:
    """Nothing holds it any more; a failure is forgotten, so that it is tried again."""
    if item.held == "error" and not keep_attempts:
        item.attempts = item.crashes = 0
    item.held, item.breakpoint, item.failure, item.passed, item.due = "", "", None, True, 0.0


def all_queues(instance: Instance) -> list[Queue]:
    """Everything in which messages wait, in the order of the flow."""
    return [queue for node in instance.nodes.values() for queue in node.inputs]
