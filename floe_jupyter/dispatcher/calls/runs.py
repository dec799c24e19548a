"""Calls of the control API about definitions and runs. A handler returns its answer, or `LATER` and answers by the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from floe_jupyter.core.machine.events import Failure
from floe_jupyter.core.messages import INLINE_LIMIT, Batch, cut, pieces
from floe_jupyter.dispatcher.calls.server import LATER, Handler, PendingCall
from floe_jupyter.dispatcher.runs.definitions import require_runnable
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import KnownRun, Watcher
from floe_jupyter.errors import DefinitionError, FloeError, PeerSilent, ValueRefused
from floe_jupyter.wire.control import calls
from floe_jupyter.wire.control.replies import ResultBatch, RunInfo
from floe_jupyter.wire.control.workspaces import ALL

# --- runs ------------------------------------------------------------------------------------------------------------------


def open_run(hub: Hub, args: calls.open_run, request: PendingCall) -> RunInfo:
    """Open a run with its own instance; return the run's record."""
    space, name = hub.flow_of(hub.spaces.of(request.client, args.workspace), args.flow)
    flow = hub.flow(space, name)
    require_runnable(flow, durable=args.durable)
    ref, number = hub.history.ref(flow.name, flow.version)
    instance = hub.open(
        space,
        ref,
        flow,
        request.client,
        detached=args.detach,
        debug=args.debug,
        timeout=args.timeout,
        context=args.context,
        runner=args.runner,
    )
    run = hub.new_run(instance, ref, number, request.client, detached=args.detach)
    run.feeders = (request.client,)
    return run.info()


def feed(hub: Hub, args: calls.feed, request: PendingCall) -> Any:
    """Put messages into a run; the answer follows when there is room for more."""
    run = hub.history.get(args.ref)
    if run.closed and not run.over:
        raise DefinitionError(f"run {run.ref} is closed: nothing more can be fed; open another run")
    if run.over:
        return None  # messages after the end are dropped, like messages in flight at the end
    _require_inline(args.batch)
    if request.client not in run.feeders:
        run.feeders += (request.client,)
    hub.feed(run, args.batch, args.node, args.port, lambda _, error: request.fail(error) if error else request.reply())
    return LATER


def _require_inline(batch: Batch) -> None:
    """Raise `ValueRefused` for a message longer than the limit for messages of modules."""
    longest = max(map(len, map(bytes, pieces(batch.payload)))) if len(batch.payload) > INLINE_LIMIT else 0
    if longest > INLINE_LIMIT:
        raise ValueRefused(
            f"a message is {longest:,} bytes of JSON, and {INLINE_LIMIT:,} is the limit; send large data as bytes or arrays"
        )


def close_run(hub: Hub, args: calls.close_run, request: PendingCall) -> None:  # noqa: ARG001
    """Close a run: no more messages will be fed."""
    hub.close_run(hub.history.get(args.ref))


def wait(hub: Hub, args: calls.wait, request: PendingCall) -> Any:
    """Wait until the run is over or held, or the timeout; return the run's record."""
    run = hub.history.get(args.ref)
    return _when(hub, run, request, args.timeout, lambda run: run.over or (run.status == "held" and not args.through_holds))


def _when(hub: Hub, run: KnownRun, request: PendingCall, timeout: float, done: Watcher) -> Any:
    """Answer with the run's record as soon as *done* returns True, or after *timeout* seconds."""

    def watch(run: KnownRun) -> bool:
        if request.done or not done(run):
            return request.done
        _tell(hub, run, request, look)
        return True

    def look() -> None:
        if not watch(run):
            run.watchers.append(watch)

    def late() -> None:
        if watch in run.watchers:
            run.watchers.remove(watch)
        request.reply(run.info())

    look()
    if timeout > 0 and not request.done:
        request.timer = hub.loop.after(timeout, late)
    return LATER


def _tell(hub: Hub, run: KnownRun, request: PendingCall, again: Callable[[], None]) -> None:
    """Answer with the run's record.

    For a held run, the machine is first asked for the number of held messages; if the run has gone on by then, call *again*.
    """
    instance = run.instance
    if run.status != "held" or instance is None or instance.ended:
        request.reply(run.info())
        return

    def counted(value: Any, error: FloeError | None) -> None:
        if error is None and run.status != "held" and not run.over:
            again()
            return
        if error is None and run.status == "held":
            run.held = value.get("held", 0)
        request.reply(run.info())

    hub.ask(instance, "view", counted)


def results(hub: Hub, args: calls.results, request: PendingCall) -> list[ResultBatch]:  # noqa: ARG001
    """Return a page of a run's results."""
    run = hub.history.get(args.ref)
    page = run.results.page(args.start, args.limit)
    if not page and run.results.dropped:
        raise DefinitionError(
            f"{run.results.dropped} results of run {run.ref} are no longer kept: those of runs that are over "
            "are kept up to a total bound, and to the end of their dispatcher; run it again"
        )
    return _first(page, args.messages) if args.messages > 0 else page


def _first(page: list[ResultBatch], most: int) -> list[ResultBatch]:
    """Return the first *most* messages of a page."""
    found: list[ResultBatch] = []
    for item in page:
        found.append(item if item.batch.n <= most else ResultBatch(item.node, item.port, cut(item.batch, most)[0]))
        most -= item.batch.n
        if most <= 0:
            break
    return found


def start(hub: Hub, args: calls.start, request: PendingCall) -> dict[str, Any]:
    """Start a flow to stay up, if not up already; return the instance."""
    space, name = hub.flow_of(hub.spaces.of(request.client, args.workspace), args.flow)
    flow = hub.flow(space, name)
    instance = hub.instances.get(space.up.get(flow.name, ""))
    if instance is None:
        ref, _ = hub.history.ref(flow.name, flow.version)
        instance = hub.open(
            space,
            ref,
            flow,
            request.client,
            detached=args.detach,
            debug=args.debug,
            context=args.context,
            runner=args.runner,
        )
        instance.up = True
        space.up[flow.name] = instance.name
    return {"instance": instance.name, "flow": flow.name, "version": instance.flow.version}


def _sent(hub: Hub, args: Any, request: PendingCall, done: Any) -> KnownRun:
    _require_inline(args.batch)
    instance = hub.up_instance(hub.spaces.of(request.client, args.workspace), args.flow)
    ref, number = hub.history.ref(instance.flow.name, instance.flow.version)
    ahead = done is None and not args.node and hub.send_ahead(instance, number, args.batch, args.port)
    run = hub.new_run(instance, ref, number, request.client, detached=instance.detached)
    if ahead:
        run.fed, run.put, run.closed = args.batch.n, args.batch.n, True
        return run
    try:
        hub.feed(run, args.batch, args.node, args.port, done, close=True)
    except FloeError as error:
        hub.end_run(run, "failed", (Failure(args.node, str(error), "refused", run=number),))
        raise
    return run


def _sent_each(hub: Hub, args: calls.send, request: PendingCall, done: Any) -> KnownRun:
    """Send every message as a separate run; return the last run."""
    _require_inline(args.batch)
    instance = hub.up_instance(hub.spaces.of(request.client, args.workspace), args.flow)
    hub.entries(instance, args.node)
    flow, runs = instance.flow, []
    for _ in range(args.batch.n):
        ref, number = hub.history.ref(flow.name, flow.version)
        runs.append(hub.new_run(instance, ref, number, request.client, detached=instance.detached))
    hub.feed_each(runs, args.batch, args.node, args.port, done)
    return runs[-1]


def send(hub: Hub, args: calls.send, request: PendingCall) -> Any:
    """Send messages into a flow that is up; return the run's record when the messages are taken."""
    run: KnownRun | None = None

    def fed(_: Any, error: FloeError | None) -> None:
        assert run is not None
        if error is not None:
            request.fail(error)
        else:
            request.reply(run.info())

    run = _sent_each(hub, args, request, fed) if args.each and args.batch.n > 1 else _sent(hub, args, request, fed)
    return LATER


def request(hub: Hub, args: calls.request, request: PendingCall) -> Any:
    """Send messages into a flow that is up; return the run's record and results when the run is over or held."""
    run = _sent(hub, args, request, None)

    def watch(run: KnownRun) -> bool:
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


def stop(hub: Hub, args: calls.stop, request: PendingCall) -> Any:
    """Stop a flow that is up; the answer follows after the end of its runs."""
    space = hub.spaces.of(request.client, args.workspace)
    if args.flow in space.definitions.flows and not hub.alive(space, args.flow):
        raise DefinitionError(f"flow {args.flow!r} is not up; `%floe start {args.flow}` starts it")
    instance = hub.instances.get(space.up.get(args.flow, "")) or hub.instance_of(space, args.flow)
    hub.stop(instance, lambda: request.reply({"instance": instance.name}))
    return LATER


def cancel(hub: Hub, args: calls.cancel, request: PendingCall) -> Any:
    """Cancel a run; return its record when the run is over."""
    run = hub.history.get(args.ref)
    if run.over:
        return run.info()

    def late() -> None:
        request.fail(
            PeerSilent(f"run {run.ref} did not end within {args.timeout:g} s of its cancelling; `%floe stop` ends its whole flow")
        )

    _when(hub, run, request, 0.0, lambda run: run.over)
    request.timer = hub.loop.after(args.timeout, late)
    hub.cancel(run, "by the user")
    return LATER


def runs(hub: Hub, args: calls.runs, request: PendingCall) -> list[RunInfo]:
    """Return the records of runs, newest first."""
    everything = args.workspace == ALL or not (args.workspace or request.client.workspace)
    own = "" if everything else hub.spaces.of(request.client, args.workspace).id
    found = [
        run
        for run in reversed(hub.history.runs.values())
        if (args.flow in (run.instance_name, run.ref) or (own in ("", run.workspace.id) and args.flow in ("", run.flow)))
        and args.status in ("", run.status)
    ]
    return [run.info() for run in found[: max(args.limit, 0)]]


def run_info(hub: Hub, args: calls.run_info, request: PendingCall) -> RunInfo:
    """Return the record of a run, or of the newest run."""
    if args.ref:
        return hub.history.get(args.ref).info()
    own = {space.id for space in hub.spaces.listed(request.client, args.workspace)}
    run = next((run for run in reversed(hub.history.runs.values()) if run.workspace.id in own), None)
    if run is None:
        raise DefinitionError("no flow was run yet")
    return run.info()


def detach(hub: Hub, args: calls.detach, request: PendingCall) -> None:
    """Detach an instance and its runs from the client, or attach them again."""
    instance = hub.instance_of(hub.spaces.of(request.client, args.workspace), args.flow)
    instance.detached, instance.client = args.on, request.client
    for run in instance.runs.values():
        run.detached, run.client = args.on, request.client
        hub.history.touch(run)
    hub.changed()


HANDLERS: dict[str, Handler] = {
    handler.__name__: handler
    for handler in (
        open_run,
        feed,
        close_run,
        wait,
        results,
        start,
        send,
        request,
        stop,
        cancel,
        runs,
        run_info,
        detach,
    )
}
