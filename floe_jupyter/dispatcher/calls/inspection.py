"""Read-only calls of the control API: the recorded history, dead letters, views, and the latest messages of wires."""

from __future__ import annotations

from typing import Any

from floe_jupyter.core.machine.events import View
from floe_jupyter.core.machine.latest import told
from floe_jupyter.dispatcher.calls.server import LATER, Handler, PendingCall
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import KnownInstance
from floe_jupyter.errors import DefinitionError
from floe_jupyter.wire.control import calls
from floe_jupyter.wire.control.args import Named


def _instance(hub: Hub, args: Named, request: PendingCall, flow: str, *, alive: bool) -> KnownInstance:
    return hub.instance_of(hub.spaces.of(request.client, args.workspace), flow, alive=alive)


def _ask(hub: Hub, request: PendingCall, instance: KnownInstance, call: str, args: dict[str, Any] | None = None) -> Any:
    """Ask the machine, and answer with its reply."""
    hub.ask(instance, call, lambda value, error: request.fail(error) if error else request.reply(value), args)
    return LATER


def history(hub: Hub, args: calls.history, request: PendingCall) -> Any:
    """Return the records of an instance, oldest first, of one node or of all."""
    instance = _instance(hub, args, request, args.flow, alive=True)
    return _ask(hub, request, instance, "history", {"node": args.node, "limit": args.limit})


def dead(hub: Hub, args: calls.dead, request: PendingCall) -> Any:
    """Return the dead letters of an instance."""
    return _ask(hub, request, _instance(hub, args, request, args.flow, alive=True), "dead")


def view(hub: Hub, args: calls.view, request: PendingCall) -> View | Any:
    """Return the current view of an instance, or the last view after its end."""
    instance = _instance(hub, args, request, args.flow, alive=False)
    if not instance.ended:
        return _ask(hub, request, instance, "view")
    if instance.view is None:
        raise DefinitionError(f"{instance.name} ended before it could be looked at")
    return instance.view


def latest(hub: Hub, args: calls.latest, request: PendingCall) -> Any:
    """Return the last message of each wire, or of one wire, as JSON text."""
    instance = _instance(hub, args, request, args.flow, alive=False)
    if not instance.ended:
        return _ask(hub, request, instance, "latest", {"wire": args.wire})
    found = ((wire, told(end)) for wire, end in instance.ends.items() if args.wire in {"", wire})
    return {wire: text for wire, text in found if text is not None}


HANDLERS: dict[str, Handler] = {handler.__name__: handler for handler in (history, dead, view, latest)}
