"""Calls of the control API about definitions and runs. A handler returns its answer, or LATER and answers by the request."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.events import Failure, Rewire, Update
from floe_jupyter.core.model import Flow, Module
from floe_jupyter.dispatcher.definitions import require_runnable
from floe_jupyter.dispatcher.desk import LATER, Handler, Request
from floe_jupyter.dispatcher.hub import Hub
from floe_jupyter.dispatcher.runs import Instance, Run, Watcher
from floe_jupyter.errors import DefinitionError, FloeError, PeerSilent
from floe_jupyter.wire import control
from floe_jupyter.wire.replies import ResultBatch, RunInfo

UPDATE_WITHIN = 60.0


# --- definitions -----------------------------------------------------------------------------------------------------------


def define(hub: Hub, args: control.define, request: Request) -> Any:
    module, changed = hub.definitions.put_module(args.module)
    answer = {"version": module.version, "changed": changed, "updated": [], "refused": []}
    if not changed:
        return answer
    _defined(hub, "module", module)
    answer["unfit"] = hub.definitions.unfit(module)
    using = [i for i in hub.at_work() if module.name in i.modules]
    return _update(hub, request, using, lambda token: Update(module, token), answer, args.timeout)


def define_flow(hub: Hub, args: control.define_flow, request: Request) -> Any:
    flow, changed = hub.definitions.put_flow(args.flow)
    answer = {"version": flow.version, "changed": changed, "updated": [], "refused": []}
    if not changed:
        return answer
    _defined(hub, "flow", flow)
    running = [i for i in hub.at_work() if i.flow.name == flow.name]
    if running:
        require_runnable(flow)
    modules = hub.definitions.modules_of(flow)
    return _update(hub, request, running, lambda token: Rewire(flow, modules, token), answer, UPDATE_WITHIN)


def _defined(hub: Hub, kind: str, definition: Module | Flow) -> None:
    if kind == "flow":
        hub.history.reserve(definition.name)
    hub.publisher.publish("defined/", {"kind": kind, "name": definition.name, "version": definition.version})


def _update(hub: Hub, request: Request, instances: list[Instance], event: Any, answer: dict[str, Any], within: float) -> Any:
    """Wish for it everywhere; answered when all have swapped or refused."""
    if not instances:
        return answer
    waiting = {instance.name for instance in instances}

    def answered(instance: Instance, value: Any, error: FloeError | None) -> None:
        waiting.discard(instance.name)
        refused = _refusals(instance, value, error)
        known = [(failure.node, failure.message) for failure in answer["refused"]]
        answer["refused"] += [failure for failure in refused if (failure.node, failure.message) not in known]
        if not refused:
            answer["updated"].append(instance.name)
        if not waiting:
            request.reply(answer)

    def late() -> None:
        text = f"has not swapped within {within:g} s; it does as soon as it can"
        answer["refused"] += [Failure("", f"{name}: {text}", "timeout") for name in sorted(waiting)]
        request.reply(answer)

    for instance in instances:
        hub.wish(instance, event, lambda value, error, i=instance: answered(i, value, error))  # type: ignore[misc]
    request.timer = hub.loop.after(within, late)
    return LATER


def _refusals(instance: Instance, value: Any, error: FloeError | None) -> list[Failure]:
    if error is not None:
        return [Failure("", f"{instance.name}: {error}", "load")]
    return msgspec.convert((value or {}).get("refused", []), list[Failure])


def modules(hub: Hub, args: control.modules, request: Request) -> list[Module]:  # noqa: ARG001 - one signature for all calls
    return list(hub.definitions.modules.values())


def flows(hub: Hub, args: control.flows, request: Request) -> list[Flow]:  # noqa: ARG001
    return list(hub.definitions.flows.values())


# --- runs ------------------------------------------------------------------------------------------------------------------


def open_run(hub: Hub, args: control.open_run, request: Request) -> RunInfo:
    flow = hub.definitions.flow(hub.flow_name(args.flow))
    require_runnable(flow, durable=args.durable)
    ref, number = hub.history.ref(flow.name, flow.version)
    instance = hub.open(ref, flow, request.client, detached=args.detach, debug=args.debug, timeout=args.timeout)
    run = hub.new_run(instance, ref, number, request.client, detached=args.detach)
    run.feeders = (request.client,)
    return run.info()


def feed(hub: Hub, args: control.feed, request: Request) -> Any:
    run = hub.history.get(args.ref)
    if run.closed and not run.over:
        raise DefinitionError(f"run {run.ref} is closed: nothing more can be fed; open another run")
    if run.over:
        return None  # what comes after the end is dropped, as the messages that were on their way
    if request.client not in run.feeders:
        run.feeders += (request.client,)
    hub.feed(run, args.batch, args.node, args.port, lambda _, error: request.fail(error) if error else request.reply())
    return LATER


def close_run(hub: Hub, args: control.close_run, request: Request) -> None:  # noqa: ARG001
    hub.close_run(hub.history.get(args.ref))


def wait(hub: Hub, args: control.wait, request: Request) -> Any:
    run = hub.history.get(args.ref)
    return _when(hub, run, request, args.timeout, lambda run: run.over or (run.status == "held" and not args.through_holds))


def _when(hub: Hub, run: Run, request: Request, timeout: float, done: Watcher) -> Any:
    """Answer with the run's record as soon as *done* says so, or when time ran out."""
    if done(run):
        _tell(hub, run, request)
        return LATER

    def watch(run: Run) -> bool:
        if not request.done and done(run):
            _tell(hub, run, request)
            return True
        return request.done

    def late() -> None:
        if watch in run.watchers:
            run.watchers.remove(watch)
        request.reply(run.info())

    run.watchers.append(watch)
    if timeout > 0:
        request.timer = hub.loop.after(timeout, late)
    return LATER


def _tell(hub: Hub, run: Run, request: Request) -> None:
    """Answer with the run's record; how many messages are held is asked first, where some are."""
    instance = run.instance
    if run.status != "held" or instance is None or instance.ended:
        request.reply(run.info())
        return

    def counted(value: Any, error: FloeError | None) -> None:
        if error is None and run.status == "held":
            run.held = value.get("held", 0)
        request.reply(run.info())

    hub.ask(instance, "view", counted)


def results(hub: Hub, args: control.results, request: Request) -> list[ResultBatch]:  # noqa: ARG001
    run = hub.history.get(args.ref)
    page = run.results.page(args.start, args.limit)
    if not page and run.results.dropped:
        raise DefinitionError(f"{run.results.dropped} results of run {run.ref} are no longer kept: those of runs that are over "
                              "are kept up to a total bound, and to the end of their dispatcher; run it again")
    return page


def start(hub: Hub, args: control.start, request: Request) -> dict[str, Any]:
    flow = hub.definitions.flow(hub.flow_name(args.flow))
    instance = hub.up.get(flow.name)
    if instance is None:
        ref, _ = hub.history.ref(flow.name, flow.version)
        instance = hub.open(ref, flow, request.client, detached=args.detach, debug=args.debug)
        instance.up = True
        hub.up[flow.name] = instance
    return {"instance": instance.name, "flow": flow.name, "version": instance.flow.version}


def _sent(hub: Hub, args: Any, request: Request, done: Any) -> Run:
    instance = hub.up_instance(args.flow)
    ref, number = hub.history.ref(instance.flow.name, instance.flow.version)
    ahead = done is None and not args.node and hub.send_ahead(instance, number, args.batch, args.port)
    run = hub.new_run(instance, ref, number, request.client, detached=instance.detached)
    if ahead:
        run.fed, run.closed = args.batch.n, True
        return run
    try:
        hub.feed(run, args.batch, args.node, args.port, done, close=True)
    except FloeError as error:
        hub.end_run(run, "failed", (Failure(args.node, str(error), "refused", run=number),))
        raise
    return run


def _sent_each(hub: Hub, args: control.send, request: Request, done: Any) -> Run:
    """Every message is a run of its own; the last of them."""
    instance = hub.up_instance(args.flow)
    hub.entries(instance, args.node)
    flow, runs = instance.flow, []
    for _ in range(args.batch.n):
        ref, number = hub.history.ref(flow.name, flow.version)
        runs.append(hub.new_run(instance, ref, number, request.client, detached=instance.detached))
    hub.feed_each(runs, args.batch, args.node, args.port, done)
    return runs[-1]


def send(hub: Hub, args: control.send, request: Request) -> Any:
    run: Run | None = None

    def fed(_: Any, error: FloeError | None) -> None:
        assert run is not None
        if error is not None:
            request.fail(error)
        else:
            request.reply(run.info())

    run = _sent_each(hub, args, request, fed) if args.each and args.batch.n > 1 else _sent(hub, args, request, fed)
    return LATER


def request(hub: Hub, args: control.request, request: Request) -> Any:
    run = _sent(hub, args, request, None)

    def watch(run: Run) -> bool:
        if run.over or run.status == "held":
            request.reply((run.info(), run.results.all()))
        return request.done

    def late() -> None:
        request.fail(PeerSilent(f"waited {args.timeout:g} s for run {run.ref} to end; it goes on: look with `%floe status`"))

    if watch(run):
        return LATER
    run.watchers.append(watch)
    if args.timeout > 0:
        request.timer = hub.loop.after(args.timeout, late)
    return LATER


def stop(hub: Hub, args: control.stop, request: Request) -> Any:
    if args.flow in hub.definitions.flows and not hub.alive(args.flow):
        raise DefinitionError(f"flow {args.flow!r} is not up; `%floe start {args.flow}` starts it")
    instance = hub.up.get(args.flow) or hub.instance_of(args.flow)
    hub.stop(instance, lambda: request.reply({"instance": instance.name}))
    return LATER


def cancel(hub: Hub, args: control.cancel, request: Request) -> Any:
    run = hub.history.get(args.ref)
    if run.over:
        return run.info()

    def late() -> None:
        request.fail(PeerSilent(f"run {run.ref} did not end within {args.timeout:g} s of its cancelling; `%floe stop` ends its "
                                "whole flow"))

    _when(hub, run, request, 0.0, lambda run: run.over)
    request.timer = hub.loop.after(args.timeout, late)
    hub.cancel(run)
    return LATER


def runs(hub: Hub, args: control.runs, request: Request) -> list[RunInfo]:  # noqa: ARG001
    found = [run for run in reversed(hub.history.runs.values())
             if (not args.flow or args.flow in (run.flow, run.instance_name, run.ref)) and args.status in ("", run.status)]
    return [run.info() for run in found[: max(args.limit, 0)]]


def run_info(hub: Hub, args: control.run_info, request: Request) -> RunInfo:  # noqa: ARG001
    if args.ref:
        return hub.history.get(args.ref).info()
    run = next(reversed(hub.history.runs.values()), None)
    if run is None:
        raise DefinitionError("no flow was run yet")
    return run.info()


def detach(hub: Hub, args: control.detach, request: Request) -> None:
    instance = hub.instance_of(args.flow)
    instance.detached, instance.client = args.on, request.client
    for run in instance.runs.values():
        run.detached, run.client = args.on, request.client
        hub.history.touch(run)
    hub.changed()


HANDLERS: dict[str, Handler] = {handler.__name__: handler for handler in (
    define, define_flow, modules, flows, open_run, feed, close_run, wait, results, start, send, request, stop, cancel, runs,
    run_info, detach)}


