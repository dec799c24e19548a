"""Calls of the control API about breakpoints, which belong to a flow of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from floe_jupyter.core.flow.model import Module, Node
from floe_jupyter.core.machine.events import Break, Event, Unbreak
from floe_jupyter.dispatcher.calls.server import LATER, Handler, PendingCall
from floe_jupyter.dispatcher.runs.hits import counting, forget_hits
from floe_jupyter.dispatcher.runs.hub import Done, Hub
from floe_jupyter.dispatcher.runs.instances import KnownInstance
from floe_jupyter.dispatcher.runs.workspaces import Space
from floe_jupyter.errors import DefinitionError, FloeError, UnknownName, nearest, unknown
from floe_jupyter.wire.control import calls, topics


def set_break(hub: Hub, args: calls.set_break, request: PendingCall) -> Any:
    """Set or change a breakpoint, or switch equal ones off; return the breakpoint when all instances have answered."""
    # A breakpoint is kept, sent and, where a machine refuses it, taken back: one story.
    space, flow = hub.flow_of(hub.spaces.of(request.client, args.workspace), args.flow)
    kept = space.breaks.setdefault(flow, {})
    given = _checked(hub, space, flow, args, args.id or _new_id(space))
    changed = ([] if args.id else _switched(kept.values(), given)) or [given]
    shown = _shown(space, flow, changed[0])

    alive = hub.alive(space, flow)
    before = {one.id: kept.get(one.id) for one in changed}
    kept.update((one.id, one) for one in changed)  # at once: later calls see the breakpoints, and get other ids
    for one in changed:
        forget_hits(hub, space, flow, one.id)

    def tell() -> None:
        for one in changed:
            if kept.get(one.id) is one:
                _tell(hub, flow, _shown(space, flow, one))

    if not alive:
        tell()
        return shown

    def done(_: Any, error: FloeError | None) -> None:
        if error is not None:
            _restore(kept, changed, before)
            request.fail(error)
        elif not request.done:
            tell()
            request.reply(shown)

    _everywhere(hub, alive, [partial(_with_token, one) for one in changed], done)
    return LATER


def _restore(kept: dict[str, Break], changed: list[Break], before: dict[str, Break | None]) -> None:
    """Undo a change of breakpoints, except where another call has changed them since."""
    for one in changed:
        if kept.get(one.id) is one:
            earlier = before[one.id]
            kept.pop(one.id) if earlier is None else kept.update({one.id: earlier})


def _with_token(given: Break, token: int) -> Break:
    return msgspec.structs.replace(given, token=token)


def _switched(kept: Iterable[Break], given: Break) -> list[Break]:
    """Return the enabled breakpoints equal to *given* (place and condition), now disabled; none if *given* is enabled."""

    def what(one: Break) -> tuple[str, ...]:
        return one.node, one.side, one.port, one.when

    if given.enabled:
        return []
    return [msgspec.structs.replace(one, enabled=False) for one in kept if one.enabled and what(one) == what(given)]


def _checked(hub: Hub, space: Space, flow: str, args: calls.set_break, id_: str) -> Break:
    """Return the breakpoint described by *args*. Raises `UnknownName` and `DefinitionError` for a place missing in the flow."""
    nodes = {node.id: node for node in hub.flow(space, flow).nodes}
    if args.node not in nodes:
        raise unknown("node", args.node, nodes)
    if args.side not in ("in", "out"):
        raise DefinitionError(f"a breakpoint is on the side 'in' or 'out' of a node, not {args.side!r}")
    if args.port:
        _check_port(space, nodes[args.node], args.side, args.port)
    if args.when:
        from floe_jupyter.core.expressions.language import compile_expression

        compile_expression(args.when)
    if args.log:
        from floe_jupyter.core.expressions.language import compile_template

        compile_template(args.log)
    side: Any = args.side
    return Break(id_, args.node, side, args.port, args.when, args.hits, args.log, args.enabled)


def _check_port(space: Space, node: Node, side: str, port: str) -> None:
    """Raise `UnknownName` for an unknown port, listing all ports of the node: the side in the call was guessed from the name."""
    from floe_jupyter.core.flow.check import ports_of

    known: dict[str, Module | None] = dict(space.definitions.modules)
    inputs, outputs = ports_of(node, known, "target"), ports_of(node, known, "source")
    if inputs is None or outputs is None or port in (inputs if side == "in" else outputs):
        return
    hint = nearest(port, [*inputs, *outputs])
    hint = f"{hint} " if hint.startswith("did") else ""
    raise UnknownName(
        f"node {node.id!r} has no {side}put {port!r}; {hint}inputs: {', '.join(inputs) or 'none'}; outputs: {', '.join(outputs)}"
    )


def _new_id(space: Space) -> str:
    taken = {id_ for kept in space.breaks.values() for id_ in kept}
    number = 1
    while f"b{number}" in taken:
        number += 1
    return f"b{number}"


def _shown(space: Space, flow: str, given: Break, count: int = 0) -> dict[str, Any]:
    return {
        "id": given.id,
        "flow": flow,
        "node": given.node,
        "side": given.side,
        "port": given.port,
        "when": given.when,
        "hits": given.hits,
        "log": given.log,
        "enabled": given.enabled,
        "count": count,
        "workspace": space.id,
        "title": space.workspace.title,
    }


def _tell(hub: Hub, flow: str, changed: dict[str, Any]) -> None:
    """Publish that a breakpoint of *flow* was set, changed or removed."""
    hub.publisher.publish(f"{topics.BREAK}{flow}", changed)


def _everywhere(hub: Hub, instances: list[KnownInstance], wanted: list[Callable[[int], Event]], done: Done) -> None:
    """Send all requests to all instances; call *done* at the first error, or when all have answered."""
    left = len(instances) * len(wanted)

    def answered(value: Any, error: FloeError | None) -> None:
        nonlocal left
        left -= 1
        if error is not None or left == 0:
            done(value, error)

    for instance in instances:
        for event in wanted:
            hub.send_request(instance, event, answered)


def clear_break(hub: Hub, args: calls.clear_break, request: PendingCall) -> Any:
    """Remove breakpoints by id or node; return their number."""
    own = hub.spaces.of(request.client, args.workspace)
    space, flow = hub.flow_of(own, args.flow) if args.flow or not args.id else (own, _flow_of_break(own, args.id))
    kept = space.breaks.get(flow, {})
    if args.id and args.id not in kept:
        raise unknown("breakpoint", args.id, kept)
    gone = [id_ for id_, given in kept.items() if args.id in ("", id_) and args.node in ("", given.node)]
    for id_ in gone:
        del kept[id_]
        forget_hits(hub, space, flow, id_)
        _tell(hub, flow, {"id": id_, "flow": flow, "gone": True, "workspace": space.id})
    alive = hub.alive(space, flow)
    if not alive or not gone:
        return len(gone)
    _everywhere(
        hub,
        alive,
        [lambda token: Unbreak(args.id, args.node, token)],
        lambda _, error: request.fail(error) if error else request.reply(len(gone)),
    )
    return LATER


def _flow_of_break(space: Space, id_: str) -> str:
    for flow, kept in space.breaks.items():
        if id_ in kept:
            return flow
    raise unknown("breakpoint", id_, [known for kept in space.breaks.values() for known in kept])


def _listed(places: list[tuple[Space, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the breakpoints of flows by workspace and id."""
    return {
        (space.id, given.id): _shown(space, flow, given)
        for space, flow in places
        for given in space.breaks.get(flow, {}).values()
    }


def breaks(hub: Hub, args: calls.breaks, request: PendingCall) -> Any:
    """Return the breakpoints of a flow or of all flows, with the hit counts of the newest instance; for a run, even one that is
    over, with the hit counts of the run.
    """
    # Counts come from several machines; the last answer completes the reply.
    spaces = hub.spaces.listed(request.client, args.workspace)
    places = [(space, flow) for space in spaces for flow in space.breaks]
    if args.flow:
        places = [hub.flow_of(spaces[0] if len(spaces) == 1 else hub.spaces.of(request.client), args.flow)]
    found = _listed(places)
    meeting = [met for place in places if (met := counting(hub, place, args.flow)) is not None] if found else []
    newest = [met for met in meeting if not met.ended]
    left = len(newest)

    def count(instance: KnownInstance, hits: dict[str, int]) -> None:
        for id_ in hits.keys() & {id_ for space_id, id_ in found if space_id == instance.space.id}:
            found[instance.space.id, id_]["count"] = hits[id_]

    for met in meeting:
        count(met, met.hits if met.ended else {})

    def counted(instance: KnownInstance, value: Any, error: FloeError | None) -> None:
        nonlocal left
        left -= 1
        count(instance, {given["id"]: given.get("count", 0) for given in value or ()} if error is None else instance.hits)
        if left == 0:
            request.reply(list(found.values()))

    for instance in newest:
        hub.ask(instance, "breaks", partial(counted, instance))
    return LATER if newest else list(found.values())


HANDLERS: dict[str, Handler] = {handler.__name__: handler for handler in (set_break, clear_break, breaks)}
