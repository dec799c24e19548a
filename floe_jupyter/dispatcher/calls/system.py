"""Calls of the control API about clients, runners and the dispatcher itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from hmac import compare_digest
from typing import Any

import msgspec

from floe_jupyter._version import __version__
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.calls import definitions
from floe_jupyter.dispatcher.calls.server import LATER, Handler, PendingCall
from floe_jupyter.dispatcher.runners.proxy import RunnerProxy
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.workspaces import Space
from floe_jupyter.errors import DefinitionError, FloeError, PeerSilent, ProtocolError, nearest, unknown
from floe_jupyter.wire.control import calls


def hello(hub: Hub, args: calls.hello, request: PendingCall) -> dict[str, Any]:
    """Register the client, if the key is right; return facts about the dispatcher, and the client's workspace."""
    lifetime = request.server.lifetime
    if not compare_digest(args.key.encode(), lifetime.key.encode()):
        raise ProtocolError("the key of this hello is not that of the connection file; read the file again")
    request.client.greeted, request.client.session, request.client.guards = True, args.session, args.guards
    if args.client:
        request.client.name = args.client[:100]
    space = hub.spaces.enter(request.client, args.workspace) if args.workspace is not None else None
    lifetime.came(request.client)
    answer = {
        "pid": os.getpid(),
        "version": __version__,
        "started": lifetime.started,
        "workspace": space.workspace if space else None,
    }
    if space is not None and space.note:
        answer["note"], space.note = space.note, ""
    return answer


def prepare(hub: Hub, args: calls.prepare, request: PendingCall) -> None:
    """Set the process context of the client's workspace, and start the workspace's runner."""
    space = hub.spaces.of(request.client)
    space.context = args.context
    hub.home(space)


def leave(hub: Hub, args: calls.leave, request: PendingCall) -> None:  # noqa: ARG001 - one signature for all calls
    """Set the grace for a client that is about to end and come back."""
    request.client.grace = max(args.grace, 0.0)


def logs(hub: Hub, args: calls.logs, request: PendingCall) -> list[dict[str, Any]]:
    """Return log lines of an instance."""
    instance = hub.instance_of(hub.spaces.of(request.client, args.workspace), args.flow, alive=False)
    return instance.logs.lines(args.node, args.limit)


def runners(hub: Hub, args: calls.runners, request: PendingCall) -> Any:  # noqa: ARG001
    """Return all runners, with status and number of runtimes."""
    return _of_all(
        hub,
        request,
        lambda runner, listed, _: [
            {
                "url": runner.url,
                "host": runner.where,
                "pid": runner.pid,
                "status": _status(runner),
                "runtimes": sum("outpost" not in runtime for runtime in listed),
                "workspace": hub.title(runner.workspace),
            }
        ],
    )


def runtimes(hub: Hub, args: calls.runtimes, request: PendingCall) -> Any:  # noqa: ARG001
    """Return the runtimes of all runners; one in an outpost once, with what its home runner knows."""
    return _of_all(
        hub,
        request,
        lambda runner, listed, _: [
            {"runner": runner.url, "workspace": hub.title(runner.workspace), "runner_pid": runner.pid, **runtime}
            for runtime in listed
        ],
        _joined,
    )


OF_HOME = ("id", "status", "nodes", "restarts", "bad_frames", "loading", "seconds")
"""Facts about a runtime in an outpost that only its home runner knows."""


def _joined(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join the two rows of each runtime in an outpost: of the outpost with the process, and of the home runner."""
    homes = {row["channel"]: row for row in rows if "outpost" in row}
    found: list[dict[str, Any]] = []
    for row in rows:
        if "outpost" not in row:
            home = homes.pop(row.pop("channel", ""), {})
            found.append({**row, **{name: home[name] for name in OF_HOME if name in home}})
    for row in homes.values():  # the outpost has not told them, as it starts or does not answer
        row["runner"] = row.pop("outpost")
        del row["channel"]
        found.append(row)
    return found


def _status(runner: RunnerProxy) -> str:
    return f"silent for {runner.watchdog.silence:.0f} s" if runner.watchdog.silent else runner.status


def end_runner(hub: Hub, args: calls.end_runner, request: PendingCall) -> dict[str, Any]:  # noqa: ARG001
    """Kill a runner; return its URL and process."""
    runner = hub.runners.find(args.pid)
    runner.kill("a user ended it")
    return {"url": runner.url, "pid": runner.pid}


def _of_all(hub: Hub, request: PendingCall, lines: Any, finish: Callable[[list[Any]], list[Any]] = list) -> Any:
    """Ask all runners for their runtimes; a runner without answer counts as having none. *finish* gets all lines."""
    asked: list[RunnerProxy] = list(hub.runners)
    answer: list[Any] = []
    left = len(asked)

    def listed(runner: RunnerProxy, value: Any, error: FloeError | None) -> None:
        nonlocal left
        left -= 1
        answer.extend(lines(runner, value or [], error))
        if left == 0:
            request.reply(finish(answer))

    for runner in asked:
        if runner.ready:
            runner.ask("listRuntimes", lambda value, error, r=runner: listed(r, value, error))  # type: ignore[misc]
        else:
            listed(runner, [], None)
    return LATER if asked else []


def status(hub: Hub, args: calls.status, request: PendingCall) -> dict[str, Any]:  # noqa: ARG001
    """Return the state of the dispatcher."""
    lifetime = request.server.lifetime
    return {
        "pid": os.getpid(),
        "clients": [client.name for client in lifetime.clients],
        "instances": [i.name for i in hub.alive()],
        "runs": sum(1 for run in hub.history.runs.values() if not run.over),
        "runners": [{"url": r.url, "pid": r.pid, "ready": r.ready} for r in hub.runners],
        "refused_frames": request.server.refused + sum(r.refused for r in hub.runners) + hub.joining.refused,
        "directory": lifetime.directory,
        "faults": hub.loop.faults,
        "store": hub.history.store_problem or hub.history.problem or hub.history.note or hub.spaces.former or "ready",
        "log": f"{log.lost} lines could not be written" if log.lost else "ready",
    }


def deps(hub: Hub, args: calls.deps, request: PendingCall) -> Any:
    """List, lock, add or remove dependencies of modules."""
    if args.action in ("add", "remove"):
        return _change_deps(hub, args, request)
    if args.action not in ("list", "lock"):
        raise DefinitionError(f"deps has no action {args.action!r}; {nearest(args.action, ['list', 'add', 'remove', 'lock'])}")
    space = hub.spaces.of(request.client, args.workspace)
    known = space.definitions.modules
    if args.module and args.module not in known:
        raise unknown("module", args.module, known)
    wanted = [known[args.module]] if args.module else list(known.values())
    given = {"modules": [msgspec.to_builtins(m) for m in wanted], "context": msgspec.to_builtins(space.context)}
    return (_list_deps if args.action == "list" else _lock_deps)(hub, space, args, request, given)


def _list_deps(hub: Hub, space: Space, args: calls.deps, request: PendingCall, given: dict[str, Any]) -> Any:
    """Answer with the dependencies of modules; locked versions are left out if no runner answers in time."""
    columns = ("module", "lang", "deps", "environment", "locked")
    plain = [
        {"module": m["name"], "lang": m.get("lang", DEFAULT_LANGUAGE), "deps": m.get("deps", []), "environment": "", "locked": []}
        for m in given["modules"]
    ]

    def answered(value: Any, error: FloeError | None) -> None:
        request.reply(plain if error is not None else [{name: row[name] for name in columns} for row in value])

    request.timer = hub.loop.after(args.timeout, lambda: request.reply(plain))
    hub.home(space).ask("listDependencies", answered, given)
    return LATER


def _lock_deps(hub: Hub, space: Space, args: calls.deps, request: PendingCall, given: dict[str, Any]) -> Any:
    late = PeerSilent(
        f"the dependencies of {args.module or 'all modules'} are not locked after {args.timeout:g} s; that goes "
        "on: ask again later"
    )
    request.timer = hub.loop.after(args.timeout, lambda: request.fail(late))
    hub.home(space).ask("lockDependencies", lambda value, error: request.fail(error) if error else request.reply(value), given)
    return LATER


def _change_deps(hub: Hub, args: calls.deps, request: PendingCall) -> Any:
    """Define a new version of the module with changed dependencies, like any other definition."""
    space = hub.spaces.of(request.client, args.workspace)
    module = space.definitions.modules.get(args.module)
    if module is None:
        raise hub.spaces.unknown("module", args.module, space.definitions.modules, space)
    kept = [spec for spec in module.deps if spec not in args.specs]
    for spec in args.specs if args.action == "remove" else ():
        if spec not in module.deps:
            raise unknown(f"dependency of {module.name}", spec, module.deps)
    changed = msgspec.structs.replace(module, deps=(*kept, *(args.specs if args.action == "add" else ())))
    return definitions.define(hub, calls.define(changed, args.timeout, workspace=args.workspace), request)


def runner_api(hub: Hub, args: calls.runner_api, request: PendingCall) -> Any:
    """Pass a call on to a runner; answer with the runner's reply."""
    space = hub.spaces.of(request.client)
    runner = hub.home(space, args.url)
    runner.ask(args.call, lambda value, error: request.fail(error) if error else request.reply(value), args.args)
    return LATER


def shutdown(hub: Hub, args: calls.shutdown, request: PendingCall) -> Any:  # noqa: ARG001
    """End the dispatcher; the answer follows after all other parts have ended."""
    request.server.lifetime.end(request)
    return LATER


HANDLERS: dict[str, Handler] = {
    handler.__name__: handler
    for handler in (hello, prepare, leave, logs, runners, end_runner, runtimes, status, deps, runner_api, shutdown)
}
