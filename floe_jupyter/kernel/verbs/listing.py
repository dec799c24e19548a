"""Verbs that tell: tables of what there is, pictures, logs, files and help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from floe_jupyter.errors import DefinitionError, EnvironmentFailed
from floe_jupyter.kernel.arguments import Argument
from floe_jupyter.kernel.files import SUFFIX, export_text
from floe_jupyter.kernel.outcome import Outcome, picture
from floe_jupyter.kernel.run import Run
from floe_jupyter.kernel.tables import Table
from floe_jupyter.kernel.verbs.running import the_flow
from floe_jupyter.kernel.verbs.words import FLOW, JSON, Answer, Note, Request, Verb
from floe_jupyter.wire.control import RunInfo, View


def flows(request: Request) -> Answer:
    known = request.session.flows().values()
    rows = [
        {"flow": f.name, "version": f.version, "nodes": [n.id for n in f.nodes], "runner": f.runner, "durable": f.durable}
        for f in known
    ]
    return Answer(Table(rows, ["flow", "version", "nodes", "runner"], "no flow is defined"), rows)


def runs(request: Request) -> Answer:
    found = request.session.ask(
        list[RunInfo], "runs", flow=request["flow"] or "", status=request["status"], limit=request["limit"] or 100
    )
    rows = [
        msgspec.to_builtins(info)
        | {"run": info.ref, "fed": info.fed, "results": info.results, "held": info.held, "waits for": info.waits_for}
        for info in found
    ]
    return Answer(Table(rows, ["run", "status", "fed", "results", "held", "waits for"], "no runs"), rows)


def _listed(call: str, columns: list[str], empty: str) -> Any:
    def handler(request: Request) -> Answer:
        rows = request.session.ask(list[dict[str, Any]], call)
        return Answer(Table(rows, columns, empty), rows)

    return handler


def deps(request: Request) -> Answer:
    for action in ("add", "remove"):
        if request[action]:
            request.session.call("deps", action=action, module=request["module"] or "", specs=tuple(request[action]))
    if request["lock"]:
        locks = request.session.call("deps", action="lock", module=request["module"] or "")
        return Answer(Note(_locks(locks)), locks)
    rows = request.session.ask(list[dict[str, Any]], "deps", module=request["module"] or "")
    return Answer(Table(rows, ["module", "lang", "deps", "locked"], "no module has dependencies"), rows)


def _locks(locks: Any) -> str:
    return "\n\n".join(f"# {name}\n{text}" for name, text in locks.items()) if isinstance(locks, dict) else str(locks)


def logs(request: Request) -> Answer:
    rows = request.session.ask(
        list[dict[str, Any]], "logs", flow=request.used, node=request["node"], limit=request["limit"] or 200
    )
    return Answer(Table(rows, ["node", "stream", "text"], "no logs"), rows)


def status(request: Request) -> Answer:
    found = request.session.call("status")
    return Answer(Table([{"what": key, "value": value} for key, value in found.items()], ["what", "value"]), found)


def show(request: Request) -> Answer:
    name = request.flow
    if name.count(".") >= 3:
        found = Run(request.session, request.session.ask(RunInfo, "run_info", ref=name))
        return Answer(found.view(), msgspec.to_builtins(request.session.ask(View, "view", flow=name)))
    definition = the_flow(request).definition
    rows = [
        {"node": n.id, "module": n.module, "to": [w.target for w in definition.wires if w.source == n.id]}
        for n in definition.nodes
    ]
    return Answer(
        Outcome(picture(definition), Table(rows, ["node", "module", "to"]), f"Flow {definition.name}"),
        msgspec.to_builtins(definition),
    )


def export(request: Request) -> Answer:
    target = Path(request["output"])
    if target.suffix not in ("", SUFFIX):
        cure = f"write -o {target.with_suffix(SUFFIX)}"
        raise DefinitionError(f"export writes {SUFFIX} text, and {target} could not be run under this name; {cure}")
    text = export_text(request.session, the_flow(request).definition)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFailed(f"{target} cannot be written: {error.strerror}; choose another file with -o") from None
    return Answer(Note(f"{target} written; `floe run {target}` runs it"), {"file": str(target)})


def help_(request: Request) -> Answer:
    from floe_jupyter.kernel.verbs.help import help_text

    text = help_text(request["topic"] or "")
    return Answer(Note(text), {"text": text})


NODE = Argument("--node", "only this node", names="node")
LIMIT = Argument("--limit", "at most so many", kind="whole")
VERBS = (
    Verb("flows", "List flows.", flows, (JSON,)),
    Verb(
        "runs",
        "List runs, newest first, and what pending ones wait for.",
        runs,
        (FLOW, Argument("--status", "only those: pending, active, held, done, failed, cancelled"), LIMIT, JSON),
    ),
    Verb("runners", "List runners.", _listed("runners", ["url", "pid", "status", "runtimes"], "no runner"), (JSON,)),
    Verb(
        "runtimes",
        "List runtimes: one process per language and environment.",
        _listed("runtimes", ["id", "runner", "lang", "environment", "pid", "status", "nodes", "restarts"], "no runtime"),
        (JSON,),
    ),
    Verb(
        "deps",
        "List, add, remove or lock the dependencies of modules.",
        deps,
        (
            Argument("module", "only this module", names="module"),
            Argument("--add", "packages to add", kind="texts"),
            Argument("--remove", "packages to remove", kind="texts"),
            Argument("--lock", "the lock texts", kind="flag"),
            JSON,
        ),
    ),
    Verb("logs", "What modules printed, newest last.", logs, (FLOW, NODE, LIMIT, JSON)),
    Verb("status", "How the dispatcher stands.", status, (JSON,)),
    Verb("show", "Draw a flow, or a run by its ref.", show, (FLOW, JSON)),
    Verb(
        "export",
        "Write a flow and its modules as a file that `floe run` runs.",
        export,
        (FLOW, Argument("--output", "the file", short="-o", required=True, names="file"), JSON),
    ),
    Verb("help", "Explain a verb, or list them.", help_, (Argument("topic", "a verb", names="topic"), JSON)),
)
