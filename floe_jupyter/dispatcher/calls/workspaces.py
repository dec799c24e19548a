"""Calls of the control API about workspaces: listing workspaces, borrowing definitions from another workspace, and removal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from floe_jupyter.core.flow.model import Flow, Module, Place
from floe_jupyter.core.machine.events import Rewire, Update
from floe_jupyter.dispatcher.calls.definitions import defined
from floe_jupyter.dispatcher.calls.server import Handler, PendingCall
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import KnownRun
from floe_jupyter.dispatcher.runs.workspaces import Space
from floe_jupyter.errors import DefinitionError
from floe_jupyter.stores import kind_of
from floe_jupyter.wire.control import topics
from floe_jupyter.wire.control.workspace_calls import clear_archive as ClearArchive  # noqa: N812 - the handlers have these names
from floe_jupyter.wire.control.workspace_calls import enter as Enter  # noqa: N812
from floe_jupyter.wire.control.workspace_calls import follow_notebook as FollowNotebook  # noqa: N812
from floe_jupyter.wire.control.workspace_calls import remove as Remove  # noqa: N812
from floe_jupyter.wire.control.workspace_calls import remove_workspace as RemoveWorkspace  # noqa: N812
from floe_jupyter.wire.control.workspace_calls import rename_workspace as RenameWorkspace  # noqa: N812
from floe_jupyter.wire.control.workspace_calls import use as Use  # noqa: N812
from floe_jupyter.wire.control.workspace_calls import workspaces as Workspaces  # noqa: N812
from floe_jupyter.wire.control.workspaces import ALL, Workspace, WorkspaceInfo

T = TypeVar("T", Module, Flow)


def workspaces(hub: Hub, args: Workspaces, request: PendingCall) -> list[WorkspaceInfo]:  # noqa: ARG001 - one signature for all calls
    """Return the workspaces with definitions or runs, and the client's own."""
    own = hub.spaces.of(request.client)
    runs = Counter(run.workspace.id for run in hub.history.runs.values())
    active = Counter(run.workspace.id for run in hub.history.runs.values() if not run.over)
    clients: dict[str, list[str]] = {}
    for client in request.server.lifetime.clients:
        clients.setdefault(client.workspace, []).append(client.name)
    return [
        WorkspaceInfo(
            space.workspace,
            tuple(space.definitions.flows),
            tuple(space.definitions.modules),
            tuple(space.up),
            runs[space.id],
            active[space.id],
            tuple(clients.get(space.id, ())),
            space.gone,
            space is own,
        )
        for space in hub.spaces
        if space is own or space.owns or runs[space.id]
    ]


def enter(hub: Hub, args: Enter, request: PendingCall) -> Workspace:
    """Let the client enter a workspace, and return the workspace."""
    space = hub.spaces.get(args.workspace)
    request.client.workspace = space.id
    return space.workspace


def follow_notebook(hub: Hub, args: FollowNotebook, request: PendingCall) -> Workspace:
    """Return the workspace of the client after its notebook moved."""
    return hub.spaces.follow(request.client, args.path).workspace


# --- borrowing -----------------------------------------------------------------------------------------------------------


def use(hub: Hub, args: Use, request: PendingCall) -> dict[str, Any]:
    """Copy flows and modules, with the modules of the flows, from another workspace; return their names."""
    own = hub.spaces.home(request.client, args.workspace)
    source = hub.spaces.named(args.source, own)
    flows, modules = _wanted(hub, source, args.names)
    copies = [_borrowed(module, source) for module in modules], [_borrowed(flow, source) for flow in flows]
    _refuse_to_replace(own, source, [*copies[0], *copies[1]], args.names)
    for module in copies[0]:
        _put(hub, own, *own.definitions.put_module(module))
    for flow in copies[1]:
        _put(hub, own, *own.definitions.put_flow(flow))
    return {"modules": [m.name for m in modules], "flows": [f.name for f in flows], "source": source.workspace.title}


def _wanted(hub: Hub, source: Space, names: tuple[str, ...]) -> tuple[list[Flow], list[Module]]:
    """Return the flows and modules meant by *names*, with the modules of the flows. Raises `UnknownName`."""
    known = source.definitions
    for name in names:
        if name not in known.flows and name not in known.modules:
            raise hub.spaces.unknown(f"flow or module of {source.workspace.title}", name, [*known.flows, *known.modules], source)
    flows = [flow for name, flow in known.flows.items() if not names or name in names]
    modules = {name: module for name, module in known.modules.items() if not names or name in names}
    for flow in flows:
        modules |= {module.name: module for module in known.modules_of(flow)}
    return flows, list(modules.values())


def _borrowed(definition: T, source: Space) -> T:
    """Return the definition with its origin as its place."""
    place = definition.place
    cell = f", cell In[{place.cell}]" if place.cell else ""
    there = place.file if place.file and not place.cell else f"{source.workspace.title}{cell}"
    return msgspec.structs.replace(definition, place=Place(0, place.line, there))


def _refuse_to_replace(own: Space, source: Space, copies: list[Module | Flow], names: tuple[str, ...]) -> None:
    """Refuse to replace a different definition unless its name was given by the user. Raises `DefinitionError`."""
    for copy in copies:
        kept: Mapping[str, Module | Flow] = own.definitions.flows if isinstance(copy, Flow) else own.definitions.modules
        before = kept.get(copy.name)
        if before is not None and copy.name not in names and _bare(before) != _bare(copy):
            raise DefinitionError(
                f"{kind_of(copy)} {copy.name!r} of {own.workspace.title} is another one; nothing was copied: "
                f"name it to replace it, `%floe use {source.workspace.title} {' '.join([*names, copy.name])}`, "
                "or remove it first"
            )


def _bare(definition: Module | Flow) -> Module | Flow:
    return msgspec.structs.replace(definition, version=0, place=Place())


def _put(hub: Hub, own: Space, definition: Module | Flow, changed: bool) -> None:
    """Publish a changed definition; running instances continue with the new version."""
    if not changed:
        return
    defined(hub, own, kind_of(definition), definition)
    for instance in [i for i in hub.at_work() if i.space is own]:
        if isinstance(definition, Module):
            if definition.name in instance.modules:
                hub.send_request(instance, lambda token: Update(definition, token), _ignore)
        elif instance.flow.name == definition.name:
            modules = own.definitions.modules_of(definition)
            hub.send_request(instance, lambda token, used=modules: Rewire(definition, used, token), _ignore)  # type: ignore[misc]


def _ignore(_: Any, __: Any) -> None:
    """Ignore an answer: a refusal shows in the notices of the instance."""


# --- removing ------------------------------------------------------------------------------------------------------------


def remove(hub: Hub, args: Remove, request: PendingCall) -> dict[str, str]:
    """Remove a flow, or an unused module; return its kind and name."""
    space = hub.spaces.of(request.client, args.workspace)
    known = space.definitions
    if args.name in known.flows:
        _remove_flow(hub, space, args.name)
        kind = "flow"
    elif args.name in known.modules:
        used = [flow.name for flow in known.flows.values() if any(node.module == args.name for node in flow.nodes)]
        if used:
            raise DefinitionError(
                f"module {args.name!r} is used by flow {', '.join(used)}; define that without it, or remove it "
                f"first: `%floe remove {used[0]}`"
            )
        kind = "module"
    else:
        raise hub.spaces.unknown("flow or module", args.name, [*known.flows, *known.modules], space)
    known.drop("flow" if kind == "flow" else "module", args.name)
    _gone(hub, space, kind, args.name)
    return {"kind": kind, "name": args.name}


def _gone(hub: Hub, space: Space, kind: str, name: str = "") -> None:
    said = {"kind": kind, "name": name, "version": 0, "workspace": space.id, "gone": True}
    hub.publisher.publish(f"{topics.DEFINED}{space.id}", said)


def _remove_flow(hub: Hub, space: Space, name: str) -> None:
    """Close instances of a flow kept for inspection, and remove its breakpoints. Raises `DefinitionError` if the flow runs."""
    for instance in hub.alive(space, name):
        if instance.up:
            raise DefinitionError(f"flow {name!r} is up; `%floe stop {name}` first")
        if instance.runs:
            [ref, *_] = [run.ref for run in instance.runs.values()]
            raise DefinitionError(f"run {ref} of flow {name!r} is under way; let it end, or `%floe stop {name}` first")
    for instance in hub.alive(space, name):
        hub.close(instance)
    space.breaks.pop(name, None)


def clear_archive(hub: Hub, args: ClearArchive, request: PendingCall) -> int:
    """Remove finished runs of a flow, a workspace or all, and return their number."""
    own = None if args.workspace == ALL else hub.spaces.of(request.client, args.workspace)
    found = [run for run in hub.history.runs.values() if _matches(run, own, args.flow)]
    if not found and args.flow and args.flow not in _flows(own, hub):
        hub.history.get(args.flow)  # raises the error for an unknown name
    left = [run for run in found if not run.over]
    if left and left[0].ref == args.flow:
        raise DefinitionError(f"run {args.flow} is {left[0].status}; cancel it first, or let it end")
    return _clear(hub, [run for run in found if run.over])


def _flows(own: Space | None, hub: Hub) -> set[str]:
    return {name for space in ([own] if own is not None else hub.spaces) for name in space.definitions.flows}


def _matches(run: KnownRun, own: Space | None, flow: str) -> bool:
    return run.ref == flow if flow and "." in flow else (own is None or run.workspace.id == own.id) and flow in ("", run.flow)


def _clear(hub: Hub, runs: list[KnownRun]) -> int:
    hub.history.clear(runs)
    for id_ in {run.workspace.id for run in runs}:
        space = hub.spaces.find(id_)
        if space is not None:
            _gone(hub, space, "runs")
    return len(runs)


def remove_workspace(hub: Hub, args: RemoveWorkspace, request: PendingCall) -> list[str]:
    """Remove a workspace, or all unused workspaces of missing notebooks; return the titles."""
    used = {client.workspace for client in request.server.lifetime.clients} | {instance.space.id for instance in hub.at_work()}
    if args.workspace:
        own = hub.spaces.of(request.client)
        wanted = [hub.spaces.find(args.workspace) or hub.spaces.named(args.workspace, own)]
    else:
        wanted = [space for space in hub.spaces if space.gone and space.id not in used]
    for space in wanted:
        _remove_workspace(hub, space, used)
    return [space.workspace.title for space in wanted]


def _remove_workspace(hub: Hub, space: Space, used: set[str]) -> None:
    if space.id in used:
        raise DefinitionError(f"workspace {space.workspace.title} is in use; shut its kernel down and stop its flows first")
    _clear(hub, [run for run in hub.history.runs.values() if run.workspace.id == space.id])
    hub.spaces.remove(space)
    _gone(hub, space, "workspace")


def rename_workspace(hub: Hub, args: RenameWorkspace, request: PendingCall) -> int:  # noqa: ARG001
    """Move the workspaces of moved notebooks; return the number of workspaces."""
    return len(hub.spaces.move(args.source, args.target))


HANDLERS: dict[str, Handler] = {
    handler.__name__: handler
    for handler in (workspaces, enter, follow_notebook, use, remove, clear_archive, remove_workspace, rename_workspace)
}
