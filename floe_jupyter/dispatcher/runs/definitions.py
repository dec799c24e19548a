"""Definitions: modules and flows, each with a version that counts up with every change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from floe_jupyter.core.flow.model import NODE_ID, Flow, Module, Node, Place
from floe_jupyter.core.flow.placement import problem_of as problem_of_runner
from floe_jupyter.core.flow.placement import runners_in
from floe_jupyter.core.flow.runner_urls import LOCAL, require_runner
from floe_jupyter.dispatcher.runs.journal import Journal
from floe_jupyter.errors import DefinitionError, EnvironmentFailed, nearest, unknown
from floe_jupyter.stores import Kind
from floe_jupyter.wire.languages import with_runtime

T = TypeVar("T", Module, Flow)
HOST = "local"
"""Name of the host in run refs."""


class Definitions:
    """The newest versions of a workspace's definitions, stored for the next dispatcher."""

    def __init__(self, journal: Journal, workspace: str, modules: Iterable[Module] = (), flows: Iterable[Flow] = ()) -> None:
        self._journal, self._workspace = journal, workspace
        self.modules = {m.name: m for m in modules}
        self.flows = {f.name: f for f in flows}

    def put_module(self, module: Module) -> tuple[Module, bool]:
        """Add a module; return the module with its version, and whether the module changed. Raises `DefinitionError`, and
        `EnvironmentFailed` when saving has become impossible.
        """
        _check_module(module)
        return self._put(self.modules, module)

    def put_flow(self, flow: Flow) -> tuple[Flow, bool]:
        """Add a flow; return the flow with its version, and whether the flow changed. Raises `DefinitionError`, and
        `EnvironmentFailed` when saving has become impossible.
        """
        self._check_flow(flow)
        return self._put(self.flows, flow)

    def _put(self, kept: dict[str, T], given: T) -> tuple[T, bool]:
        before = kept.get(given.name)
        if before is not None and _content(before) == _content(given):
            newest, changed = msgspec.structs.replace(given, version=before.version), False  # the cell may be another one
        else:
            newest, changed = msgspec.structs.replace(given, version=before.version + 1 if before else 1), True
        if newest != before:
            if self._journal.ended:
                raise EnvironmentFailed(self._journal.ended)
            kept[given.name] = newest
            self._journal.put(lambda store: store.put_definition(newest, self._workspace))
        return newest, changed

    def drop(self, kind: Kind, name: str) -> None:
        """Remove an existing module or flow."""
        kept: dict[str, Any] = self.flows if kind == "flow" else self.modules
        del kept[name]
        self._journal.put(lambda store: store.drop_definition(kind, name, self._workspace))

    def flow(self, name: str) -> Flow:
        """Return the flow of a name. Raises `UnknownName`."""
        flow = self.flows.get(name)
        if flow is None:
            raise unknown("flow", name, self.flows)
        return flow

    def modules_of(self, flow: Flow) -> tuple[Module, ...]:
        """Return the newest version of every module used by the flow, once each. Raises `UnknownName`."""
        names = dict.fromkeys(node.module for node in flow.nodes if node.kind == "module")
        for name in names:
            if name not in self.modules:
                raise unknown("module", name, self.modules)
        return tuple(self.modules[name] for name in names)

    def unfit(self, module: Module) -> list[str]:
        """Return the problems caused by a change of *module* in flows with the module: wires of ports that no longer exist."""
        from floe_jupyter.core.flow.check import check

        using = [flow for flow in self.flows.values() if any(node.module == module.name for node in flow.nodes)]
        return [f"flow {flow.name!r}: {problem}" for flow in using for problem in check(flow, self.modules)]

    def _check_flow(self, flow: Flow) -> None:
        from floe_jupyter.core.flow.check import check

        if not flow.nodes:
            raise DefinitionError(f"flow {flow.name!r} has no nodes; write at least one, such as `read -> parse`")
        for problem in check(flow, self.modules):
            raise problem
        for node in flow.nodes:
            _check_runners(f"node {node.id!r}", node.runner)
        require_runnable(flow)


def _content(definition: T) -> T:
    """Return the definition without version and place, which may differ between equal definitions."""
    return msgspec.structs.replace(definition, version=0, place=Place())


def _check_name(what: str, name: str) -> None:
    if not NODE_ID.match(name):
        raise DefinitionError(
            f"{name[:80]!r} cannot be the name of a {what}; use small letters, digits, `-` and `_`, and begin with a letter"
        )


def _check_module(module: Module) -> None:
    _check_name("module", module.name)
    if module.lang not in with_runtime():
        raise DefinitionError(f"module {module.name!r}: no language {module.lang!r}; {nearest(module.lang, with_runtime())}")
    for port in (*module.inputs, *module.outputs):
        _check_name("port", port)
    _check_runners(f"module {module.name!r}", module.runner)
    if module.deps:
        _check_dependencies(module)
    try:
        msgspec.json.decode(module.state, type=dict)
    except msgspec.MsgspecError as error:
        raise DefinitionError(f"module {module.name!r}: its state must be a JSON object, such as {{}}: {error}") from None


def _check_runners(what: str, text: str) -> None:
    if problem := problem_of_runner(text):
        raise DefinitionError(f"{what}: {problem}")
    for url in runners_in(text):
        require_runner(url)


def _check_dependencies(module: Module) -> None:
    from floe_jupyter.wire.dependencies import problem_of  # its patterns take 5 ms of a start, and most modules have none

    if problem := problem_of(module.lang, module.deps, build=module.build_deps):
        raise DefinitionError(f"module {module.name!r}: {problem}")


RUNNABLE = ("end", "all", "any")
"""Built-in nodes that can run."""


def require_runnable(flow: Flow, *, durable: bool = False) -> None:
    """Raise `DefinitionError` for parts of the notation that cannot run yet, and for a runner that cannot be."""
    require_runner(flow.runner or LOCAL)
    missing = [_missing(node) for node in flow.nodes]
    if flow.durable or durable:
        missing.append("durable runs (--durable)")
    if flow.host_tags:
        missing.append("hosts (--host-tags)")
    if flow.resource_tags:
        missing.append("resource tags (--resource-tags)")
    found = [text for text in missing if text]
    if found:
        raise DefinitionError(
            f"flow {flow.name!r} cannot run: this version has no {', no '.join(found)}; leave "
            f"{'it' if len(found) == 1 else 'them'} out"
        )


def _missing(node: Node) -> str:
    if node.kind == "trigger":
        return f"triggers (node {node.id!r}: {node.module}); send messages with `%floe send` instead"
    if node.kind == "task" and node.module not in RUNNABLE:
        return f"task {node.module!r} (node {node.id!r})"
    if node.kind == "pub":
        return f"pub {node.module!r} (node {node.id!r})"
    return ""
