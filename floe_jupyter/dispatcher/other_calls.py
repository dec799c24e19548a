"""Calls of the control API about clients, runners and the dispatcher itself."""

from __future__ import annotations

import os
from hmac import compare_digest
from typing import Any

import msgspec

from floe_jupyter._version import __version__
from floe_jupyter.dispatcher import run_calls
from floe_jupyter.dispatcher.desk import LATER, Handler, Request
from floe_jupyter.dispatcher.hub import Hub
from floe_jupyter.dispatcher.runners import Runner
from floe_jupyter.errors import DefinitionError, FloeError, ProtocolError, nearest, unknown
from floe_jupyter.wire import control


def hello(hub: Hub, args: control.hello, request: Request) -> dict[str, Any]:
    presence = hub.presence
    if not compare_digest(args.key.encode(), presence.key.encode()):
        raise ProtocolError("the key of this hello is not that of the connection file; read the file again")
    request.client.greeted, request.client.session, request.client.guards = True, args.session, args.guards
    if args.client:
        request.client.name = args.client[:100]
    presence.came(request.client)
    return {"pid": os.getpid(), "version": __version__, "started": presence.started}


def leave(hub: Hub, args: control.leave, request: Request) -> None:  # noqa: ARG001 - one signature for all calls
    request.client.grace = max(args.grace, 0.0)


def logs(hub: Hub, args: control.logs, request: Request) -> list[dict[str, Any]]:  # noqa: ARG001
    lines = hub.instance_of(args.flow, alive=False).logs
    return [line for line in lines if not args.node or line["node"] == args.node][-max(args.limit, 1) :]


def runners(hub: Hub, args: control.runners, request: Request) -> Any:  # noqa: ARG001
    return _of_all(hub, request, lambda runner, listed, _: [{
        "url": runner.url, "pid": runner.pid, "status": "ready" if runner.ready else "starting", "runtimes": len(listed)}])


def runtimes(hub: Hub, args: control.runtimes, request: Request) -> Any:  # noqa: ARG001
    return _of_all(hub, request, lambda runner, listed, _: [{"runner": runner.url, **runtime} for runtime in listed])


def _of_all(hub: Hub, request: Request, lines: Any) -> Any:
    """Ask all runners for their runtimes; one that does not answer has none."""
    asked: list[Runner] = list(hub.runners)
    answer: list[Any] = []
    left = len(asked)

    def listed(runner: Runner, value: Any, error: FloeError | None) -> None:
        nonlocal left
        left -= 1
        answer.extend(lines(runner, value or [], error))
        if left == 0:
            request.reply(answer)

    for runner in asked:
        if runner.ready:
            runner.ask("listRuntimes", lambda value, error, r=runner: listed(r, value, error))  # type: ignore[misc]
        else:
            listed(runner, [], None)
    return LATER if asked else []


def status(hub: Hub, args: control.status, request: Request) -> dict[str, Any]:  # noqa: ARG001
    presence = hub.presence
    return {
        "pid": os.getpid(),
        "clients": [client.name for client in presence.clients],
        "instances": [i.name for i in hub.alive()],
        "runs": sum(1 for run in hub.history.runs.values() if not run.over),
        "runners": [{"url": r.url, "pid": r.pid, "ready": r.ready} for r in hub.runners],
        "refused_frames": presence.desk.refused + sum(r.refused for r in hub.runners),
        "directory": presence.directory,
        "faults": hub.loop.faults,
        "store": hub.definitions.problem or hub.history.problem or "ready",
    }


def deps(hub: Hub, args: control.deps, request: Request) -> Any:
    if args.action in ("add", "remove"):
        return _change_deps(hub, args, request)
    if args.action not in ("list", "lock"):
        raise DefinitionError(f"deps has no action {args.action!r}; {nearest(args.action, ['list', 'add', 'remove', 'lock'])}")
    known = hub.definitions.modules
    if args.module and args.module not in known:
        raise unknown("module", args.module, known)
    wanted = [known[args.module]] if args.module else list(known.values())
    plain = [{"module": m.name, "lang": m.lang, "deps": list(m.deps), "environment": "", "locked": []} for m in wanted]

    def answered(value: Any, error: FloeError | None) -> None:
        if args.action == "lock" and error is not None:
            request.fail(error)
        else:
            request.reply(plain if error is not None or (args.action == "list" and not value) else value)

    call = "listDependencies" if args.action == "list" else "lockDependencies"
    hub.runners.get("local:").ask(call, answered, {"modules": [msgspec.to_builtins(m) for m in wanted]})
    request.timer = hub.loop.after(args.timeout, lambda: request.reply(plain))
    return LATER


def _change_deps(hub: Hub, args: control.deps, request: Request) -> Any:
    """A new version of the module, like any other."""
    module = hub.definitions.modules.get(args.module)
    if module is None:
        raise unknown("module", args.module, hub.definitions.modules)
    kept = [spec for spec in module.deps if spec not in args.specs]
    for spec in args.specs if args.action == "remove" else ():
        if spec not in module.deps:
            raise unknown(f"dependency of {module.name}", spec, module.deps)
    changed = msgspec.structs.replace(module, deps=(*kept, *(args.specs if args.action == "add" else ())))
    return run_calls.define(hub, control.define(changed, args.timeout), request)


def runner_api(hub: Hub, args: control.runner_api, request: Request) -> Any:
    runner = hub.runners.get(args.url)
    runner.ask(args.call, lambda value, error: request.fail(error) if error else request.reply(value), args.args)
    return LATER


def shutdown(hub: Hub, args: control.shutdown, request: Request) -> Any:  # noqa: ARG001
    hub.presence.end(request)
    return LATER


HANDLERS: dict[str, Handler] = {handler.__name__: handler for handler in (
    hello, leave, logs, runners, runtimes, status, deps, runner_api, shutdown)}
