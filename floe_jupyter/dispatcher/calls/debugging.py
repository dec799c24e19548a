"""Calls of the control API to stop, inspect and step messages: most send a request to the machine and return the answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from floe_jupyter.core.machine import events
from floe_jupyter.core.machine.commands import Notice
from floe_jupyter.core.machine.events import Event
from floe_jupyter.core.messages import Batch, plain_text, single
from floe_jupyter.dispatcher.calls.lookup import by_id, candidates, gather, send_request_by_id, stepped_last
from floe_jupyter.dispatcher.calls.server import LATER, Handler, PendingCall
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import KnownInstance
from floe_jupyter.errors import DefinitionError, FloeError
from floe_jupyter.wire.control import calls, topics
from floe_jupyter.wire.control.replies import RunInfo


def _send_request(
    hub: Hub,
    request: PendingCall,
    args: Any,
    event: Callable[[int], Event],
    then: Callable[[KnownInstance, Any], None] | None = None,
    flow: str = "",
) -> Any:
    """Send a request, and answer with the machine's reply, or call *then* with the reply."""
    instance = hub.instance_of(hub.spaces.of(request.client, args.workspace), flow or args.flow)

    def done(value: Any, error: FloeError | None) -> None:
        if error is not None:
            request.fail(error)
        elif then is not None:
            then(instance, value)
        else:
            request.reply(value)

    hub.send_request(instance, event, done)
    return LATER


def _send_request_by_id(
    hub: Hub,
    request: PendingCall,
    args: Any,
    event: Callable[[int], Event],
    then: Callable[[KnownInstance, Any], None],
    flow: str = "",
) -> Any:
    """Send a request to the instance with the message, and call *then* with the reply."""
    return send_request_by_id(hub, request, hub.spaces.of(request.client, args.workspace), flow or args.flow, event, then)


# --- breakpoints -----------------------------------------------------------------------------------------------------------


def _look(hub: Hub, request: PendingCall, instance: KnownInstance) -> None:
    """Answer with the instance's current view; if the instance has ended, with its last view."""

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


def pause(hub: Hub, args: calls.pause, request: PendingCall) -> Any:
    """Pause an instance, and return its view."""
    return _send_request(hub, request, args, events.Pause, lambda instance, _: _look(hub, request, instance))


def resume(hub: Hub, args: calls.resume, request: PendingCall) -> Any:
    """Resume an instance, and return its view.

    The view is requested right after `Continue`, because the run may end at once.
    """
    instance = hub.instance_of(hub.spaces.of(request.client, args.workspace), args.flow)
    found: dict[str, Any] = {}

    def come(what: str, value: Any, error: FloeError | None) -> None:
        if error is not None and not (what == "request" and instance.ended):
            request.fail(error)
        found[what] = value
        if len(found) == 2:
            request.reply(found["view"])

    hub.send_request(instance, events.Continue, partial(come, "request"))
    hub.ask(instance, "view", partial(come, "view"))
    return LATER


def step(hub: Hub, args: calls.step, request: PendingCall) -> Any:
    """Step a message or node; return the machine's report."""
    run = hub.history.get(args.run) if args.run else None
    flow = run.instance_name if run is not None else args.flow
    counter = run.counter if run else 0
    if args.message:
        return _send_request_by_id(
            hub,
            request,
            args,
            lambda token: events.Step(args.node, args.message, counter, token),
            partial(_stepped, request),
            flow,
        )
    return _send_request(
        hub, request, args, lambda token: events.Step(args.node, args.message, counter, token), partial(_stepped, request), flow
    )


def _stepped(request: PendingCall, instance: KnownInstance, value: Any) -> None:
    instance.space.stepped = instance.name
    request.reply(value)


def back(hub: Hub, args: calls.back, request: PendingCall) -> Any:
    """Undo the last step; return the machine's report."""
    flow = stepped_last(hub, hub.spaces.of(request.client, args.workspace), args.flow)
    return _send_request(hub, request, args, events.Back, flow=flow)


# --- messages --------------------------------------------------------------------------------------------------------------


def held(hub: Hub, args: calls.held, request: PendingCall) -> Any:
    """Return the held messages of an instance or flow."""
    named = hub.instance_of(hub.spaces.of(request.client, args.workspace), args.flow, alive=False)
    instances = [named] if args.flow not in ("", named.flow.name) else hub.alive(named.space, named.flow.name)
    wanted = {"limit": args.limit, "id": args.id, "buffers": args.buffers}
    return gather(hub, request, [i for i in instances if not i.ended], "held", {k: v for k, v in wanted.items() if v} or None)


def _answer_held(hub: Hub, request: PendingCall, instance: KnownInstance, id_: str) -> None:
    """Answer with the current state of a held message."""

    def listed(value: Any, error: FloeError | None) -> None:
        if value:
            request.reply(value[0])
        else:
            request.fail(error or DefinitionError(f"message {id_} is changed, and not held any more"))

    hub.ask(instance, "held", listed, {"id": id_, "buffers": True})


def edit(hub: Hub, args: calls.edit, request: PendingCall) -> Any:
    """Replace the value of a held message; return the message."""
    return _send_request_by_id(
        hub,
        request,
        args,
        lambda token: events.Edit(args.id, args.text, args.tagged, token),
        lambda instance, _: _edited(hub, request, instance, args.id),
    )


def _edited(hub: Hub, request: PendingCall, instance: KnownInstance, id_: str) -> None:
    """Publish an edit as a notice, and answer with the message: the numbers of the view do not change, so pages that show the
    value learn of the edit only from the notice.
    """
    hub.publisher.publish(f"{topics.NOTICE}{instance.name}", Notice("edited", data={"id": id_}))
    _answer_held(hub, request, instance, id_)


def drop(hub: Hub, args: calls.drop, request: PendingCall) -> Any:
    """Drop a held message."""
    return _send_request_by_id(hub, request, args, lambda token: events.Drop(args.id, token), lambda _, __: request.reply())


def undrop(hub: Hub, args: calls.undrop, request: PendingCall) -> Any:
    """Undo the drop of a message."""
    return _send_request_by_id(hub, request, args, lambda token: events.Undrop(args.id, token), lambda _, __: request.reply())


def duplicate(hub: Hub, args: calls.duplicate, request: PendingCall) -> Any:
    """Duplicate a held message; return the copy."""
    return _send_request_by_id(
        hub,
        request,
        args,
        lambda token: events.Duplicate(args.id, token),
        lambda instance, value: _answer_held(hub, request, instance, value["id"]),
    )


def retry(hub: Hub, args: calls.retry, request: PendingCall) -> Any:
    """Retry a message put aside after a failure."""
    return _send_request_by_id(hub, request, args, lambda token: events.Retry(args.id, token), lambda _, __: request.reply())


def inject(hub: Hub, args: calls.inject, request: PendingCall) -> Any:
    """Put messages into the newest run of an instance."""
    instance = hub.instance_of(hub.spaces.of(request.client, args.workspace), args.flow)
    run = instance.newest
    if run is None or run.over:
        raise DefinitionError(f"{instance.name} has no run under way to put a message into; `%floe send` opens one")
    hub.feed(run, args.batch, args.node, args.port, lambda _, error: request.fail(error) if error else request.reply())
    return LATER


def fork(hub: Hub, args: calls.fork, request: PendingCall) -> Any:
    """Open a new run from a recorded message; return the run's record."""

    def found(instance: KnownInstance, value: Any) -> None:
        try:
            request.reply(_fork(hub, args, request, instance, value))
        except (FloeError, msgspec.ValidationError) as problem:
            request.fail(problem if isinstance(problem, FloeError) else DefinitionError(f"{args.id} cannot be forked: {problem}"))

    return by_id(
        request,
        candidates(hub, hub.spaces.of(request.client, args.workspace), args.flow),
        lambda instance, done: hub.ask(instance, "at", done, {"id": args.id}),
        found,
    )


def _fork(hub: Hub, args: calls.fork, request: PendingCall, instance: KnownInstance, value: Any) -> RunInfo:
    """Open a new run with one message in front of one node, and with the node states of the time of the message."""
    node, port, batch, states = msgspec.convert(value, tuple[str, str, Batch, dict[str, dict[str, Any]]])
    if args.text is not None:
        batch = single(plain_text(args.text), tagged=args.tagged)
    space = instance.space
    flow = hub.flow(space, instance.flow.name)
    ref, number = hub.history.ref(flow.name, flow.version)
    opened = hub.open(space, ref, flow, request.client, debug=args.debug, states=states, runner=instance.runner.url)
    run = hub.new_run(opened, ref, number, request.client)
    run.forked_from = instance.newest.ref if instance.newest is not None else instance.name
    if args.hold:  # before the message, so that no node takes the message first
        hub.send_request(opened, events.Pause, lambda _, __: None)
    hub.feed(run, msgspec.structs.replace(batch, ids=None), node, port)
    hub.close_run(run)
    return run.info()


HANDLERS: dict[str, Handler] = {
    handler.__name__: handler
    for handler in (
        pause,
        resume,
        step,
        back,
        held,
        edit,
        drop,
        undrop,
        duplicate,
        retry,
        inject,
        fork,
    )
}
