"""Verbs that stop, step, edit and look."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.events import View
from floe_jupyter.errors import DefinitionError, does_not_load
from floe_jupyter.kernel.arguments import Argument
from floe_jupyter.kernel.debugging import (
    NOT_GIVEN,
    Held,
    Steppable,
    asked_back,
    asked_step,
    duplicated,
    flows_with,
    port_of,
    short,
)
from floe_jupyter.kernel.flows import Flow
from floe_jupyter.kernel.readable import step_values
from floe_jupyter.kernel.tables import Table
from floe_jupyter.kernel.verbs.running import info_data
from floe_jupyter.kernel.verbs.words import FLOW, JSON, MESSAGE, OF_FLOW, Answer, Note, Request, Verb


class Target(Steppable):
    """Whatever flow, instance or run a verb names."""

    def __init__(self, request: Request, name: str = "") -> None:
        self._session, self._name = request.session, name or request.used

    def _target(self) -> str:
        return self._name


def flow_of_node(request: Request, node: str) -> str:
    """The flow that is meant where one of its nodes is named: the one named; else the one used last, if it has such a node; else
    the only one that has. Raises DefinitionError naming those that have, where they are several.
    """
    request.session.flows()
    having = flows_with(request.session, node)
    if request["flow"] or not having:
        return request.used
    found = next((name for name in (request.session.last_run, request.session.last_flow) if name in having), "")
    if found or len(having) == 1:
        return found or having[0]
    if request.used:
        have = f"but {' and '.join(having)} have; say which with --flow {having[0]}"
        raise DefinitionError(f"flow {request.used!r}, used last, has no node {node!r}, {have}")
    return ""  # nothing was used here yet: the dispatcher knows what was run last


def break_(request: Request) -> Answer:
    node, port = port_of(request["node"], "")
    found = Target(request, flow_of_node(request, node)).breakpoint(
        node, port=port, when=request["when"], hits=request["hits"] or 0, log=request["log"], enabled=not request["off"]
    )
    data = {"id": found.id, "flow": found.flow, "node": node, "port": port, "when": found.when, "enabled": found.enabled}
    return Answer(found, data)


def breaks(request: Request) -> Answer:
    rows = request.session.ask(list[dict[str, Any]], "breaks", flow=request["flow"] or "")
    return Answer(
        Table(rows, ["id", "flow", "node", "side", "port", "when", "hits", "log", "enabled", "count"], "no breakpoints"), rows
    )


def clear(request: Request) -> Answer:
    node = port_of(request["node"] or "")[0]
    flow = flow_of_node(request, node) if node else request.used
    count = request.session.call("clear_break", flow=flow, node=node)
    return Answer(Note(f"{count} breakpoint{'' if count == 1 else 's'} removed"), {"removed": count})


def steps_table(found: dict[str, Any], why: str = "") -> Table:
    """What every node consumed and made of it; *why* there may be nothing."""
    rows = [
        {"node": node, "in": _ports(step["inputStates"]), "out": _ports(step["outputStates"]), "errors": step["errors"]}
        for node, step in found.items()
    ]
    return Table(rows, ["node", "in", "out", "errors"], f"no node has a message to take{why}")


def _ports(ports: Any) -> str:
    if isinstance(ports, dict):
        return ", ".join(short(value) if port in ("in", "out") else f"{port}: {short(value)}" for port, value in ports.items())
    return short(ports)


class Stepped(dict[str, Any]):
    """The result of a step: a dictionary that shows itself as a table."""

    why = ""

    def __repr__(self) -> str:
        return repr(steps_table(self, self.why))

    def _repr_html_(self) -> str:
        return steps_table(self, self.why).html()


def step(request: Request) -> Answer:
    given = {name: request[name] for name in ("node", "message", "run")}
    return _stepped(request, asked_step(request.session, request.used, **given))


def back(request: Request) -> Answer:
    return _stepped(request, asked_back(request.session, request.used))


def _stepped(request: Request, found: dict[str, Any]) -> Answer:
    stepped = Stepped(step_values(request.session, request.used, found))
    stepped.why = "" if stepped else _refused(request)
    return Answer(stepped, found)


def _refused(request: Request) -> str:
    """``; node 'w' does not load: ...`` for every node that nothing can go into, with the cure."""
    try:
        view = request.session.ask(View, "view", flow=request.used)
    except DefinitionError:
        return ""  # it is over, and was never looked at
    flow = request.session.flows().get(view.flow)
    modules = {node.id: node.module for node in (flow.nodes if flow else ())}
    return "".join(
        f"; {does_not_load(node.id, modules.get(node.id, node.id), node.error)}"
        for node in view.nodes
        if node.status == "refused" and not node.runtime
    )


def continue_(request: Request) -> Answer:
    return _state(Target(request).resume(), "goes on")


def pause(request: Request) -> Answer:
    return _state(Target(request).pause(), "is paused")


def _state(view: View, what: str) -> Answer:
    held = f"; {view.held:,} held" if view.held else ""
    return Answer(Note(f"Flow {view.flow} {what}{held}"), msgspec.to_builtins(view))


def held_table(messages: list[Held], why: str = "") -> Table:
    rows = [
        {"id": m.id, "node": m.node, "port": m.port, "value": m.value, "reason": m.reason, "error": m.error} for m in messages
    ]
    columns = ["id", "node", "port", "value", "reason", *(["error"] if any(row["error"] for row in rows) else [])]
    return Table(rows, columns, f"nothing is held{why}")


def held(request: Request) -> Answer:
    messages = Target(request).held()
    table = held_table(messages, "" if messages else _refused(request))
    return Answer(table, [{**row, "value": message.json} for row, message in zip(table.rows, messages, strict=True)])


def edit(request: Request) -> Answer:
    found = Target(request).edit(request["id"], request.evaluate(request["value"]))
    return Answer(found, _held_data(found))


def _held_data(found: Held) -> dict[str, Any]:
    return {"id": found.id, "node": found.node, "port": found.port, "value": found.json, "reason": found.reason}


def drop(request: Request) -> Answer:
    Target(request).drop(request["id"])
    return Answer(Note(f"Message {request['id']} is dropped"), {"id": request["id"]})


def duplicate(request: Request) -> Answer:
    copy = Held(request.session, duplicated(request.session, request["id"], request.used), request.used)
    return Answer(copy, _held_data(copy))


def retry(request: Request) -> Answer:
    Target(request).retry(request["id"])
    return Answer(Note(f"Message {request['id']} is tried again"), {"id": request["id"]})


def inject(request: Request) -> Answer:
    Target(request).inject(request["node"], request.evaluate(request["value"]))
    return Answer(Note(f"One message is in front of {request['node']}"), {"node": request["node"]})


def fork(request: Request) -> Answer:
    value = NOT_GIVEN if request["value"] is None else request.evaluate(request["value"])
    forked = Flow(request.session, request.used).fork(request["id"], value, debug=request["debug"])
    return Answer(forked, info_data(forked.info))


NODE = Argument("node", "NODE or NODE.port", required=True, names="node")
VALUE = Argument("value", "the new value", kind="expression", required=True)
VERBS = (
    Verb(
        "break",
        "Hold messages in front of a node, or behind it (NODE.out).",
        break_,
        (
            NODE,
            Argument("--when", "only where this is true: an expression over msg, meta and state", kind="condition"),
            Argument("--hits", "only from the N-th on", kind="whole"),
            Argument("--log", "log this text instead of holding; {expression} in it is replaced", many=True),
            Argument("--off", "switch off the one with this place and condition, or set it switched off", kind="flag"),
            OF_FLOW,
            JSON,
        ),
    ),
    Verb("breaks", "List breakpoints.", breaks, (FLOW, JSON)),
    Verb(
        "clear", "Remove the breakpoints of a node, or all.", clear, (Argument("node", "the node", names="node"), OF_FLOW, JSON)
    ),
    Verb(
        "step",
        "Every node with a deliverable message consumes exactly one.",
        step,
        (
            FLOW,
            Argument("--node", "only this node", names="node"),
            Argument("--message", "only this message"),
            Argument("--run", "only messages of this run", names="run"),
            JSON,
        ),
    ),
    Verb("back", "Undo the last step from the record; no module is called.", back, (FLOW, JSON)),
    Verb("continue", "Let everything go on that is held.", continue_, (FLOW, JSON)),
    Verb("pause", "Hold every message.", pause, (FLOW, JSON)),
    Verb("held", "List held messages.", held, (FLOW, JSON)),
    Verb("edit", "Give a held message another value.", edit, (MESSAGE, VALUE, OF_FLOW, JSON)),
    Verb("drop", "Take a held message out.", drop, (MESSAGE, OF_FLOW, JSON)),
    Verb("duplicate", "Put a copy of a held message behind it.", duplicate, (MESSAGE, OF_FLOW, JSON)),
    Verb("retry", "Try a held message again whose module failed.", retry, (MESSAGE, OF_FLOW, JSON)),
    Verb("inject", "Put a message in front of a node.", inject, (NODE, VALUE, OF_FLOW, JSON)),
    Verb(
        "fork",
        "Start again from a recorded or held message, with another value if one is given.",
        fork,
        (
            MESSAGE,
            Argument("value", "another value", kind="expression"),
            Argument("--debug", "record, and hold a message whose module fails", kind="flag"),
            OF_FLOW,
            JSON,
        ),
    ),
)
