"""Runner API: a table of calls, each with arguments, effect and return value; JSON in, JSON out.

On the wire and in the documentation calls keep these names. A *flowId* names a flow given to the runner, or an instance; a
*flowModuleId* is ``flow/node``, or the id of a node if a flow has a node of this id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

import msgspec

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import (
    Accepted,
    Break,
    CloseRun,
    Continue,
    Drop,
    Edit,
    Event,
    Inject,
    Pause,
    Reply,
    Rewire,
    Step,
    Unbreak,
    Update,
)
from floe_jupyter.core.messages import encode_plain, single
from floe_jupyter.errors import DefinitionError, EnvironmentFailed, unknown
from floe_jupyter.runner import arguments as a
from floe_jupyter.runner.descriptions import about, dependencies
from floe_jupyter.runner.driver import MachineDriver
from floe_jupyter.runner.environments.cache import Environments
from floe_jupyter.runner.host import LocalToken
from floe_jupyter.runner.runtimes.languages import Interpreter
from floe_jupyter.runner.runtimes.pool import Pool
from floe_jupyter.wire.process_context import INHERITED, ProcessContext
from floe_jupyter.wire.runner_messages import Open

Done = Callable[[Any, tuple[str, str] | None], None]
"""Callback, called once, with the value or with (kind of error, message)."""


class ApiRunner(Protocol):
    """Runner, as far as its API needs it."""

    instances: dict[str, MachineDriver]
    pool: Pool
    environments: Environments

    def make(self, message: Open) -> MachineDriver:
        """Open an instance. Raises DefinitionError."""

    def shut(self, instance: MachineDriver) -> None:
        """Stop an instance."""

    def context_of(self, given: ProcessContext | None) -> ProcessContext:
        """Return the context in which modules run: the given context, else the runner's own."""


class Api:
    """Handlers of the calls, and store of the given flows that do not run."""

    def __init__(self, runner: ApiRunner) -> None:
        self._runner = runner
        self._flows: dict[str, tuple[Flow, tuple[Module, ...]]] = {}
        self._breaks: dict[str, dict[str, Break]] = {}
        """Breakpoints of flows not started yet."""

    def call(self, name: str, args: dict[str, Any], done: Done) -> None:
        """Carry out a call; *done* gets the answer now or later. Raises UnknownName or DefinitionError."""
        if name not in CALLS:
            raise unknown("call of the Runner API,", name, CALLS)
        struct, handler = CALLS[name]
        value = handler(self, _convert(name, struct, args), done)
        if value is not _LATER:
            done(value, None)

    def ask(self, instance: MachineDriver, call: str, args: dict[str, Any]) -> Any:
        """Answer a question about an instance: ``view``, ``held``, ``breaks``, ``history``, ``dead``, ``states``, ``at``."""
        if call not in _QUESTIONS:
            raise unknown("question about an instance,", call, _QUESTIONS)
        try:
            return getattr(instance.machine, call)(**args)
        except TypeError as error:
            raise DefinitionError(f"{call}: {error}; it takes {', '.join(_QUESTIONS[call]) or 'no arguments'}") from None

    # --- finding -----------------------------------------------------------------------------------------------------------

    def _instance(self, flow_id: str) -> MachineDriver:
        """Return the running instance named by *flow_id*; the newest if several match. Raises UnknownName."""
        instances = self._runner.instances
        if flow_id in instances:
            return instances[flow_id]
        for instance in reversed(instances.values()):
            if not flow_id or instance.flow.name == flow_id:
                return instance
        raise unknown("running flow", flow_id, [*instances, *(i.flow.name for i in instances.values())])

    def _node(self, flow_module_id: str) -> tuple[MachineDriver, str]:
        flow_id, _, node = flow_module_id.rpartition("/")
        if flow_id:
            return self._instance(flow_id), node
        having = [i for i in self._runner.instances.values() if any(n.id == node for n in i.flow.nodes)]
        if not having:
            raise unknown("node", node, (n.id for i in self._runner.instances.values() for n in i.flow.nodes))
        return having[-1], node

    def _stored(self, flow_id: str) -> tuple[Flow, tuple[Module, ...]]:
        if flow_id not in self._flows:
            raise unknown("flow", flow_id, self._flows)
        return self._flows[flow_id]

    def _request(self, instance: MachineDriver, make: Callable[[LocalToken], Event], done: Done) -> object:
        """Send an event to a machine; the machine's answer becomes the answer of the call."""

        def answer(reply: Reply | Accepted) -> None:
            done(getattr(reply, "value", None), getattr(reply, "error", None))

        instance.request(make(LocalToken(answer)))
        return _LATER

    # --- runtimes and flows --------------------------------------------------------------------------------------------------

    def list_runtimes(self, _args: a.ListRuntimes, _done: Done) -> object:
        """Return the description of all runtimes."""
        return self._runner.pool.describe()

    def list_flows(self, args: a.ListFlowsForRuntime, _done: Done) -> object:
        """Return the flows whose modules are loaded in a runtime."""
        runtimes = self._runner.pool.runtimes
        if args.runtimeId not in runtimes:
            raise unknown("runtime", args.runtimeId, runtimes)
        nodes: dict[str, set[str]] = {}
        for slot in runtimes[args.runtimeId].slots.values():
            nodes.setdefault(slot.instance.name, set()).add(slot.node)
        return [
            {**about(self._runner.instances[name]), "nodes": sorted(found)}
            for name, found in nodes.items()
            if name in self._runner.instances
        ]

    def add_or_update_flow(self, args: a.AddOrUpdateFlow, done: Done) -> object:
        """Store a flow with modules; rewire a running flow."""
        flow, running = args.flow, self._runner.instances.get(args.flow.name)
        known = {m.name: m for m in self._flows.get(flow.name, (flow, ()))[1]}
        modules = tuple({**known, **{m.name: m for m in args.modules}}.values())
        _check_modules(flow, modules)
        self._flows[flow.name] = (flow, modules)
        value = {"flowId": flow.name, "version": flow.version, "running": running is not None}
        if running is None:
            return value
        return self._request(running, lambda t: Rewire(flow, modules, t), lambda _, error: done(None if error else value, error))

    def remove_flow(self, args: a.RemoveFlow, _done: Done) -> object:
        """Stop and forget a flow."""
        self._stored(args.flowId)
        del self._flows[args.flowId]
        self._breaks.pop(args.flowId, None)
        if (instance := self._runner.instances.get(args.flowId)) is not None:
            self._runner.shut(instance)
        return {"flowId": args.flowId}

    def start_flow(self, args: a.StartFlow, _done: Done) -> object:
        """Start a stored flow with the stored breakpoints."""
        if args.flowId not in self._runner.instances:
            flow, modules = self._stored(args.flowId)
            instance = self._runner.make(
                Open(
                    args.flowId,
                    flow,
                    modules,
                    f"{flow.name}.{flow.version}.",
                    debug=args.debug,
                    context=args.context or INHERITED,
                )
            )
            for point in self._breaks.get(args.flowId, {}).values():
                instance.request(point)
        return {"flowId": args.flowId, "status": "started"}

    def stop_flow(self, args: a.StopFlow, _done: Done) -> object:
        """Stop a running flow."""
        self._runner.shut(self._instance(args.flowId))
        return {"flowId": args.flowId, "status": "stopped"}

    def subscribe(self, args: a.Subscribe, _done: Done) -> object:
        """Return the present view of a flow or of all flows."""
        chosen = [self._instance(args.flowId)] if args.flowId else list(self._runner.instances.values())
        return {i.name: msgspec.to_builtins(i.machine.view(), str_keys=True) for i in chosen}

    # --- debugging -----------------------------------------------------------------------------------------------------------

    def set_break(self, args: a.SetBreakPointAtModule, done: Done) -> object:
        """Set a breakpoint, or store the breakpoint of a flow not started yet."""
        flow_id, _, node = args.flowModuleId.rpartition("/")
        point = Break(
            args.id or f"{node}.{args.side}.{args.port}", node, args.side, args.port, args.when, args.hits, args.log, args.enabled
        )
        if flow_id in self._flows and flow_id not in self._runner.instances:
            _require_node(self._flows[flow_id][0], node)
            self._breaks.setdefault(flow_id, {})[point.id] = point
            return {"id": point.id, "flow": flow_id, "node": node, "enabled": point.enabled}
        instance, _ = self._node(args.flowModuleId)
        listed = lambda: next(b for b in instance.machine.breaks() if b["id"] == point.id)  # noqa: E731 - as it is by then
        return self._request(instance, lambda t: msgspec.structs.replace(point, token=t), _instead(listed, done))

    def remove_break(self, args: a.RemoveBreakPointAtModule, done: Done) -> object:
        """Remove all breakpoints of a module."""
        flow_id, _, node = args.flowModuleId.rpartition("/")
        waiting = self._breaks.get(flow_id, {})
        for name in [p.id for p in waiting.values() if p.node == node]:
            del waiting[name]
        if flow_id in self._flows and flow_id not in self._runner.instances:
            return {"flow": flow_id, "node": node}
        instance, _ = self._node(args.flowModuleId)
        return self._request(instance, lambda t: Unbreak(node=node, token=t), done)

    def list_breaks(self, args: a.ListBreakPoints, _done: Done) -> object:
        """Return the breakpoints of a flow or of all flows."""
        chosen = [self._instance(args.flowId)] if args.flowId else list(self._runner.instances.values())
        return [{**point, "flow": i.name} for i in chosen for point in i.machine.breaks()]

    def single_step(self, args: a.SingleStepFlow, done: Done) -> object:
        """Step a flow."""
        return self._request(self._instance(args.flowId), lambda t: Step(args.node, args.message, args.run, t), done)

    def pause(self, args: a.PauseFlow, done: Done) -> object:
        """Pause a flow."""
        return self._request(self._instance(args.flowId), Pause, done)

    def resume(self, args: a.ContinueFlow, done: Done) -> object:
        """Continue a flow."""
        return self._request(self._instance(args.flowId), Continue, done)

    def inject(self, args: a.Inject, done: Done) -> object:
        """Put a message in front of a module."""
        instance, node = self._node(args.flowModuleId)
        run = next(reversed(instance.runs), 0)
        own = not run
        if own:
            run = instance.last_run + 1
        text, tagged = _text(args.value)
        batch = single(text, run=run, tagged=tagged)
        self._request(
            instance, lambda t: Inject(node, batch, args.port, t), lambda _, error: done(None if error else {"run": run}, error)
        )
        if own:
            instance.request(CloseRun(run))
        return _LATER

    def edit(self, args: a.Edit, done: Done) -> object:
        """Replace the value of a held message."""
        machine = self._instance(args.flowId).machine
        text, tagged = _text(args.value)
        edited = lambda: next(iter(machine.held(id=args.id)), None)  # noqa: E731 - as it is by then
        return self._request(self._instance(args.flowId), lambda t: Edit(args.id, text, tagged, t), _instead(edited, done))

    def drop(self, args: a.Drop, done: Done) -> object:
        """Remove a held message."""
        return self._request(self._instance(args.flowId), lambda t: Drop(args.id, t), done)

    # --- dependencies --------------------------------------------------------------------------------------------------------

    def list_dependencies(self, args: a.ListDependencies, _done: Done) -> object:
        """Return the dependencies and locks of modules."""
        if args.modules is not None:
            context = self._runner.context_of(args.context)
            return [dependencies("", module, context) for module in args.modules]
        chosen = [self._instance(args.flowId)] if args.flowId else list(self._runner.instances.values())
        return [dependencies(i.name, module, i.context) for i in chosen for module in i.modules.values()]

    def lock_dependencies(self, args: a.LockDependencies, done: Done) -> object:
        """Make the environments of modules; the answer holds the locks."""
        context = self._runner.context_of(args.context)
        wanted = [module for module in args.modules if module.deps]
        missing = {module.name for module in wanted}

        def found(module: Module, answer: Interpreter | EnvironmentFailed) -> None:
            if isinstance(answer, EnvironmentFailed) and missing:
                missing.clear()
                done(None, (answer.kind, f"module {module.name!r}: {answer}"))
            elif module.name in missing:
                missing.remove(module.name)
                if not missing:
                    done({m.name: dependencies("", m, context)["lock"] for m in wanted}, None)

        for module in wanted:
            self._runner.environments.find(module, partial(found, module), context)
        return _LATER if wanted else {}

    def add_dependency(self, args: a.AddDependency, done: Done) -> object:
        """Add a dependency to the module of a node."""
        return self._change_deps(args.flowModuleId, lambda deps: (*(d for d in deps if d != args.spec), args.spec), done)

    def remove_dependency(self, args: a.RemoveDependency, done: Done) -> object:
        """Remove a dependency from the module of a node."""

        def without(deps: tuple[str, ...]) -> tuple[str, ...]:
            if args.spec not in deps:
                raise unknown("dependency", args.spec, deps)
            return tuple(d for d in deps if d != args.spec)

        return self._change_deps(args.flowModuleId, without, done)

    def _change_deps(self, flow_module_id: str, change: Callable[[tuple[str, ...]], tuple[str, ...]], done: Done) -> object:
        instance, node = self._node(flow_module_id)
        old = instance.modules[_require_node(instance.flow, node)]
        new = msgspec.structs.replace(old, deps=change(old.deps), version=old.version + 1)

        def answer(value: Any, error: tuple[str, str] | None) -> None:
            if error is None and value and value.get("refused"):
                error = ("environment", value["refused"][0]["message"])
            if error is not None and instance.modules.get(new.name) == new:
                instance.modules[new.name] = old
            done(None if error else dependencies(instance.name, new, instance.context), error)

        return self._request(instance, lambda t: Update(new, t), answer)


_LATER = object()


def _text(value: Any) -> tuple[bytes, bool]:
    """Return the JSON text of a value, and True if the text holds a tag. Raises ValueRefused."""
    text = encode_plain(value)
    return text, b'"$floe"' in text


def _instead(value: Callable[[], Any], done: Done) -> Done:
    """Return a callback that answers with *value* in place of the machine's value, except after an error."""
    return lambda _, error: done(None if error else value(), error)


_QUESTIONS: dict[str, tuple[str, ...]] = {
    "view": (),
    "latest": ("wire",),
    "held": ("limit", "id", "buffers"),
    "breaks": (),
    "history": ("node", "limit"),
    "dead": (),
    "states": (),
    "at": ("id",),
}


def _convert(name: str, struct: type[a.Arguments], args: dict[str, Any]) -> a.Arguments:
    fields = struct.__struct_fields__
    for given in args:
        if given not in fields:
            raise unknown(f"argument of {name},", given, fields)
    try:
        return msgspec.convert(args, struct)
    except msgspec.ValidationError as error:
        raise DefinitionError(f"{name}: {error}") from None


def _check_modules(flow: Flow, modules: Iterable[Module]) -> None:
    names = [m.name for m in modules]
    for node in flow.nodes:
        if node.kind == "module" and node.module not in names:
            raise unknown("module", node.module, names)


def _require_node(flow: Flow, node: str) -> str:
    """Return the name of a node's module. Raises UnknownName."""
    for found in flow.nodes:
        if found.id == node:
            return found.module
    raise unknown("node", node, (n.id for n in flow.nodes))


CALLS: dict[str, tuple[type[a.Arguments], Callable[[Api, Any, Done], object]]] = {
    "listRuntimes": (a.ListRuntimes, Api.list_runtimes),
    "listFlowsForRuntime": (a.ListFlowsForRuntime, Api.list_flows),
    "addOrUpdateFlow": (a.AddOrUpdateFlow, Api.add_or_update_flow),
    "removeFlow": (a.RemoveFlow, Api.remove_flow),
    "startFlow": (a.StartFlow, Api.start_flow),
    "stopFlow": (a.StopFlow, Api.stop_flow),
    "setBreakPointAtModule": (a.SetBreakPointAtModule, Api.set_break),
    "removeBreakPointAtModule": (a.RemoveBreakPointAtModule, Api.remove_break),
    "listBreakPoints": (a.ListBreakPoints, Api.list_breaks),
    "singleStepFlow": (a.SingleStepFlow, Api.single_step),
    "pauseFlow": (a.PauseFlow, Api.pause),
    "continueFlow": (a.ContinueFlow, Api.resume),
    "inject": (a.Inject, Api.inject),
    "edit": (a.Edit, Api.edit),
    "drop": (a.Drop, Api.drop),
    "listDependencies": (a.ListDependencies, Api.list_dependencies),
    "lockDependencies": (a.LockDependencies, Api.lock_dependencies),
    "addDependency": (a.AddDependency, Api.add_dependency),
    "removeDependency": (a.RemoveDependency, Api.remove_dependency),
    "subscribe": (a.Subscribe, Api.subscribe),
}
