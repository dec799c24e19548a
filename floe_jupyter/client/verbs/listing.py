"""Verbs that inform: tables of flows, runs, runners, runtimes and dependencies, pictures, logs, status and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from floe_jupyter.client.counts import unprocessed_text
from floe_jupyter.client.outcome import Outcome, picture
from floe_jupyter.client.run import Run
from floe_jupyter.client.tables import Table
from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.verbs.files import SUFFIX, export_text
from floe_jupyter.client.verbs.model import ALL_WORKSPACES, FLOW, JSON, Note, Verb, VerbCall, VerbResult
from floe_jupyter.client.verbs.running import info_data, the_flow
from floe_jupyter.core.flow.model import Flow
from floe_jupyter.errors import DefinitionError, EnvironmentFailed
from floe_jupyter.wire.control.calls import RunInfo, View
from floe_jupyter.wire.control.workspaces import ALL


def flows(request: VerbCall) -> VerbResult:
    """List the flows of this notebook, or of all."""
    rows: list[dict[str, Any]] = [
        {
            "flow": f.name,
            "version": f.version,
            "nodes": [n.id for n in f.nodes],
            "runner": f.runner,
            "durable": f.durable,
            "workspace": title,
        }
        for title, f in _flows(request)
    ]
    shown = [{**row, "flow": with_title(row["flow"], row["workspace"])} for row in rows]
    return VerbResult(Table(shown, ["flow", "version", "nodes", "runner"], "no flow is defined"), rows)


def _flows(request: VerbCall) -> list[tuple[str, Flow]]:
    """Return flows with the title of their workspace; the title is empty if only the own workspace is listed."""
    session = request.session
    if not request["all"] and session.client.workspace is not None:
        return [("", flow) for flow in session.flows().values()]
    spaces = [info.workspace for info in session.workspaces() if info.flows]
    return [(space.title, flow) for space in spaces for flow in session.ask(list[Flow], "flows", workspace=space.id)]


def with_title(name: str, title: str) -> str:
    """Return ``shop (shop.ipynb)``; the name alone where the list is of a single workspace."""
    return f"{name} ({title})" if title else name


def runs(request: VerbCall) -> VerbResult:
    """List runs, newest first."""
    scope = {"workspace": ALL} if request["all"] else {}
    found = request.session.ask(
        list[RunInfo], "runs", flow=request["flow"] or "", status=request["status"], limit=request["limit"] or 100, **scope
    )
    several = len({info.workspace for info in found}) > 1
    rows = [
        info_data(info)
        | {"run": info.ref, "fed": info.fed, "results": info.results, "held": info.held, "waits for": info.waits_for}
        | {"not processed": unprocessed_text(info).removeprefix(", ")}
        for info in found
    ]
    shown = [{**row, "run": with_title(row["run"], info.title if several else "")} for row, info in zip(rows, found, strict=True)]
    more = [column for column in ("not processed", "why") if any(row.get(column) for row in rows)]
    return VerbResult(Table(shown, ["run", "status", "fed", "results", "held", "waits for", *more], "no runs"), rows)


def _listed(call: str, columns: list[str], empty: str) -> Any:
    def handler(request: VerbCall) -> VerbResult:
        rows = request.session.ask(list[dict[str, Any]], call)
        return VerbResult(Table(rows, columns, empty), rows)

    return handler


def runners(request: VerbCall) -> VerbResult:
    """List runners, or end a runner."""
    if request["end"]:
        ended = request.session.call("end_runner", pid=request["end"])
        return VerbResult(
            Note(f"The runner {ended['url']} (process {ended['pid']}) is ended; the next run starts another"), ended
        )
    answer: VerbResult = _listed("runners", ["url", "host", "workspace", "pid", "status", "runtimes"], "no runner")(request)
    return answer


def runtimes(request: VerbCall) -> VerbResult:
    """List runtimes."""
    rows = request.session.ask(list[dict[str, Any]], "runtimes")
    shown = [row | {"status": _loading(row)} for row in rows]
    columns = ["id", "runner", "lang", "environment", "pid", "status", "nodes", "restarts"]
    return VerbResult(Table(shown, columns, "no runtime"), rows)


def _loading(row: dict[str, Any]) -> str:
    if row["status"] != "loading":
        return str(row["status"])
    return f"loading {row.get('loading', '')} for {row.get('seconds', 0):.0f} s"


def deps(request: VerbCall) -> VerbResult:
    """List, add, remove or lock the dependencies of modules."""
    for action in ("add", "remove"):
        if request[action]:
            request.session.call("deps", action=action, module=request["module"] or "", specs=tuple(request[action]))
    if request["lock"]:
        locks = request.session.call("deps", action="lock", module=request["module"] or "")
        return VerbResult(Note(_locks(locks)), locks)
    rows = request.session.ask(list[dict[str, Any]], "deps", module=request["module"] or "")
    return VerbResult(Table(rows, ["module", "lang", "deps", "locked"], "no module has dependencies"), rows)


def _locks(locks: dict[str, str]) -> str:
    return "\n\n".join(f"# {name}\n{text}" for name, text in locks.items()) or "no module has dependencies"


def logs(request: VerbCall) -> VerbResult:
    """Return the last lines that modules printed."""
    rows = request.session.ask(
        list[dict[str, Any]], "logs", flow=request.used, node=request["node"], limit=request["limit"] or 200
    )
    return VerbResult(Table(rows, ["node", "stream", "text"], "no logs"), rows)


def status(request: VerbCall) -> VerbResult:
    """Return the status of the dispatcher."""
    found = request.session.call("status")
    return VerbResult(Table([{"what": key, "value": value} for key, value in found.items()], ["what", "value"]), found)


def show(request: VerbCall) -> VerbResult:
    """Draw a flow, or a run by its ref."""
    name = request.flow
    if name.count(".") >= 3:
        found = Run(request.session, request.session.ask(RunInfo, "run_info", ref=name))
        return VerbResult(found.view(), msgspec.to_builtins(request.session.ask(View, "view", flow=name)))
    definition = the_flow(request).definition
    rows = [
        {"node": n.id, "module": n.module, "to": [w.target for w in definition.wires if w.source == n.id]}
        for n in definition.nodes
    ]
    return VerbResult(
        Outcome(picture(definition), Table(rows, ["node", "module", "to"]), f"Flow {definition.name}"),
        msgspec.to_builtins(definition),
    )


def export(request: VerbCall) -> VerbResult:
    """Write a flow and its modules to a file."""
    target = Path(request["output"])
    if target.suffix not in ("", SUFFIX):
        cure = f"write -o {target.with_suffix(SUFFIX)}"
        raise DefinitionError(f"export writes {SUFFIX} text, and {target} could not be run under this name; {cure}")
    text = export_text(request.session, the_flow(request).definition)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFailed(f"{target} cannot be written: {error.strerror}; choose another file with -o") from None
    return VerbResult(Note(f"{target} written; `floe run {target}` runs it"), {"file": str(target)})


NODE = VerbArgument("--node", "only this node", names="node")
LIMIT = VerbArgument("--limit", "maximum number of rows", kind="whole")
VERBS = (
    Verb("flows", "List the flows of this notebook, or all.", flows, (ALL_WORKSPACES, JSON)),
    Verb(
        "runs",
        "List runs, newest first, and what pending ones wait for.",
        runs,
        (
            FLOW,
            VerbArgument("--status", "only those: pending, active, held, cancelling, done, failed, cancelled"),
            LIMIT,
            ALL_WORKSPACES,
            JSON,
        ),
    ),
    Verb(
        "runners",
        "List runners; end one that does not answer.",
        runners,
        (VerbArgument("--end", "end the runner of this process, with all that it runs", kind="whole"), JSON),
    ),
    Verb(
        "runtimes",
        "List runtimes: one process per language and environment.",
        runtimes,
        (JSON,),
    ),
    Verb(
        "deps",
        "List, add, remove or lock the dependencies of modules.",
        deps,
        (
            VerbArgument("module", "only this module", names="module"),
            VerbArgument("--add", "packages to add", kind="texts"),
            VerbArgument("--remove", "packages to remove", kind="texts"),
            VerbArgument("--lock", "the lock texts", kind="flag"),
            JSON,
        ),
    ),
    Verb("logs", "Show what modules printed, newest last.", logs, (FLOW, NODE, LIMIT, JSON)),
    Verb("status", "Show the status of the dispatcher.", status, (JSON,)),
    Verb("show", "Draw a flow, or a run by its ref.", show, (FLOW, JSON)),
    Verb(
        "export",
        "Write a flow and its modules as a file that `floe run` runs.",
        export,
        (FLOW, VerbArgument("--output", "the file", short="-o", required=True, names="file"), JSON),
    ),
)
