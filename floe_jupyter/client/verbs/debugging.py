"""Verbs that stop, step, edit and display messages."""

from __future__ import annotations

from html import escape
from typing import Any

import msgspec

from floe_jupyter.client import preview
from floe_jupyter.client.flows import Flow
from floe_jupyter.client.preview import is_table
from floe_jupyter.client.readable import step_values
from floe_jupyter.client.stepping import (
    NOT_GIVEN,
    Held,
    Steppable,
    flows_with,
    port_of,
    request_back,
    request_duplicate,
    request_step,
    short,
)
from floe_jupyter.client.tables import Table
from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.verbs.model import ALL_WORKSPACES, FLOW, JSON, MESSAGE, OF_FLOW, Note, Verb, VerbCall, VerbResult
from floe_jupyter.client.verbs.running import info_data
from floe_jupyter.core.machine.events import View
from floe_jupyter.errors import DefinitionError, does_not_load
from floe_jupyter.wire.control.workspaces import ALL


class Target(Steppable):
    """Flow, instance or run that a verb names."""

    def __init__(self, request: VerbCall, name: str = "") -> None:
        self._session, self._name = request.session, name or request.used

    def _target(self) -> str:
        return self._name


def flow_of_node(request: VerbCall, node: str) -> str:
    """Return the flow that a verb means by a node: the named flow; else the flow used last, if the flow has the node; else the
    only flow with the node. Raises DefinitionError naming the flows with the node, if several have one.
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
    return ""  # no flow was used here yet: the dispatcher knows the flow run last


def break_(request: VerbCall) -> VerbResult:
    """Set a breakpoint."""
    node, port = port_of(request["node"], "")
    found = Target(request, flow_of_node(request, node)).breakpoint(
        node, port=port, when=request["when"], hits=request["hits"] or 0, log=request["log"], enabled=not request["off"]
    )
    data = {"id": found.id, "flow": found.flow, "node": node, "port": port, "when": found.when, "enabled": found.enabled}
    return VerbResult(found, data)


def breaks(request: VerbCall) -> VerbResult:
    """List breakpoints."""
    scope = {"workspace": ALL} if request["all"] else {}
    rows = request.session.ask(list[dict[str, Any]], "breaks", flow=request["flow"] or "", **scope)
    several = len({row["workspace"] for row in rows}) > 1
    shown = [{**row, "flow": f"{row['flow']} ({row['title']})" if several else row["flow"]} for row in rows]
    return VerbResult(
        Table(shown, ["id", "flow", "node", "side", "port", "when", "hits", "log", "enabled", "count"], "no breakpoints"), rows
    )


def clear(request: VerbCall) -> VerbResult:
    """Remove the breakpoints of a node, or all."""
    node = port_of(request["node"] or "")[0]
    flow = flow_of_node(request, node) if node else request.used
    count = request.session.call("clear_break", flow=flow, node=node)
    return VerbResult(Note(f"{count} breakpoint{'' if count == 1 else 's'} removed"), {"removed": count})


def steps_table(found: dict[str, Any], why: str = "") -> Table:
    """Return a table of each node's consumed messages, outputs and errors; *why* explains an empty table."""
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
    """Result of a step: a dictionary that displays as a table."""

    why = ""
    undone = False
    """True if the step was undone: its consumed messages wait again."""

    def __repr__(self) -> str:
        return "Taken back:\n" * self.undone + repr(steps_table(self, self.why))

    def _repr_html_(self) -> str:
        return "<p>Taken back:</p>" * self.undone + steps_table(self, self.why).html()


def step(request: VerbCall) -> VerbResult:
    """Let nodes with a deliverable message consume exactly one message."""
    given = {name: request[name] for name in ("node", "message", "run")}
    return _stepped(request, request_step(request.session, request.used, **given))


def back(request: VerbCall) -> VerbResult:
    """Undo the last step."""
    answer = _stepped(request, request_back(request.session, request.used))
    answer.shown.undone = bool(answer.shown)
    return answer


def _stepped(request: VerbCall, found: dict[str, Any]) -> VerbResult:
    stepped = Stepped(step_values(request.session, request.used, found))
    stepped.why = "" if stepped else _refused(request)
    return VerbResult(stepped, found)


def _refused(request: VerbCall) -> str:
    """Return ``; node 'w' does not load: ...`` for every node that no message can enter, with the cure."""
    try:
        view = request.session.ask(View, "view", flow=request.used)
    except DefinitionError:
        return ""  # the run is over, and was never looked at
    flow = request.session.flows().get(view.flow)
    modules = {node.id: node.module for node in (flow.nodes if flow else ())}
    return "".join(
        f"; {does_not_load(node.id, modules.get(node.id, node.id), node.error)}"
        for node in view.nodes
        if node.status == "refused" and not node.runtime
    )


def continue_(request: VerbCall) -> VerbResult:
    """Let all held messages go on."""
    view = Target(request).resume()
    return VerbResult(Note(repr(view)), msgspec.to_builtins(view))


def pause(request: VerbCall) -> VerbResult:
    """Hold every message."""
    view = Target(request).pause()
    return VerbResult(Note(repr(view)), msgspec.to_builtins(view))


class HeldTable(Table):
    """Table of held messages; below, shape, types and first rows of values that are tables."""

    def cells(self) -> list[list[str]]:
        """Return the displayed texts, with tables by shape."""
        at = self.columns.index("value")
        lines = super().cells()
        for line, row in zip(lines, self.rows, strict=True):
            if is_table(row["value"]):
                line[at] = str(preview.short(row["value"]))
        return lines

    def _tables(self) -> list[tuple[str, Any]]:
        return [(row["id"], row["value"]) for row in self.rows if is_table(row["value"])][: preview.RICH]

    def __repr__(self) -> str:
        below = [f"{id_}: {preview.described(table)}\n{table.head(preview.ROWS)!r}" for id_, table in self._tables()]
        return "\n\n".join([super().__repr__(), *below])

    def html(self) -> str:
        """Return the table as HTML, followed by the values that are tables."""
        below = [f"<p><b>{escape(id_)}</b></p>{preview.shown_whole(table)}" for id_, table in self._tables()]
        return super().html() + "".join(below)


def held_table(messages: list[Held], why: str = "") -> Table:
    """Return a table of held messages; *why* explains an empty table."""
    rows = [
        {"id": m.id, "node": m.node, "port": m.port, "value": m.value, "reason": m.reason, "error": m.error} for m in messages
    ]
    columns = ["id", "node", "port", "value", "reason", *(["error"] if any(row["error"] for row in rows) else [])]
    return HeldTable(rows, columns, f"nothing is held{why}")


def held(request: VerbCall) -> VerbResult:
    """List held messages."""
    messages = Target(request).held()
    table = held_table(messages, "" if messages else _refused(request))
    return VerbResult(table, [{**row, "value": message.json} for row, message in zip(table.rows, messages, strict=True)])


def edit(request: VerbCall) -> VerbResult:
    """Give a held message another value."""
    found = Target(request).edit(request["id"], request.evaluate(request["value"]))
    return VerbResult(found, _held_data(found))


def _held_data(found: Held) -> dict[str, Any]:
    return {"id": found.id, "node": found.node, "port": found.port, "value": found.json, "reason": found.reason}


def drop(request: VerbCall) -> VerbResult:
    """Take a held message out of the flow."""
    Target(request).drop(request["id"])
    return VerbResult(Note(f"Message {request['id']} is dropped"), {"id": request["id"]})


def duplicate(request: VerbCall) -> VerbResult:
    """Put a copy of a held message behind the message."""
    copy = Held(request.session, request_duplicate(request.session, request["id"], request.used), request.used)
    return VerbResult(copy, _held_data(copy))


def retry(request: VerbCall) -> VerbResult:
    """Try a held message again whose module failed."""
    Target(request).retry(request["id"])
    return VerbResult(Note(f"Message {request['id']} is tried again"), {"id": request["id"]})


def inject(request: VerbCall) -> VerbResult:
    """Put a message in front of a node."""
    Target(request).inject(request["node"], request.evaluate(request["value"]))
    return VerbResult(Note(f"One message is in front of {request['node']}"), {"node": request["node"]})


def fork(request: VerbCall) -> VerbResult:
    """Start a new run from a recorded or held message."""
    value = NOT_GIVEN if request["value"] is None else request.evaluate(request["value"])
    forked = Flow(request.session, request.used).fork(request["id"], value, debug=request["debug"], hold=request["hold"])
    return VerbResult(forked, info_data(forked.info))


NODE = VerbArgument("node", "NODE or NODE.port", required=True, names="node")
VALUE = VerbArgument("value", "the new value", kind="expression", required=True)
VERBS = (
    Verb(
        "break",
        "Hold messages in front of a node, or behind it (NODE.out).",
        break_,
        (
            NODE,
            VerbArgument("--when", "only where this is true: an expression over msg, meta and state", kind="condition"),
            VerbArgument("--hits", "only from the N-th on", kind="whole"),
            VerbArgument("--log", "log this text instead of holding; {expression} in it is replaced", many=True),
            VerbArgument("--off", "switch off the one with this place and condition, or set it switched off", kind="flag"),
            OF_FLOW,
            JSON,
        ),
    ),
    Verb("breaks", "List breakpoints.", breaks, (FLOW, ALL_WORKSPACES, JSON)),
    Verb(
        "clear",
        "Remove the breakpoints of a node, or all.",
        clear,
        (VerbArgument("node", "the node", names="node"), OF_FLOW, JSON),
    ),
    Verb(
        "step",
        "Let every node with a deliverable message consume exactly one.",
        step,
        (
            FLOW,
            VerbArgument("--node", "only this node", names="node"),
            VerbArgument("--message", "only this message", names="message"),
            VerbArgument("--run", "only messages of this run", names="run"),
            JSON,
        ),
    ),
    Verb("back", "Undo the last step from the record; no module is called.", back, (FLOW, JSON)),
    Verb("continue", "Let all held messages go on.", continue_, (FLOW, JSON)),
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
            VerbArgument("value", "another value", kind="expression"),
            VerbArgument("--debug", "record, and hold a message whose module fails", kind="flag"),
            VerbArgument("--hold", "pause in front of the first node, recorded", kind="flag"),
            OF_FLOW,
            JSON,
        ),
    ),
)
