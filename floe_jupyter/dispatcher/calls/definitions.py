"""Calls of the control API about definitions: modules and flows, and the update of what runs."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import Failure, Rewire, Update
from floe_jupyter.dispatcher.calls.server import LATER, Handler, PendingCall
from floe_jupyter.dispatcher.runs.definitions import require_runnable
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import KnownInstance
from floe_jupyter.dispatcher.runs.layouts import Look
from floe_jupyter.dispatcher.runs.workspaces import Space
from floe_jupyter.errors import FloeError, unknown
from floe_jupyter.wire.control import calls, topics

UPDATE_WITHIN = 60.0


TELL_UNSAVED_AFTER = 0.3
"""Seconds after a definition within which the store has been written or has failed; then a failure is published."""


def define(hub: Hub, args: calls.define, request: PendingCall) -> Any:
    """Define a module, update running instances, and return the version and refusals."""
    space = hub.spaces.home(request.client, args.workspace)
    module, changed = space.definitions.put_module(args.module)
    answer = _answer(hub, module, changed=changed)
    if not changed:
        return answer
    defined(hub, space, "module", module)
    answer["unfit"] = space.definitions.unfit(module)
    using = [i for i in hub.at_work() if i.space is space and module.name in i.modules]
    return _update(hub, request, using, lambda token: Update(module, token), answer, args.timeout)


def define_flow(hub: Hub, args: calls.define_flow, request: PendingCall) -> Any:
    """Define a flow, update running instances, and return the version and refusals."""
    space = hub.spaces.home(request.client, args.workspace)
    flow, changed = space.definitions.put_flow(args.flow)
    answer = _answer(hub, flow, changed=changed)
    if not changed:
        return answer
    defined(hub, space, "flow", flow)
    running = [i for i in hub.at_work() if i.space is space and i.flow.name == flow.name]
    if running:
        require_runnable(flow)
    modules = space.definitions.modules_of(flow)
    return _update(hub, request, running, lambda token: Rewire(flow, modules, token), answer, UPDATE_WITHIN)


def _answer(hub: Hub, definition: Module | Flow, *, changed: bool) -> dict[str, Any]:
    answer = {"version": definition.version, "changed": changed, "updated": [], "refused": []}
    unsaved = hub.spaces.unsaved()
    if changed and not unsaved:
        hub.loop.after(TELL_UNSAVED_AFTER, lambda: _tell_unsaved(hub))
    return {**answer, "unsaved": unsaved} if unsaved else answer


def _tell_unsaved(hub: Hub) -> None:
    """Publish the failure to save definitions: answers do not wait for the disk, and clients learn of a failure later."""
    if hub.history.store_problem:
        hub.publisher.publish(f"{topics.PROBLEM}store", hub.spaces.unsaved())


def defined(hub: Hub, space: Space, kind: str, definition: Module | Flow) -> None:
    """Publish that a module or a flow has a new version."""
    if kind == "flow":
        hub.history.reserve(definition.name)
    said = {"kind": kind, "name": definition.name, "version": definition.version, "workspace": space.id}
    hub.publisher.publish(f"{topics.DEFINED}{space.id}", said)


def _update(
    hub: Hub, request: PendingCall, instances: list[KnownInstance], event: Any, answer: dict[str, Any], within: float
) -> Any:
    """Send a request to all instances; answer when all have swapped or refused, or after *within* seconds."""
    if not instances:
        return answer
    waiting = {instance.name for instance in instances}

    def answered(instance: KnownInstance, value: Any, error: FloeError | None) -> None:
        waiting.discard(instance.name)
        refused = _refusals(instance, value, error)
        known = [(failure.node, failure.message) for failure in answer["refused"]]
        answer["refused"] += [failure for failure in refused if (failure.node, failure.message) not in known]
        if not refused:
            answer["updated"].append(instance.name)
        if not waiting:
            request.reply(answer)

    def late() -> None:
        text = f"has not swapped within {within:g} s; it does as soon as it can"
        answer["refused"] += [Failure("", f"{name}: {text}", "timeout") for name in sorted(waiting)]
        request.reply(answer)

    for instance in instances:
        hub.send_request(instance, event, lambda value, error, i=instance: answered(i, value, error))  # type: ignore[misc]
    request.timer = hub.loop.after(within, late)
    return LATER


def _refusals(instance: KnownInstance, value: Any, error: FloeError | None) -> list[Failure]:
    if error is not None:
        return [Failure("", f"{instance.name}: {error}", "load")]
    return msgspec.convert((value or {}).get("refused", []), list[Failure])


def modules(hub: Hub, args: calls.modules, request: PendingCall) -> list[Module]:
    """Return the modules of the listed workspaces."""
    listed = hub.spaces.listed(request.client, args.workspace)
    return [module for space in listed for module in space.definitions.modules.values()]


def flows(hub: Hub, args: calls.flows, request: PendingCall) -> list[Flow]:
    """Return the flows of the listed workspaces."""
    listed = hub.spaces.listed(request.client, args.workspace)
    return [flow for space in listed for flow in space.definitions.flows.values()]


def layout(hub: Hub, args: calls.layout, request: PendingCall) -> Any:
    """Return the layout of a flow of the listed workspaces, for a page."""
    known = flows(hub, calls.flows(workspace=args.workspace), request)
    flow = next((flow for flow in known if flow.name == args.flow), None)
    if flow is None:
        raise unknown("flow", args.flow, [flow.name for flow in known])
    hub.layouts.ask(flow, Look(args.vertical, args.folded, frozenset(args.unfolded)), request.reply)
    return LATER


HANDLERS: dict[str, Handler] = {handler.__name__: handler for handler in (define, define_flow, modules, flows, layout)}
