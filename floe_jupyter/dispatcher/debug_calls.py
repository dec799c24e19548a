"""Calls of the control API about stopping, looking at and stepping messages: most are a wish to the machine and its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from floe_jupyter.core import events
from floe_jupyter.core.commands import Notice
from floe_jupyter.core.events import Break, Event, Unbreak, View
from floe_jupyter.core.messages import Batch, plain_text, single
from floe_jupyter.core.model import Module, Node
from floe_jupyter.dispatcher.desk import LATER, Handler, Request
from floe_jupyter.dispatcher.hub import Done, Hub
from floe_jupyter.dispatcher.runs import Instance
from floe_jupyter.errors import DefinitionError, FloeError, UnknownName, nearest, unknown
from floe_jupyter.wire import control
from floe_jupyter.wire.replies import RunInfo


def _wish(hub: Hub, request: Request, flow: str, event: Callable[[int], Event],
          then: Callable[[Instance, Any], None] | None = None) -> Any:
    """Wish for it, and answer with what the machine says, or go on with it."""
    instance = hub.instance_of(flow)

    def done(value: Any, error: FloeError | None) -> None:
        if error is not None:
            request.fail(error)
        elif then is not None:
            then(instance, value)
        else:
            request.reply(value)

    hub.wish(instance, event, done)
    return LATER


def _ask(hub: Hub, request: Request, instance: Instance, call: str, args: dict[str, Any] | None = None) -> Any:
    """Ask the machine, and answer with what it says."""
    hub.ask(instance, call, lambda value, error: request.fail(error) if error else request.reply(value), args)
    return LATER


# --- breakpoints -----------------------------------------------------------------------------------------------------------


def set_break(hub: Hub, args: control.set_break, request: Request) -> Any:
    flow = hub.flow_name(args.flow)
    kept = hub.breaks.setdefault(flow, {})
    given = _checked(hub, flow, args, args.id or _new_id(hub))
    changed = ([] if args.id else _switched(kept.values(), given)) or [given]
    shown = _shown(flow, changed[0])

    alive = hub.alive(flow)
    before = {one.id: kept.get(one.id) for one in changed}
    kept.update((one.id, one) for one in changed)  # at once: calls behind this one see them, and get other ids

    def tell() -> None:
        for one in changed:
            if kept.get(one.id) is one:
                _tell(hub, flow, _shown(flow, one))

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
    """As it was before these, where nobody has changed it since."""
    for one in changed:
        if kept.get(one.id) is one:
            earlier = before[one.id]
            kept.pop(one.id) if earlier is None else kept.update({one.id: earlier})


def _with_token(given: Break, token: int) -> Break:
    return msgspec.structs.replace(given, token=token)


def _switched(kept: Iterable[Break], given: Break) -> list[Break]:
    """Those that are on and equal (place and condition), off: where one is set that is off, these are meant."""
    def what(one: Break) -> tuple[str, ...]:
        return one.node, one.side, one.port, one.when

    if given.enabled:
        return []
    return [msgspec.structs.replace(one, enabled=False) for one in kept if one.enabled and what(one) == what(given)]


def _checked(hub: Hub, flow: str, args: control.set_break, id_: str) -> Break:
    """Raises `UnknownName` and `DefinitionError` for a place that the flow does not have."""
    nodes = {node.id: node for node in hub.definitions.flow(flow).nodes}
    if args.node not in nodes:
        raise unknown("node", args.node, nodes)
    if args.side not in ("in", "out"):
        raise DefinitionError(f"a breakpoint is on the side 'in' or 'out' of a node, not {args.side!r}")
    if args.port:
        _check_port(hub, nodes[args.node], args.side, args.port)
    if args.when:
        from floe_jupyter.core.expressions import compile_expression

        compile_expression(args.when)
    if args.log:
        from floe_jupyter.core.expressions import compile_template

        compile_template(args.log)
    side: Any = args.side
    return Break(id_, args.node, side, args.port, args.when, args.hits, args.log, args.enabled)


def _check_port(hub: Hub, node: Node, side: str, port: str) -> None:
    """Raises `UnknownName` with all ports that the node has: which side is meant was guessed from the name."""
    from floe_jupyter.core.check import ports_of

    known: dict[str, Module | None] = dict(hub.definitions.modules)
    inputs, outputs = ports_of(node, known, "target"), ports_of(node, known, "source")
    if inputs is None or outputs is None or port in (inputs if side == "in" else outputs):
        return
    hint = nearest(port, [*inputs, *outputs])
    hint = f"{hint} " if hint.startswith("did") else ""
    raise UnknownName(f"node {node.id!r} has no {side}put {port!r}; {hint}"
                      f"inputs: {', '.join(inputs) or 'none'}; outputs: {', '.join(outputs)}")


def _new_id(hub: Hub) -> str:
    taken = {id_ for kept in hub.breaks.values() for id_ in kept}
    number = 1
    while f"b{number}" in taken:
        number += 1
    return f"b{number}"


def _shown(flow: str, given: Break, count: int = 0) -> dict[str, Any]:
    return {"id": given.id, "flow": flow, "node": given.node, "side": given.side, "port": given.port, "when": given.when,
            "hits": given.hits, "log": given.log, "enabled": given.enabled, "count": count}


def _tell(hub: Hub, flow: str, changed: dict[str, Any]) -> None:
    """Publish that a breakpoint of *flow* was set, changed or removed."""
    hub.publisher.publish(f"break/{flow}", changed)


def _everywhere(hub: Hub, instances: list[Instance], wanted: list[Callable[[int], Event]], done: Done) -> None:
    """Wish for it in all instances; *done* at the first error, or when all have answered."""
    left = len(instances) * len(wanted)

    def answered(value: Any, error: FloeError | None) -> None:
        nonlocal left
        left -= 1
        if error is not None or left == 0:
            done(value, error)

    for instance in instances:
        for event in wanted:
            hub.wish(instance, event, answered)


def clear_break(hub: Hub, args: control.clear_break, request: Request) -> Any:
    flow = hub.flow_name(args.flow) if args.flow or not args.id else _flow_of_break(hub, args.id)
    kept = hub.breaks.get(flow, {})
    if args.id and args.id not in kept:
        raise unknown("breakpoint", args.id, kept)
    gone = [id_ for id_, given in kept.items() if args.id in ("", id_) and args.node in ("", given.node)]
    for id_ in gone:
        del kept[id_]
        _tell(hub, flow, {"id": id_, "flow": flow, "gone": True})
    alive = hub.alive(flow)
    if not alive or not gone:
        return len(gone)
    _everywhere(hub, alive, [lambda token: Unbreak(args.id, args.node, token)],
                lambda _, error: request.fail(error) if error else request.reply(len(gone)))
    return LATER


def _flow_of_break(hub: Hub, id_: str) -> str:
    for flow, kept in hub.breaks.items():
        if id_ in kept:
            return flow
    raise unknown("breakpoint", id_, [known for kept in hub.breaks.values() for known in kept])


def breaks(hub: Hub, args: control.breaks, request: Request) -> Any:
    """Of a flow or of all, with how often the newest instance came by."""
    wanted = [hub.flow_name(args.flow)] if args.flow else list(hub.breaks)
    found = {given.id: _shown(flow, given) for flow in wanted for given in hub.breaks.get(flow, {}).values()}
    newest = [instances[-1] for flow in wanted if (instances := hub.alive(flow))] if found else []
    left = len(newest)

    def counted(value: Any, error: FloeError | None) -> None:
        nonlocal left
        left -= 1
        for given in value or () if error is None else ():
            if given["id"] in found:
                found[given["id"]]["count"] = given.get("count", 0)
        if left == 0:
            request.reply(list(found.values()))

    for instance in newest:
        hub.ask(instance, "breaks", counted)
    return LATER if newest else list(found.values())


def _look(hub: Hub, request: Request, instance: Instance) -> None:
    """Answer with its view as it is now; with the last one, where that was the end of it."""
    def seen(value: Any, error: FloeError | None) -> None:
        if error is None:
            request.reply(value)
        elif instance.view is not None:
            request.reply(instance.view)
        else:
            request.fail(error)

    if instance.ended and instance.view is not None:
        request.reply(instance.view)
    else:
        hub.ask(instance, "view", seen)


# --- stepping --------------------------------------------------------------------------------------------------------------


def pause(hub: Hub, args: control.pause, request: Request) -> Any:
    return _wish(hub, request, args.flow, events.Pause, lambda instance, _: _look(hub, request, instance))


def resume(hub: Hub, args: control.resume, request: Request) -> Any:
    return _wish(hub, request, args.flow, events.Continue, lambda instance, _: _look(hub, request, instance))


def step(hub: Hub, args: control.step, request: Request) -> Any:
    run = hub.history.get(args.run) if args.run else None
    flow = args.flow or (run.instance_name if run is not None else "")
    return _wish(hub, request, flow, lambda token: events.Step(args.node, args.message, run.counter if run else 0, token))


def back(hub: Hub, args: control.back, request: Request) -> Any:
    return _wish(hub, request, args.flow, events.Back)


# --- messages --------------------------------------------------------------------------------------------------------------


def held(hub: Hub, args: control.held, request: Request) -> Any:
    instance = hub.instance_of(args.flow, alive=False)
    wanted = {"limit": args.limit, "id": args.id, "buffers": args.buffers}
    return [] if instance.ended else _ask(hub, request, instance, "held", {k: v for k, v in wanted.items() if v} or None)


def _answer_held(hub: Hub, request: Request, instance: Instance, id_: str) -> None:
    """Answer with the held message of this id, as it is now."""
    def listed(value: Any, error: FloeError | None) -> None:
        if value:
            request.reply(value[0])
        else:
            request.fail(error or DefinitionError(f"message {id_} is changed, and not held any more"))

    hub.ask(instance, "held", listed, {"id": id_, "buffers": True})


def edit(hub: Hub, args: control.edit, request: Request) -> Any:
    return _wish(hub, request, args.flow, lambda token: events.Edit(args.id, args.text, args.tagged, token),
                 lambda instance, _: _edited(hub, request, instance, args.id))


def _edited(hub: Hub, request: Request, instance: Instance, id_: str) -> None:
    """No number of the view is another now: who shows the value learns of it only by this."""
    hub.publisher.publish(f"notice/{instance.name}", Notice("edited", data={"id": id_}))
    _answer_held(hub, request, instance, id_)


def drop(hub: Hub, args: control.drop, request: Request) -> Any:
    return _wish(hub, request, args.flow, lambda token: events.Drop(args.id, token), lambda _, __: request.reply())


def duplicate(hub: Hub, args: control.duplicate, request: Request) -> Any:
    return _wish(hub, request, args.flow, lambda token: events.Duplicate(args.id, token),
                 lambda instance, value: _answer_held(hub, request, instance, value["id"]))


def retry(hub: Hub, args: control.retry, request: Request) -> Any:
    return _wish(hub, request, args.flow, lambda token: events.Retry(args.id, token), lambda _, __: request.reply())


def inject(hub: Hub, args: control.inject, request: Request) -> Any:
    instance = hub.instance_of(args.flow)
    run = instance.newest
    if run is None or run.over:
        raise DefinitionError(f"{instance.name} has no run under way to put a message into; `%floe send` opens one")
    hub.feed(run, args.batch, args.node, args.port, lambda _, error: request.fail(error) if error else request.reply())
    return LATER


def fork(hub: Hub, args: control.fork, request: Request) -> Any:
    instance = hub.instance_of(args.flow)

    def found(value: Any, error: FloeError | None) -> None:
        if error is not None:
            request.fail(error)
            return
        try:
            request.reply(_fork(hub, args, request, instance, value))
        except (FloeError, msgspec.ValidationError) as problem:
            request.fail(problem if isinstance(problem, FloeError) else DefinitionError(f"{args.id} cannot be forked: {problem}"))

    hub.ask(instance, "at", found, {"id": args.id})
    return LATER


def _fork(hub: Hub, args: control.fork, request: Request, instance: Instance, value: Any) -> RunInfo:
    """A run of its own that starts with one message in front of one node, with the states of then."""
    node, port, batch, states = msgspec.convert(value, tuple[str, str, Batch, dict[str, dict[str, Any]]])
    if args.text is not None:
        batch = single(plain_text(args.text), tagged=args.tagged)
    flow = hub.definitions.flow(instance.flow.name)
    ref, number = hub.history.ref(flow.name, flow.version)
    opened = hub.open(ref, flow, request.client, debug=args.debug, states=states)
    run = hub.new_run(opened, ref, number, request.client)
    run.forked_from = instance.newest.ref if instance.newest is not None else instance.name
    hub.feed(run, msgspec.structs.replace(batch, ids=None), node, port)
    hub.close_run(run)
    return run.info()


def history(hub: Hub, args: control.history, request: Request) -> Any:
    return _ask(hub, request, hub.instance_of(args.flow), "history", {"node": args.node, "limit": args.limit})


def dead(hub: Hub, args: control.dead, request: Request) -> Any:
    return _ask(hub, request, hub.instance_of(args.flow), "dead")


def view(hub: Hub, args: control.view, request: Request) -> View | Any:
    instance = hub.instance_of(args.flow, alive=False)
    if not instance.ended:
        return _ask(hub, request, instance, "view")
    if instance.view is None:
        raise DefinitionError(f"{instance.name} ended before it could be looked at")
    return instance.view


HANDLERS: dict[str, Handler] = {handler.__name__: handler for handler in (
    set_break, clear_break, breaks, pause, resume, step, back, held, edit, drop, duplicate, retry, inject, fork, history, dead,
    view)}
