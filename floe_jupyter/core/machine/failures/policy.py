"""Failure policies: the further treatment of a message which could not be handled."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from floe_jupyter.core.machine.accounting import account
from floe_jupyter.core.machine.clocks import ask_later
from floe_jupyter.core.machine.commands import notice_of
from floe_jupyter.core.machine.events import Failure
from floe_jupyter.core.machine.runs import fail_run
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage, named_as
from floe_jupyter.core.machine.suspects import clear_suspect
from floe_jupyter.core.machine.wires.outbox import put_out
from floe_jupyter.core.machine.wires.pills import send_pills
from floe_jupyter.core.machine.work import first_of, keep_numbers, uncount_given
from floe_jupyter.core.messages import Batch, derive, single, values

SHOWN = 4096
"""Maximum bytes of a failed message to be shown with its failure."""


def stopped(
    instance: MachineState, work: Work, rest: list[Batch | TrackedMessage], failure: Failure
) -> list[Batch | TrackedMessage]:
    """Apply the policy to a call stopped by a failure of its first unconsumed message; return the messages for the wire."""
    item, others = first_of(rest)
    keep_numbers(work, [item])
    name_first(work, item)
    worker = work.worker
    worker.reset = True
    if item.suspect:
        clear_suspect(instance, item)
    if item.batch.run not in instance.runs:
        return others
    kept = failed(instance, worker.node, worker, item, failure)
    return others if kept is None else [kept, *others]


def name_first(work: Work, item: TrackedMessage) -> None:
    """Give the first message which a call did not consume the id of its position on the wire."""
    item.batch = named_as(item.batch, work.queue.name, work.place + work.done)


def failed(
    instance: MachineState, node: NodeState, worker: WorkerState, item: TrackedMessage, failure: Failure
) -> TrackedMessage | None:
    """Apply the node's policy. Return the message if the message is to wait in front of the node, else None."""
    item.attempts += 1
    item.skip = 0
    failure = described(worker, item, failure)
    node.failed += 1
    node.error = failure.message
    policy = node.node.on_error
    if policy == "retry" and node.node.retry is not None and item.attempts <= node.node.retry.times:
        return _retry(instance, node, item, failure)
    if policy == "hold" or (instance.debugger.hold_errors and policy in {"fail", "retry"} and not node.outs.get("error")):
        return hold(instance, item, failure)
    give_up(instance, node, item, failure)
    return None


def described(worker: WorkerState, item: TrackedMessage, failure: Failure) -> Failure:
    """Return the failure with the machine's knowledge of its message added."""
    batch = item.batch
    small = failure.input is None and len(batch.payload) <= SHOWN
    return msgspec.structs.replace(
        failure,
        id=item.id,
        run=batch.run,
        attempts=max(item.attempts, item.crashes),
        input=values(batch)[0] if small else failure.input,
        state=dict(worker.state) if failure.state is None else failure.state,
    )


def _retry(instance: MachineState, node: NodeState, item: TrackedMessage, failure: Failure) -> TrackedMessage:
    assert node.node.retry is not None
    retry = node.node.retry
    part = int(item.id, 16) / 16 ** len(item.id)
    delay = retry.backoff * 2 ** (item.attempts - 1) * (1 + retry.jitter * part)
    item.due = instance.clock.running(instance.now) + delay
    ask_later(instance, node, item.due)
    attempts = {"attempt": item.attempts + 1, "of": retry.times + 1}
    instance.order(notice_of("retry", failure, **attempts, after=delay, at=instance.now + delay))
    return item


def hold(instance: MachineState, item: TrackedMessage, failure: Failure) -> TrackedMessage:
    """Hold a failed message in front of its node, and announce the hold."""
    item.held, item.failure, item.due = "error", failure, 0.0
    instance.order(notice_of("held", failure, id=item.id, reason="error"))
    instance.debugger.miscounted = True
    return item


def give_up(instance: MachineState, node: NodeState, item: TrackedMessage, failure: Failure) -> None:
    """End a failed message, and possibly its run."""
    instance.take(node, 1)
    instance.note(lambda: _uncount_given(node))
    skipped = node.node.on_error == "skip"
    instance.order(notice_of("failure", failure, **({"skipped": True} if skipped else {})))
    if node.outs.get("error"):
        node.given += 1
        instance.note(lambda: uncount_given(node, 1))
        put_out(instance, node, "error", record(item.batch, failure))
    account(instance, item.batch, -1)
    if not skipped and not node.outs.get("error"):
        fail_run(instance, item.batch.run, failure, at_once=instance.fail_fast and failure.kind != "crashed")
        send_pills(instance, node, item.batch.run)


def _uncount_given(node: NodeState) -> None:
    node.taken -= 1
    node.failed -= 1


def record(batch: Batch, failure: Failure) -> Batch:
    """Return the error record of a message, as an error port gives it."""
    head: dict[str, Any] = {"error": failure.message, "kind": failure.kind, "node": failure.node}
    tail = b'"trace":' + orjson.dumps(failure.trace) + b"}"
    text = b",".join((orjson.dumps(head)[:-1], b'"message":' + batch.payload[1:-1], tail))
    ids = derive(batch.ids[0], f"{failure.node}.error", 0) if batch.ids else None
    return single(text, run=batch.run, id=ids, tagged=batch.tagged, buffers=batch.buffers)


def passed_over(instance: MachineState, failure: Failure) -> None:
    """Count and announce a failure which a runtime reports of a node with the policy ``skip``."""
    node = instance.nodes.get(failure.node)
    if node is not None:
        node.failed += 1
        node.error = failure.message
        instance.order(notice_of("failure", failure, skipped=True))
