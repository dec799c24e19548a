"""What is defined: modules and flows, each with a version that counts up with every change."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from floe_jupyter.core.model import LANGUAGES, NODE_ID, Flow, Module, Node, Place
from floe_jupyter.dispatcher.journal import Journal
from floe_jupyter.errors import DefinitionError, nearest, unknown
from floe_jupyter.stores import Store

T = TypeVar("T", Module, Flow)
HOST = "local"
"""The name of this host in run refs."""


class Definitions:
    """The newest versions. A store keeps them for the next dispatcher."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._journal = journal
        self.modules = {m.name: m for m in store.modules()}
        self.flows = {f.name: f for f in store.flows()}

    @property
    def problem(self) -> str:
        """Why the store cannot be written at present; empty when it can."""
        return self._journal.problem

    def put_module(self, module: Module) -> tuple[Module, bool]:
        """(the module with its version, whether anything changed). Raises `DefinitionError`."""
        _check_module(module)
        return self._put(self.modules, module)

    def put_flow(self, flow: Flow) -> tuple[Flow, bool]:
        """(the flow with its version, whether anything changed). Raises `DefinitionError`."""
        self._check_flow(flow)
        return self._put(self.flows, flow)

    def _put(self, kept: dict[str, T], given: T) -> tuple[T, bool]:
        before = kept.get(given.name)
        if before is not None and _content(before) == _content(given):
            newest, changed = msgspec.structs.replace(given, version=before.version), False  # the cell may be another one
        else:
            newest, changed = msgspec.structs.replace(given, version=before.version + 1 if before else 1), True
        if newest != before:
            kept[given.name] = newest
            self._journal.put(lambda store: store.put_definition(newest))
        return newest, changed

    def flow(self, name: str) -> Flow:
        """Raises `UnknownName`."""
        flow = self.flows.get(name)
        if flow is None:
            raise unknown("flow", name, self.flows)
        return flow

    def modules_of(self, flow: Flow) -> tuple[Module, ...]:
        """The newest version of every module that the flow uses, once each."""
        names = dict.fromkeys(node.module for node in flow.nodes if node.kind == "module")
        for name in names:
            if name not in self.modules:
                raise unknown("module", name, self.modules)
        return tuple(self.modules[name] for name in names)

    def unfit(self, module: Module) -> list[str]:
        """What is wrong, since *module* changed, with the flows that use it: wires of ports that it no longer has."""
        from floe_jupyter.core.check import check

        using = [flow for flow in self.flows.values() if any(node.module == module.name for node in flow.nodes)]
        return [f"flow {flow.name!r}: {problem}" for flow in using for problem in check(flow, self.modules)]

    def _check_flow(self, flow: Flow) -> None:
        from floe_jupyter.core.check import check

        if not flow.nodes:
            raise DefinitionError(f"flow {flow.name!r} has no nodes; write at least one, such as `read -> parse`")
        for problem in check(flow, self.modules):
            raise problem


def _content(definition: T) -> T:
    """Without what may differ while it is the same definition."""
    return msgspec.structs.replace(definition, version=0, place=Place())


def _check_name(what: str, name: str) -> None:
    if not NODE_ID.match(name):
        raise DefinitionError(f"{name[:80]!r} cannot be the name of a {what}; use small letters, digits, `-` and `_`, and "
                              "begin with a letter")


def _check_module(module: Module) -> None:
    _check_name("module", module.name)
    if module.lang not in LANGUAGES:
        raise DefinitionError(f"module {module.name!r}: no language {module.lang!r}; {nearest(module.lang, LANGUAGES)}")
    for port in (*module.inputs, *module.outputs):
        _check_name("port", port)
    try:
        msgspec.json.decode(module.state, type=dict)
    except msgspec.MsgspecError as error:
        raise DefinitionError(f"module {module.name!r}: its state must be a JSON object, such as {{}}: {error}") from None


RUNNABLE = ("end", "all", "any")
"""Built-in nodes that can run."""


def require_runnable(flow: Flow, *, durable: bool = False) -> None:
    """Raises `DefinitionError` for what the notation knows and nothing can run yet."""
    missing = [_missing(node) for node in flow.nodes]
    if flow.durable or durable:
        missing.append("durable runs (--durable)")
    if flow.host_tags:
        missing.append("hosts (--host-tags)")
    if flow.resource_tags:
        missing.append("resource tags (--resource-tags)")
    if flow.runner not in ("", "local:"):
        missing.append(f"the runner {flow.runner!r} (only local: )")
    found = [text for text in missing if text]
    if found:
        raise DefinitionError(f"flow {flow.name!r} cannot run: this version has no {', no '.join(found)}; leave "
                              f"{'it' if len(found) == 1 else 'them'} out")


def _missing(node: Node) -> str:
    if node.kind == "trigger":
        return f"triggers (node {node.id!r}: {node.module}); send messages with `%floe send` instead"
    if node.kind == "task" and node.module not in RUNNABLE:
        return f"task {node.module!r} (node {node.id!r})"
    if node.kind == "pub":
        return f"pub {node.module!r} (node {node.id!r})"
    if node.runner not in ("", "local:"):
        return f"runner {node.runner!r} (node {node.id!r})"
    return ""
