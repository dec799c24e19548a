"""What a crash leaves behind: calls that were not given back, lanes to load again, and perhaps a message that causes it.

Which of a lane's messages was being executed when its runtime died cannot be told: those of the first chunk that was not
acknowledged are suspects. Each of them is called alone (see `floe_jupyter.core.quarantine`), so that the culprit is certain,
and after `ATTEMPTS` crashes while it was alone at work it is a dead letter; the crash that made it a suspect among others
does not count. So a message that ends its runtime is executed at least `ATTEMPTS` times and at most once more.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from floe_jupyter.core import faults, plan, returns, updates
from floe_jupyter.core.events import ATTEMPTS, CHUNK, Failure, Notice, RuntimeLost
from floe_jupyter.core.instance import REMEMBERED, Instance, Lane, Work
from floe_jupyter.core.messages import Batch, split
from floe_jupyter.core.queues import Item, Queue

RELOADS = 5
"""A node whose runtime died more often than this without one message consumed is given up."""


class Crash(NamedTuple):
    """The end of one runtime."""

    runtime: str
    cause: str
    ours: bool
    """We killed it: nobody is a suspect."""
    blamed: int
    """The call whose message took too long."""
    certain: Work | None
    """The only message that was at work."""


def runtime_lost(instance: Instance, event: RuntimeLost) -> None:
    """Everything not acknowledged goes back to its wires; every lane is loaded again with the state it had."""
    lanes = [lane for lane in instance.lanes() if _lives_in(lane, event.runtime)]
    crash = _crash(instance, event, [work for lane in lanes for work in lane.calls if lane.runtime == event.runtime])
    data = {"runtime": event.runtime, "cause": crash.cause, "nodes": [lane.node.id for lane in lanes]}
    instance.order(Notice("lost", data=data))
    calls = [(lane, _forget_calls(instance, lane, crash)) for lane in lanes]
    for lane, lost in calls:
        _take_back(instance, lane, lost, crash)
    busy = [lane for lane, lost in calls if lost]
    for lane in lanes:
        _reload(instance, lane, crash, counts=not crash.ours and (lane in busy or not busy))
    instance.wake_all()


def _crash(instance: Instance, event: RuntimeLost, at_work: list[Work]) -> Crash:
    alone = at_work[0] if len(at_work) == 1 and at_work[0].batch.n - at_work[0].done == 1 else None
    if event.runtime in instance.causes:
        blamed, cause = instance.causes.pop(event.runtime)
        return Crash(event.runtime, cause, ours=True, blamed=blamed, certain=None)
    return Crash(event.runtime, event.cause, ours=False, blamed=0, certain=alone)


def _lives_in(lane: Lane, runtime: str) -> bool:
    beside = (lane.coming, lane.taking)
    return lane.runtime == runtime or any(each is not None and each.runtime == runtime for each in beside)


def _forget_calls(instance: Instance, lane: Lane, crash: Crash) -> list[Work]:
    """What was under way in this lane; none of it is any more."""
    plan.forget(instance, lane)
    updates.lost_beside(instance, lane, crash.runtime)
    if lane.runtime != crash.runtime:
        return []
    lost = list(lane.calls)
    lane.calls.clear()
    for work in lost:
        returns.forget(instance, work)
    return lost


def _take_back(instance: Instance, lane: Lane, lost: list[Work], crash: Crash) -> None:
    for place, work in enumerate(lost):
        rest = returns.remainder(work)
        if rest and work.id == crash.blamed:
            failure = Failure(lane.node.id, crash.cause, kind="timeout")
            rest = faults.stopped(instance, work, rest, failure)
        elif rest and place == 0 and not crash.ours:
            rest = _suspect(instance, work, rest, crash)
        elif rest and work.emitted:
            rest = _under_way(rest, work)
        returns.give_back(instance, lane, work.id, work.queue, rest)
        instance.debugger.through(work, None)
    if lane.runtime == crash.runtime:
        returns.all_in(instance, lane)


def _under_way(rest: list[Batch | Item], work: Work) -> list[Batch | Item]:
    """The first message had given some outputs already: the next call drops them."""
    item, others = returns.first_of(rest)
    returns.number(work, [item])
    item.skip = work.emitted
    return [item, *others]


def _suspect(instance: Instance, work: Work, rest: list[Batch | Item], crash: Crash) -> list[Batch | Item]:
    """Single out the messages of the first chunk; one that was alone at work is the culprit for certain."""
    lane = work.lane
    singles: list[Item] = []
    tail: list[Batch | Item] = []
    for item in rest:
        parts = [item] if isinstance(item, Item) else [Item(part) for part in split(item)]
        room = CHUNK - len(singles)
        singles.extend(parts[:room])
        tail.extend(part.batch for part in parts[room:])
    returns.number(work, singles)
    singles[0].skip = work.emitted or singles[0].skip
    if work is crash.certain:
        singles[0].crashes += 1
        faults.name_first(work, singles[0])
    kept = [item for item in singles if not _is_dead(instance, lane, work.queue, item, crash.cause)]
    for item in kept:
        if not item.suspect:
            item.suspect = True
            instance.suspects += 1
    return [*kept, *tail]


def _is_dead(instance: Instance, lane: Lane, queue: Queue, item: Item, cause: str) -> bool:
    """After its last attempt a message is put aside (or held, where somebody is there to mend the module)."""
    if item.crashes < ATTEMPTS:
        return False
    if item.suspect:
        returns.clear(instance, item)
    lane.reloads = 0
    item.skip = item.crashes = 0
    node = lane.node
    text = (f"the runtime ended {ATTEMPTS} times while this message was being executed ({cause}); the message is put aside: "
            "mend the module, then retry it")
    failure = faults.described(lane, item, Failure(node.id, text, kind="crashed", attempts=ATTEMPTS))
    failure = msgspec.structs.replace(failure, attempts=ATTEMPTS)
    node.failed += 1
    node.error = failure.message
    if node.node.on_error == "hold" or (instance.debugger.hold_errors and not node.outs.get("error")):
        faults.hold(instance, item, failure)
        return False
    instance.dead[item.id] = (item, queue, failure)
    if len(instance.dead) > REMEMBERED:
        del instance.dead[next(iter(instance.dead))]
    instance.order(updates.notice_of("dead", failure))
    if item.batch.run_of(0) in instance.runs:
        faults.give_up(instance, node, item, failure)
    return True


def _reload(instance: Instance, lane: Lane, crash: Crash, *, counts: bool) -> None:
    if lane.runtime != crash.runtime or instance.stopping:
        return
    lane.runtime, lane.reset = "", False
    lane.reloads += counts
    if lane.reloads > RELOADS:
        text = (f"its runtime ended {lane.reloads} times in a row without one message done ({crash.cause}); mend the module or "
                "its dependencies")
        updates.refuse(instance, lane, Failure(lane.node.id, text, kind="crashed"))
    elif lane.phase != "activating":
        updates.load_first(instance, lane)
