"""Calls of the Runner API about the dependencies of modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine.events import Update
from floe_jupyter.errors import EnvironmentFailed, unknown
from floe_jupyter.runner.api import arguments as a
from floe_jupyter.runner.api.descriptions import dependencies
from floe_jupyter.runner.api.state import LATER, ApiState, Done, Error, request, require_node
from floe_jupyter.runner.runtimes.languages import Interpreter


def list_dependencies(state: ApiState, args: a.ListDependencies, _done: Done) -> object:
    """Return the dependencies and locks of modules."""
    if args.modules is not None:
        context = state.runner.context_of(args.context)
        return [dependencies("", module, context) for module in args.modules]
    return [dependencies(i.name, module, i.context) for i in state.chosen(args.flowId) for module in i.modules.values()]


def lock_dependencies(state: ApiState, args: a.LockDependencies, done: Done) -> object:
    """Make the environments of modules; the answer holds the locks."""
    context = state.runner.context_of(args.context)
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
        state.runner.environments.find(module, partial(found, module), context)
    return LATER if wanted else {}


def add_dependency(state: ApiState, args: a.AddDependency, done: Done) -> object:
    """Add a dependency to the module of a node."""
    return _change(state, args.flowModuleId, lambda deps: (*(d for d in deps if d != args.spec), args.spec), done)


def remove_dependency(state: ApiState, args: a.RemoveDependency, done: Done) -> object:
    """Remove a dependency from the module of a node."""

    def without(deps: tuple[str, ...]) -> tuple[str, ...]:
        if args.spec not in deps:
            raise unknown("dependency", args.spec, deps)
        return tuple(d for d in deps if d != args.spec)

    return _change(state, args.flowModuleId, without, done)


def _change(state: ApiState, flow_module_id: str, change: Callable[[tuple[str, ...]], tuple[str, ...]], done: Done) -> object:
    instance, node = state.node(flow_module_id)
    old = instance.modules[require_node(instance.flow, node)]
    new = msgspec.structs.replace(old, deps=change(old.deps), version=old.version + 1)

    def answer(value: Any, error: Error) -> None:
        if error is None and value and value.get("refused"):
            error = ("environment", value["refused"][0]["message"])
        if error is not None and instance.modules.get(new.name) == new:
            instance.modules[new.name] = old
        done(None if error else dependencies(instance.name, new, instance.context), error)

    return request(instance, lambda t: Update(new, t), answer)
