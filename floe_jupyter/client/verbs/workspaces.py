"""Verbs for workspaces: list workspaces, copy from another notebook, remove definitions and runs no longer wanted."""

from __future__ import annotations

import msgspec

from floe_jupyter.client import workspaces as api
from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.verbs.model import ALL_WORKSPACES, JSON, Note, Verb, VerbCall, VerbResult
from floe_jupyter.wire.control.workspaces import ALL


def workspaces(request: VerbCall) -> VerbResult:
    """List workspaces, or remove some with everything in them."""
    if request["clean"] or request["remove"]:
        gone = request.session.ask(list[str], "remove_workspace", workspace=request["remove"] or "")
        text = f"Removed: {', '.join(gone)}" if gone else "All notebooks exist: no workspace was removed"
        return VerbResult(Note(text), {"removed": gone})
    found = request.session.workspaces()
    return VerbResult(api.table(found), msgspec.to_builtins(found))


def use(request: VerbCall) -> VerbResult:
    """Copy modules and flows of another notebook into this notebook."""
    found = api.borrow(request.session, request["source"], tuple(request["names"] or ()))
    parts = [f"{kind} {', '.join(found[kind])}" for kind in ("modules", "flows") if found[kind]]
    text = (
        f"Copied from {found['source']}: {'; '.join(parts)}. Later changes there are not copied"
        if parts
        else (f"{found['source']} defines nothing")
    )
    return VerbResult(Note(text), found)


def remove(request: VerbCall) -> VerbResult:
    """Remove a flow, or a module that no flow uses."""
    found = api.drop(request.session, request["name"])
    return VerbResult(Note(f"{found['kind'].title()} {found['name']} is removed"), found)


def clear_archive(request: VerbCall) -> VerbResult:
    """Remove runs that are over, with their results."""
    scope = {"workspace": ALL} if request["all"] else {}
    count = request.session.call("clear_archive", flow=request["flow"] or "", **scope)
    return VerbResult(Note(f"{count} run{'' if count == 1 else 's'} removed, with their results"), {"removed": count})


VERBS = (
    Verb(
        "workspaces",
        "List the notebooks, files and programs that own modules, flows and runs.",
        workspaces,
        (
            VerbArgument("--clean", "remove those whose notebook is gone, with all that they own", kind="flag"),
            VerbArgument("--remove", "remove this one, with all that it owns", names="workspace"),
            JSON,
        ),
    ),
    Verb(
        "use",
        "Copy modules and flows of another notebook into this one: all, or those named. What is named replaces one of that name.",
        use,
        (
            VerbArgument("source", "the other notebook: its name or path", required=True, names="workspace"),
            VerbArgument("names", "modules and flows; a flow comes with its modules", kind="texts"),
            JSON,
        ),
    ),
    Verb(
        "remove",
        "Remove a flow, or a module that no flow uses.",
        remove,
        (VerbArgument("name", "its name", required=True, names="definition"), JSON),
    ),
    Verb(
        "clear-archive",
        "Forget the runs that are over, and their results: of this notebook, of a flow, or one run by its ref.",
        clear_archive,
        (VerbArgument("flow", "only runs of this flow, or this run", names="flow"), ALL_WORKSPACES, JSON),
    ),
)
