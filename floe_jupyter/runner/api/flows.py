"""Calls of the Runner API about runtimes and flows."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import CloseRun, Inject, Rewire
from floe_jupyter.core.messages import encode_plain, single
from floe_jupyter.errors import unknown
from floe_jupyter.runner.api import arguments as a
from floe_jupyter.runner.api.descriptions import about
from floe_jupyter.runner.api.state import LATER, ApiState, Done, instead, request
from floe_jupyter.wire.process_context import INHERITED
from floe_jupyter.wire.runner_messages import Open


def list_runtimes(state: ApiState, _args: a.ListRuntimes, _done: Done) -> object:
    """Return the description of all runtimes."""
    return state.runner.pool.describe()


def list_flows(state: ApiState, args: a.ListFlowsForRuntime, _done: Done) -> object:
    """Return the flows whose modules are loaded in a runtime."""
    runtimes, instances = state.runner.pool.runtimes, state.runner.instances
    if args.runtimeId not in runtimes:
        raise unknown("runtime", args.runtimeId, runtimes)
    nodes: dict[str, set[str]] = {}
    for slot in runtimes[args.runtimeId].slots.values():
        nodes.setdefault(slot.instance.name, set()).add(slot.node)
    return [{**about(instances[name]), "nodes": sorted(found)} for name, found in nodes.items() if name in instances]


def add_or_update_flow(state: ApiState, args: a.AddOrUpdateFlow, done: Done) -> object:
    """Store a flow with modules; rewire a running flow."""
    flow, running = args.flow, state.runner.instances.get(args.flow.name)
    before = state.flows.get(flow.name)
    known = {m.name: m for m in before[1]} if before else {}
    modules = tuple({**known, **{m.name: m for m in args.modules}}.values())
    _check_modules(flow, modules)
    if before == (flow, modules):
        return False
    if running is None:
        state.flows[flow.name] = (flow, modules)
        return True

    def rewired() -> bool:
        state.flows[flow.name] = (flow, modules)
        return True

    return request(running, lambda t: Rewire(flow, modules, t), instead(rewired, done))


def _check_modules(flow: Flow, modules: Iterable[Module]) -> None:
    names = [m.name for m in modules]
    for node in flow.nodes:
        if node.kind == "module" and node.module not in names:
            raise unknown("module", node.module, names)


def remove_flow(state: ApiState, args: a.RemoveFlow, _done: Done) -> object:
    """Stop and forget a flow."""
    if state.flows.pop(args.flowId, None) is None:
        return False
    state.breaks.pop(args.flowId, None)
    if (instance := state.runner.instances.get(args.flowId)) is not None:
        state.runner.shut(instance)
    return True


def start_flow(state: ApiState, args: a.StartFlow, _done: Done) -> object:
    """Start a stored flow with the stored breakpoints."""
    if args.flowId in state.runner.instances:
        return False
    flow, modules = state.stored(args.flowId)
    prefix = f"{flow.name}.{flow.version}."
    instance = state.runner.make(Open(args.flowId, flow, modules, prefix, debug=args.debug, context=args.context or INHERITED))
    for point in state.breaks.get(args.flowId, {}).values():
        instance.request(point)
    return True


def stop_flow(state: ApiState, args: a.StopFlow, _done: Done) -> object:
    """Stop a running flow."""
    if state.is_waiting(args.flowId):
        return False
    instance = state.instance(args.flowId)
    if instance.stopping:
        return False
    state.runner.shut(instance)
    return True


def subscribe(state: ApiState, args: a.Subscribe, _done: Done) -> object:
    """Return the present view of a flow or of all flows."""
    return {i.name: msgspec.to_builtins(i.machine.view(), str_keys=True) for i in state.chosen(args.flowId)}


def inject(state: ApiState, args: a.Inject, done: Done) -> object:
    """Put a message in front of a module."""
    instance, node = state.node(args.flowModuleId)
    run = next(reversed(instance.runs), 0)
    own = not run
    if own:
        run = instance.last_run + 1
    text, tagged = text_of(args.value)
    batch = single(text, run=run, tagged=tagged)
    request(instance, lambda t: Inject(node, batch, args.port, t), instead(lambda: {"run": run}, done))
    if own:
        instance.request(CloseRun(run))
    return LATER


def text_of(value: object) -> tuple[bytes, bool]:
    """Return the JSON text of a value, and True if the text holds a tag. Raises ValueRefused."""
    text = encode_plain(value)
    return text, b'"$floe"' in text
