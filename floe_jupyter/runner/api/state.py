"""State of the Runner API, and searches in it: flows given to the runner, and their breakpoints before the start.

On the wire and in the documentation calls keep their names (``addOrUpdateFlow``). A *flowId* names a flow given to the runner, or
an instance; a *flowModuleId* is ``flow/node``, or the id of a node if a flow has a node of this id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import Accepted, Break, Event, Reply
from floe_jupyter.errors import unknown
from floe_jupyter.runner.driver import MachineDriver
from floe_jupyter.runner.environments.cache import Environments
from floe_jupyter.runner.host import LocalToken
from floe_jupyter.runner.runtimes.pool import Pool
from floe_jupyter.wire.process_context import ProcessContext
from floe_jupyter.wire.runner_messages import Open

Error = tuple[str, str] | None
"""Kind of an error, and its text."""
Done = Callable[[Any, Error], None]
"""Callback, called once, with the value or with the error."""
LATER = object()
"""Result of a handler whose answer follows by the callback."""


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


class ApiState:
    """The runner, and the given flows."""

    def __init__(self, runner: ApiRunner) -> None:
        self.runner = runner
        self.flows: dict[str, tuple[Flow, tuple[Module, ...]]] = {}
        self.breaks: dict[str, dict[str, Break]] = {}
        """Breakpoints of flows not started yet."""

    def stored(self, flow_id: str) -> tuple[Flow, tuple[Module, ...]]:
        """Return a given flow and its modules. Raises UnknownName."""
        if flow_id not in self.flows:
            raise unknown("flow", flow_id, self.flows)
        return self.flows[flow_id]

    def is_waiting(self, flow_id: str) -> bool:
        """Return whether the flow was given and is not started."""
        return flow_id in self.flows and flow_id not in self.runner.instances

    def instance(self, flow_id: str) -> MachineDriver:
        """Return the running instance named by *flow_id*; the newest if several match. Raises UnknownName."""
        instances = self.runner.instances
        if flow_id in instances:
            return instances[flow_id]
        for instance in reversed(instances.values()):
            if not flow_id or instance.flow.name == flow_id:
                return instance
        raise unknown("running flow", flow_id, [*instances, *(i.flow.name for i in instances.values())])

    def chosen(self, flow_id: str) -> list[MachineDriver]:
        """Return the instance named by *flow_id*, or all instances for an empty id. Raises UnknownName."""
        return [self.instance(flow_id)] if flow_id else list(self.runner.instances.values())

    def node(self, flow_module_id: str) -> tuple[MachineDriver, str]:
        """Return the instance and the id of a node. Raises UnknownName."""
        flow_id, _, node = flow_module_id.rpartition("/")
        if flow_id:
            return self.instance(flow_id), node
        having = [i for i in self.runner.instances.values() if any(n.id == node for n in i.flow.nodes)]
        if not having:
            raise unknown("node", node, (n.id for i in self.runner.instances.values() for n in i.flow.nodes))
        return having[-1], node


def request(instance: MachineDriver, make: Callable[[LocalToken], Event], done: Done) -> object:
    """Send an event to a machine; the machine's answer becomes the answer of the call."""

    def answer(reply: Reply | Accepted) -> None:
        done(getattr(reply, "value", None), getattr(reply, "error", None))

    instance.request(make(LocalToken(answer)))
    return LATER


def request_each(instances: list[MachineDriver], make: Callable[[LocalToken], Event], done: Done) -> object:
    """Send an event to several machines. The answer is {name of the instance: value}, or the first error."""
    values: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    pending = {instance.name for instance in instances}

    def answer(name: str, value: Any, error: Error) -> None:
        pending.discard(name)
        values[name] = value
        errors.extend([error] if error else [])
        if not pending:
            done(None if errors else values, errors[0] if errors else None)

    for instance in instances:
        request(instance, make, lambda value, error, name=instance.name: answer(name, value, error))  # type: ignore[misc]
    if not instances:
        done({}, None)
    return LATER


def instead(value: Callable[[], Any], done: Done) -> Done:
    """Return a callback that answers with *value* in place of the machine's value, except after an error."""
    return lambda _, error: done(None if error else value(), error)


def require_node(flow: Flow, node: str) -> str:
    """Return the name of a node's module. Raises UnknownName."""
    for found in flow.nodes:
        if found.id == node:
            return found.module
    raise unknown("node", node, (n.id for n in flow.nodes))
