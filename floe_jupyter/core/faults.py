"""What becomes of a message that could not be handled: its node's policy says."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from floe_jupyter.core import returns, updates
from floe_jupyter.core.events import Failure
from floe_jupyter.core.instance import Instance, Lane, NodeState, Work
from floe_jupyter.core.joined import spread
from floe_jupyter.core.messages import Batch, derive, single, values
from floe_jupyter.core.queues import Item, named_as
from floe_jupyter.core.runs import account, fail_run

SHOWN = 4096
"""A failed message of at most so many bytes is shown with its failure."""


def stopped(instance: Instance, work: Work, rest: list[Batch | Item], failure: Failure) -> list[Batch | Item]:
    """A call was stopped by a failure of its first message not consumed; what is to go back to the wire."""
    item, others = returns.first_of(rest)
    returns.number(work, [item])
    name_first(work, item)
    lane = work.lane
    lane.reset = True
    if item.suspect:
        returns.clear(instance, item)
    if item.batch.run not in instance.runs:
        return others
    kept = failed(instance, lane.node, lane, item, failure)
    return others if kept is None else [kept, *others]


def name_first(work: Work, item: Item) -> None:
    """Give the first message that a call did not consume the id of its place on the wire."""
    item.batch = named_as(item.batch, work.queue.name, work.place + work.done)


def failed(instance: Instance, node: NodeState, lane: Lane, item: Item, failure: Failure) -> Item | None:
    """Apply the node's policy; the message, if it is to wait in front of the node."""
    item.attempts += 1
    item.skip = 0
    failure = described(lane, item, failure)
    node.failed += 1
    node.error = failure.message
    policy = node.node.on_error
    if policy == "retry" and node.node.retry is not None and item.attempts <= node.node.retry.times:
        return _retry(instance, node, item, failure)
    if policy == "hold" or (instance.debugger.hold_errors and policy in {"fail", "retry"} and not node.outs.get("error")):
        return hold(instance, item, failure)
    give_up(instance, node, item, failure)
    return None


def described(lane: Lane, item: Item, failure: Failure) -> Failure:
    """The failure with what the machine knows about its message."""
    batch = item.batch
    small = failure.input is None and len(batch.payload) <= SHOWN
    return msgspec.structs.replace(failure, id=item.id, run=batch.run, attempts=max(item.attempts, item.crashes),
                                   input=values(batch)[0] if small else failure.input,
                                   state=dict(lane.state) if failure.state is None else failure.state)


def _retry(instance: Instance, node: NodeState, item: Item, failure: Failure) -> Item:
    assert node.node.retry is not None
    retry = node.node.retry
    part = int(item.id, 16) / 16 ** len(item.id)
    delay = retry.backoff * 2 ** (item.attempts - 1) * (1 + retry.jitter * part)
    clock = instance.debugger.clock
    item.due = clock.running(instance.now) + delay
    clock.later(node, item.due)
    attempts = {"attempt": item.attempts + 1, "of": retry.times + 1}
    instance.order(updates.notice_of("retry", failure, **attempts, after=delay, at=instance.now + delay))
    return item


def hold(instance: Instance, item: Item, failure: Failure) -> Item:
    item.held, item.failure, item.due = "error", failure, 0.0
    instance.order(updates.notice_of("held", failure, id=item.id, reason="error"))
    instance.debugger.miscounted = True
    return item


def give_up(instance: Instance, node: NodeState, item: Item, failure: Failure) -> None:
    """The message is over, and so may be its run."""
    node.taken += 1
    instance.note(lambda: _ungiven(node))
    skipped = node.node.on_error == "skip" and not node.outs.get("error")
    instance.order(updates.notice_of("failure", failure, **({"skipped": True} if skipped else {})))
    if node.outs.get("error"):
        node.given += 1
        instance.debugger.emitted(node, "error", record(item.batch, failure))
    elif not skipped:
        fail_run(instance, item.batch.run, failure, at_once=instance.fail_fast and failure.kind != "crashed")
        spread(instance, node, item.batch.run)
    account(instance, item.batch, -1)


def _ungiven(node: NodeState) -> None:
    node.taken -= 1
    node.failed -= 1


def record(batch: Batch, failure: Failure) -> Batch:
    """The error record of a message: what an error port gives."""
    head: dict[str, Any] = {"error": failure.message, "kind": failure.kind, "node": failure.node}
    tail = b'"trace":' + orjson.dumps(failure.trace) + b"}"
    text = b",".join((orjson.dumps(head)[:-1], b'"message":' + batch.payload[1:-1], tail))
    ids = derive(batch.ids[0], failure.node, 0) if batch.ids else None
    return single(text, run=batch.run, id=ids, tagged=batch.tagged, buffers=batch.buffers)


def passed_over(instance: Instance, failure: Failure) -> None:
    """A runtime reports a failure of a node whose policy is to skip."""
    node = instance.nodes.get(failure.node)
    if node is not None:
        node.failed += 1
        node.error = failure.message
        instance.order(updates.notice_of("failure", failure, skipped=True))
