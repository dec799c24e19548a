"""Messages that end without being processed: counted once, on their node and in their run, under a name and a reason.

The accounting rule, for each run: **every message put in front of a node ends exactly once.**

- *Put* messages are the messages fed, one copy per wire of each output of a module, and the messages assembled by joins. An
  output on a port without wires is a result, and not put anywhere.
- A message ends *processed*: consumed by its module (with any number of outputs, or none; also after a final failure, counted
  in `failed`), made part of a fired message by a join, or taken by the built-in `end`.
- Or a message ends *dropped* (`drop`): by a join (reasons ``second``, ``late``, ``missing``, ``poisoned``, ``key``), with a
  removed wire or node (``removed``), because `end` ended the run (``cut``), or by hand (``hand``).
- Or a message is *unfinished*: the run was cancelled, or failed at once, while the message waited, was held, waited in a join
  as a part, or was in a call without being acknowledged. Later effects of the call are ignored. An output held behind its node
  by a breakpoint counts as one message (``behind``).

Hence put = processed + dropped + unfinished, by node; and fed + split = results + failed + dropped + unfinished, where a
message that gave k messages was split into k, and counts k - 1. `Ended.unprocessed` carries the counts of a run, the views
the counts of a node over all runs. Counting has a cost per batch if the messages of a batch share their fate, and none if no
message is dropped; the memory used is bounded by nodes and reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from floe_jupyter.core.machine.commands import Notice
from floe_jupyter.core.machine.outcome import UNFINISHED, Unprocessed
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.open_runs import OpenRun
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.core.messages import Batch

Key = tuple[str, str, str, str]
"""(node, name, reason, text)."""
Kept = tuple[str, str]
"""Position of messages when their run ended: (node, name)."""

NOTICED = 20
"""Maximum number of notices per name and reason of an instance; the counts go on."""
SHAPES = 8
"""Maximum number of texts per join and run about missing messages; the rest is summed up."""
WIRES = 3
"""Maximum number of wires named in a text."""

TEXTS = {
    "late": "after the first one",
    "poisoned": "a predecessor failed",
    "key": "its key= has no value",
    "removed": "the flow was defined anew without that",
    "hand": "dropped by hand",
}


def drop(instance: MachineState, node: str, run: int, reason: str, n: int = 1, name: str = "") -> None:
    """Count *n* messages of *run* as dropped at *node*; *name* is given if different from the node's own name."""
    known, state = instance.runs.get(run), instance.nodes.get(node)
    if known is None:
        return
    _count(known, state, (node, name or _name(state, node, reason), reason, _text(state, reason)), n)
    instance.note(lambda: _count(known, state, (node, name or _name(state, node, reason), reason, _text(state, reason)), -n))


def drop_all(instance: MachineState, node: str, batch: Batch, reason: str, name: str = "") -> None:
    """Count every message of a batch as dropped."""
    counts = {batch.run: batch.n} if batch.runs is None else Counter(batch.runs)
    for run, n in counts.items():
        drop(instance, node, run, reason, n, name)


def _count(run: OpenRun, node: NodeState | None, key: Key, n: int) -> None:
    run.dropped[key] = run.dropped.get(key, 0) + n
    if node is not None:
        node.dropped += n


def _name(node: NodeState | None, name: str, reason: str) -> str:
    joins = node is not None and node.joins is not None and reason in {"second", "late", "missing", "poisoned", "key"}
    return f"join {name}" if joins else f"node {name}"


def _text(node: NodeState | None, reason: str) -> str:
    if reason != "second":
        return TEXTS[reason]
    keyed = node is not None and node.node.key
    return "second message of a key" if keyed else "second message of a run; `key=` joins by value"


# --- the end of a run ------------------------------------------------------------------------------------------------------


def left_behind(instance: MachineState, run: OpenRun, counts: Mapping[Kept, int], reason: str) -> None:
    """Count messages under way when a run ended early: ``cut`` off by an `end`, or ``unfinished``."""
    for (node, name), n in counts.items():
        state = instance.nodes[node]
        if reason == "cut":
            _count(run, state, (node, f"end {run.cut}", reason, f"{run.cut} ended the run{_meanwhile(name)}"), n)
        else:
            run.dropped[node, name, "behind" if name.startswith("output ") else UNFINISHED, ""] = n
            state.unfinished += n


def _meanwhile(name: str) -> str:
    """Return the words for messages cut off by an `end` inside a join or behind a node, as opposed to waiting in front of a
    node.
    """
    kind, _, where = name.partition(" ")
    return {"join": " while the join waited", "output": f" while {where} was held"}.get(kind, "")


def missed(run: OpenRun, node: NodeState, wires: list[Queue], shapes: Mapping[int, int]) -> None:
    """Count the parts still held by a join at the end: *shapes* maps each set of wires (as bits) to the number of joins that
    had received exactly this set.
    """
    for place, (got, joins) in enumerate(sorted(shapes.items())):
        text = _missing(wires, got, joins if node.node.key else 0) if place < SHAPES else "other wires gave nothing"
        _count(run, node, (node.id, f"join {node.id}", "missing", text), got.bit_count() * joins)


def _missing(wires: list[Queue], got: int, keys: int) -> str:
    silent = [queue.name for queue in wires if not queue.bit & got]
    names = ", ".join(silent[:WIRES]) + (f" and {len(silent) - WIRES} more" if len(silent) > WIRES else "")
    of = f" for {keys:,} key{'' if keys == 1 else 's'}" if keys else ""
    return f"{got.bit_count()} of {len(wires)} arrived{of}, nothing came over {names}"


def told(instance: MachineState, number: int, run: OpenRun) -> tuple[Unprocessed, ...]:
    """Return all unprocessed messages of a run, for its `Ended`; send notices of messages dropped by joins and ends."""
    found = tuple(Unprocessed(node, name, reason, n, text) for (node, name, reason, text), n in run.dropped.items() if n)
    for one in found:
        times = instance.noticed[one.name, one.reason] = instance.noticed.get((one.name, one.reason), 0) + 1
        if times <= NOTICED and one.reason in {"second", "late", "missing", "poisoned", "cut"}:
            instance.order(
                Notice(
                    "dropped",
                    one.node,
                    number,
                    {"name": one.name, "reason": one.reason, "messages": one.n, "text": describe(one)},
                )
            )
    return found


def describe(one: Unprocessed) -> str:
    """Describe a count in one line: ``join j: 1 of 2 arrived, nothing came over b.out>j.in (1 message dropped)``."""
    return f"{one.name}: {one.text} ({one.n:,} message{'' if one.n == 1 else 's'} dropped)"


def by_name(found: Iterable[Unprocessed]) -> dict[str, int]:
    """Return the number of dropped messages, by name."""
    names: Counter[str] = Counter()
    for one in found:
        if one.dropped:
            names[one.name] += one.n
    return dict(names)


def by_node(found: Iterable[Unprocessed]) -> dict[str, int]:
    """Return the number of unfinished messages, by node."""
    nodes: Counter[str] = Counter()
    for one in found:
        if not one.dropped:
            nodes[one.node] += one.n
    return dict(nodes)
