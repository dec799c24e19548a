"""Calls of the Runner API about breakpoints, steps and held messages."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.machine.events import Break, Continue, Drop, Edit, Pause, Step, Unbreak
from floe_jupyter.runner.api import arguments as a
from floe_jupyter.runner.api.flows import text_of
from floe_jupyter.runner.api.state import ApiState, Done, Error, instead, request, request_each, require_node


def set_break(state: ApiState, args: a.SetBreakPointAtModule, done: Done) -> object:
    """Set a breakpoint, or store the breakpoint of a flow not started yet."""
    flow_id, _, node = args.flowModuleId.rpartition("/")
    name = args.id or f"{node}.{args.side}.{args.port}"
    point = Break(name, node, args.side, args.port, args.when, args.hits, args.log, args.enabled)
    if state.is_waiting(flow_id):
        require_node(state.flows[flow_id][0], node)
        waiting = state.breaks.setdefault(flow_id, {})
        changed = waiting.get(name) != point
        waiting[name] = point
        return changed
    instance, _ = state.node(args.flowModuleId)
    before = _break(instance.machine.breaks(), name)
    changed_since = lambda: _break(instance.machine.breaks(), name) != before  # noqa: E731 - as it is by then
    return request(instance, lambda t: msgspec.structs.replace(point, token=t), instead(changed_since, done))


def _break(points: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """Return a breakpoint by id, without its number of hits."""
    return next(({**point, "count": 0} for point in points if point["id"] == name), None)


def remove_break(state: ApiState, args: a.RemoveBreakPointAtModule, done: Done) -> object:
    """Remove all breakpoints of a module."""
    flow_id, _, node = args.flowModuleId.rpartition("/")
    if state.is_waiting(flow_id):
        require_node(state.flows[flow_id][0], node)
        waiting = state.breaks.get(flow_id, {})
        names = [point.id for point in waiting.values() if point.node == node]
        for name in names:
            del waiting[name]
        return bool(names)
    instance, _ = state.node(args.flowModuleId)
    require_node(instance.flow, node)
    return request(instance, lambda t: Unbreak(node=node, token=t), lambda n, error: done(None if error else bool(n), error))


def list_breaks(state: ApiState, args: a.ListBreakPoints, _done: Done) -> object:
    """Return the breakpoints of a flow or of all flows."""
    return [{**point, "flow": i.name} for i in state.chosen(args.flowId) for point in i.machine.breaks()]


def single_step(state: ApiState, args: a.SingleStepFlow, done: Done) -> object:
    """Step a flow or all flows."""
    if args.flowId or args.node or args.message or args.run:
        return request(state.instance(args.flowId), lambda t: Step(args.node, args.message, args.run, t), done)
    chosen = state.chosen("")

    def answer(steps: dict[str, Any], error: Error) -> None:
        done(None if error else _by_module(steps), error)

    return request_each(chosen, lambda t: Step("", "", 0, t), answer)


def _by_module(steps: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the steps by flowModuleId: ``flow/node`` where several flows were stepped."""
    if len(steps) == 1:
        return next(iter(steps.values()))
    return {f"{flow}/{node}": step for flow, found in steps.items() for node, step in found.items()}


def pause(state: ApiState, args: a.PauseFlow, done: Done) -> object:
    """Pause a flow or all flows."""
    return request_each(state.chosen(args.flowId), Pause, instead(lambda: None, done))


def resume(state: ApiState, args: a.ContinueFlow, done: Done) -> object:
    """Continue a flow or all flows."""
    return request_each(state.chosen(args.flowId), Continue, instead(lambda: None, done))


def edit(state: ApiState, args: a.Edit, done: Done) -> object:
    """Replace the value of a held message."""
    instance = state.instance(args.flowId)
    text, tagged = text_of(args.value)
    edited = lambda: next(iter(instance.machine.held(id=args.id)), None)  # noqa: E731 - as it is by then
    return request(instance, lambda t: Edit(args.id, text, tagged, t), instead(edited, done))


def drop(state: ApiState, args: a.Drop, done: Done) -> object:
    """Remove a held message."""
    return request(state.instance(args.flowId), lambda t: Drop(args.id, t), done)
