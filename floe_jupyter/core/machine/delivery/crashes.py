"""Recovery from the end of a runtime: calls not given back, workers to load again, and perhaps a message which causes the crash.

The message being executed when a runtime died is not known: the messages of the first chunk not acknowledged are suspects. Each
suspect is called alone (see `quarantine`), so the culprit is certain, and is a dead letter after `ATTEMPTS` crashes during which
no other message was at work; the crash which made several messages suspects does not count. A message which ends its runtime is
therefore executed at least `ATTEMPTS` times and at most once more.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from floe_jupyter.core.machine import local_routes
from floe_jupyter.core.machine.commands import notice_of
from floe_jupyter.core.machine.debugging.recording import close_record
from floe_jupyter.core.machine.delivery import returns
from floe_jupyter.core.machine.events import ATTEMPTS, CHUNK, Failure, Notice, RuntimeLost
from floe_jupyter.core.machine.failures import policy
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.open_runs import REMEMBERED
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.machine.suspects import clear_suspect
from floe_jupyter.core.machine.versions.giving_up import lost_beside
from floe_jupyter.core.machine.versions.loading import load_first
from floe_jupyter.core.machine.versions.updates import refuse
from floe_jupyter.core.machine.work import forget_call, keep_numbers, remainder
from floe_jupyter.core.messages import Batch, split

RELOADS = 5
"""Maximum number of deaths in a row of a node's runtime without one message consumed; after more the node is given up."""


class Crash(NamedTuple):
    """The end of one runtime."""

    runtime: str
    cause: str
    ours: bool
    """True if the engine killed the runtime: no message is a suspect."""
    blamed: int
    """Id of the call whose message took too long."""
    certain: Work | None
    """Call of the only message at work."""


def runtime_lost(instance: MachineState, event: RuntimeLost) -> None:
    """Return all messages not acknowledged to their wires, and load every worker again with the state before the crash."""
    # Workers are looked at together: a message goes back before any of them is loaded again.
    workers = [worker for worker in instance.workers() if _lives_in(worker, event.runtime)]
    crash = _crash(instance, event, [work for worker in workers for work in worker.calls if worker.runtime == event.runtime])
    data = {"runtime": event.runtime, "cause": crash.cause, "nodes": [worker.node.id for worker in workers]}
    instance.order(Notice("lost", data=data))
    calls = [(worker, _forget_calls(instance, worker, crash)) for worker in workers]
    instance.hand.extend(work for _, lost in calls for work in lost)
    for worker, lost in calls:
        _take_back(instance, worker, lost, crash)
    busy = {worker for worker, lost in calls if lost}
    for worker in workers:
        _reload(instance, worker, crash, counts=not crash.ours and (worker in busy or not busy))
    instance.wake_all()
    instance.review_routes()  # there may be suspects now


def _crash(instance: MachineState, event: RuntimeLost, at_work: list[Work]) -> Crash:
    at_work = [work for work in at_work if not work.worker.calls[0].waiting] or [work for work in at_work if work.waiting]
    alone = at_work[0] if len(at_work) == 1 and at_work[0].batch.n - at_work[0].done == 1 else None
    if event.runtime in instance.causes:
        blamed, cause = instance.causes.pop(event.runtime)
        return Crash(event.runtime, cause, ours=True, blamed=blamed, certain=None)
    return Crash(event.runtime, event.cause, ours=False, blamed=0, certain=alone)


def _lives_in(worker: WorkerState, runtime: str) -> bool:
    beside = (worker.coming, worker.taking)
    return worker.runtime == runtime or any(each is not None and each.runtime == runtime for each in beside)


def _forget_calls(instance: MachineState, worker: WorkerState, crash: Crash) -> list[Work]:
    """Take the worker's open calls out and return them."""
    local_routes.forget(instance, worker)
    lost_beside(instance, worker, crash.runtime, crash.cause)
    if worker.runtime != crash.runtime:
        return []
    lost = list(worker.calls)
    worker.calls.clear()
    for work in lost:
        forget_call(instance, work)
    return lost


def _take_back(instance: MachineState, worker: WorkerState, lost: list[Work], crash: Crash) -> None:
    for place, work in enumerate(lost):
        singles = _numbered(work)
        rest: list[Batch | TrackedMessage] = [*singles]
        if rest and work.id == crash.blamed:
            failure = Failure(worker.node.id, crash.cause, kind="timeout")
            rest = policy.stopped(instance, work, rest, failure)
        elif rest and place == 0 and not crash.ours:
            rest = _suspect(instance, work, singles, crash)
        instance.hand.popleft()
        returns.give_back(instance, worker, work.id, work.queue, rest)
        close_record(instance, work, None)
    if worker.runtime == crash.runtime:
        returns.all_in(instance, worker)


def _numbered(work: Work) -> list[TrackedMessage]:
    """Return the messages which the call did not acknowledge, one by one.

    Each of them may have been executed and therefore keeps the number of its first call, and with the number its idempotency key;
    the next call of the first message drops the outputs which the first message gave already.
    """
    rest = remainder(work)
    singles = [
        single for item in rest for single in ([item] if isinstance(item, TrackedMessage) else map(TrackedMessage, split(item)))
    ]
    keep_numbers(work, singles)
    for first in singles[:1]:
        first.skip = max(first.skip, work.emitted)
    return singles


def _suspect(instance: MachineState, work: Work, singles: list[TrackedMessage], crash: Crash) -> list[Batch | TrackedMessage]:
    """Single out the messages of the first chunk; a message alone at work is certainly the culprit."""
    if work is crash.certain:
        singles[0].crashes += 1
        policy.name_first(work, singles[0])
    kept = [item for item in singles[:CHUNK] if not _is_dead(instance, work.worker, work.queue, item, crash.cause)]
    for item in kept:
        if not item.suspect:
            item.suspect = True
            instance.suspects += 1
    return [*kept, *singles[CHUNK:]]


def _is_dead(instance: MachineState, worker: WorkerState, queue: Queue, item: TrackedMessage, cause: str) -> bool:
    """Put a message aside after its last attempt (or hold the message, where a user is present to mend the module)."""
    if item.crashes < ATTEMPTS:
        return False
    if item.suspect:
        clear_suspect(instance, item)
    worker.reloads = 0
    item.skip = item.crashes = 0
    node, failure = worker.node, _failure_of(worker, item, cause)
    node.failed += 1
    node.error = failure.message
    if node.node.on_error == "hold" or (instance.debugger.hold_errors and not node.outs.get("error")):
        policy.hold(instance, item, failure)
        return False
    _put_aside(instance, node, queue, item, failure)
    return True


def _failure_of(worker: WorkerState, item: TrackedMessage, cause: str) -> Failure:
    text = (
        f"the runtime ended {ATTEMPTS} times while this message was being executed ({cause}); the message is put aside: "
        "mend the module, then retry it"
    )
    failure = policy.described(worker, item, Failure(worker.node.id, text, kind="crashed", attempts=ATTEMPTS))
    return msgspec.structs.replace(failure, attempts=ATTEMPTS)


def _put_aside(instance: MachineState, node: NodeState, queue: Queue, item: TrackedMessage, failure: Failure) -> None:
    instance.dead[item.id] = (item, queue, failure)
    if len(instance.dead) > REMEMBERED:
        del instance.dead[next(iter(instance.dead))]
    instance.order(notice_of("dead", failure))
    if item.batch.run_of(0) in instance.runs:
        policy.give_up(instance, node, item, failure)


def _reload(instance: MachineState, worker: WorkerState, crash: Crash, *, counts: bool) -> None:
    if worker.runtime != crash.runtime or instance.stopping:
        return
    worker.runtime, worker.reset = "", False
    worker.reloads += counts
    if worker.reloads > RELOADS:
        text = (
            f"its runtime ended {worker.reloads} times in a row without one message done ({crash.cause}); mend the module or "
            "its dependencies"
        )
        refuse(instance, worker, Failure(worker.node.id, text, kind="crashed"))
    elif worker.phase != "activating":
        load_first(instance, worker)
