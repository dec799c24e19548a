"""What runners say about their instances, and what follows from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from floe_jupyter.core.commands import Accepted, Ended, Notice, Reply, Result
from floe_jupyter.core.events import Failure
from floe_jupyter.core.messages import Batch
from floe_jupyter.dispatcher import segments
from floe_jupyter.dispatcher.hub import Hub
from floe_jupyter.dispatcher.results import by_run
from floe_jupyter.dispatcher.runners import Runner
from floe_jupyter.dispatcher.runs import FAILURES, Instance, Run
from floe_jupyter.errors import EnvironmentFailed, does_not_load
from floe_jupyter.wire.links import Logged, Out, Progress, RunnerHello, Seen

LOGGED = 65_536
"""The most characters of one entry of the log."""


def receive(hub: Hub, runner: Runner, message: Any) -> None:
    """Take what a runner said, of whatever kind."""
    if type(message) is Out:
        _out(hub, runner, message)
    else:
        _OTHERS[type(message)](hub, runner, message)


def _out(hub: Hub, runner: Runner, message: Out) -> None:
    instance = _instance(hub, runner, message.instance)
    for command in message.commands:
        handle = _COMMANDS.get(type(command))
        if handle is None:
            runner.refused += 1
        elif instance is not None:
            handle(hub, instance, command)
        elif type(command) is Result:
            segments.remove(command.batch)


def _instance(hub: Hub, runner: Runner, name: str) -> Instance | None:
    """A runner speaks of its own instances only."""
    instance = hub.instances.get(name)
    return instance if instance is not None and instance.runner is runner else None


# --- what a machine ordered ------------------------------------------------------------------------------------------------


def _result(hub: Hub, instance: Instance, command: Result) -> None:
    batch = command.batch
    if batch.runs is None:
        _keep(hub, instance, command, batch.run, batch)
    else:
        for number, part in by_run(batch).items():
            _keep(hub, instance, command, number, part)


def _keep(hub: Hub, instance: Instance, command: Result, number: int, batch: Batch) -> None:
    run = instance.runs.get(number)
    if run is None:
        segments.remove(batch)  # it came after the run's end: nothing of a run that is over changes
        return
    try:
        run.results.add(command.node, command.port, batch)
    except EnvironmentFailed as error:
        hub.end_run(run, "failed", (Failure(command.node, str(error), "overflow", run=number),))


def _ended(hub: Hub, instance: Instance, command: Ended) -> None:
    run = instance.runs.get(command.run)
    if run is not None:
        hub.end_run(run, command.status, command.failures)


def _accepted(hub: Hub, instance: Instance, command: Accepted) -> None:  # noqa: ARG001 - one signature for all commands
    instance.answer(command.token, None, None)


def _reply(hub: Hub, instance: Instance, command: Reply) -> None:  # noqa: ARG001
    instance.answer(command.token, command.value, command.error)


def _notice(hub: Hub, instance: Instance, command: Notice) -> None:
    follow = _NOTICES.get(command.kind)
    if follow is not None:
        follow(hub, instance, command)
    hub.publisher.publish(f"notice/{instance.name}", command)


def _runs(instance: Instance, notice: Notice) -> list[Run]:
    """Those that a notice is about: the named one, or all."""
    if notice.run:
        run = instance.runs.get(notice.run)
        return [run] if run is not None else []
    return list(instance.runs.values())


def _idle(hub: Hub, instance: Instance, notice: Notice) -> None:
    for run in _runs(instance, notice):
        run.held = int(notice.data.get("held", run.held))
        refused = _refused(instance, notice.data.get("refused", {}))
        held = ["what is held: step, continue, edit or drop it"] if run.held or not refused else []
        hub.set_status(run, "held", "; ".join([*refused, *held]))


def _refused(instance: Instance, errors: dict[str, str]) -> list[str]:
    modules = {node.id: node.module for node in instance.flow.nodes}
    return [does_not_load(node, modules.get(node, node), error) for node, error in errors.items()]


def _resumed(hub: Hub, instance: Instance, notice: Notice) -> None:
    for run in _runs(instance, notice):
        run.held = 0
        hub.set_status(run, "active")


def _withdrawn(hub: Hub, instance: Instance, notice: Notice) -> None:
    ids = frozenset(notice.data.get("ids", ()))
    for run in _runs(instance, notice):
        try:
            if run.results.withdraw(ids):
                hub.history.touch(run)
        except EnvironmentFailed as error:
            hub.end_run(run, "failed", (Failure("", str(error), "overflow"),))


def _broken(hub: Hub, instance: Instance, notice: Notice) -> None:
    """The instance could not be made, or its machine broke: its runs have failed, and say why."""
    text = notice.data.get("message")
    if notice.data.get("skipped"):
        _skipped(instance, notice)
    if notice.node or notice.run or not text:
        return
    for run in list(instance.runs.values()):
        hub.end_run(run, "failed", (Failure("", str(text), "load", trace=str(notice.data.get("trace", "")), run=run.counter),))
    if instance.up:
        hub.close(instance, str(text))


def _skipped(instance: Instance, notice: Notice) -> None:
    """A message that a node skipped is named among the errors of its run, which goes on."""
    run = instance.runs.get(notice.run)
    if run is not None and len(run.failures) < FAILURES:
        failure = msgspec.convert(notice.data["failure"], Failure)
        run.failures = (*run.failures, msgspec.structs.replace(failure, kind="skipped"))


def _logged_by_break(hub: Hub, instance: Instance, notice: Notice) -> None:
    _keep_log(hub, instance, notice.node, "break", str(notice.data.get("text", "")))


def _dropped(hub: Hub, instance: Instance, notice: Notice) -> None:
    """What waited where the new version of the flow has no place for it is named as an error of its run, which goes on."""
    n, place = notice.data["messages"], notice.data["place"]
    text = f"{n:,} of what was at {place} dropped: the flow was defined anew without that; feed what is missing again"
    for run in _runs(instance, notice):
        run.failures = (*run.failures, Failure(notice.node, text, "dropped", run=run.counter))[:FAILURES]
        hub.history.touch(run)
    _keep_log(hub, instance, notice.node, "engine", text)


# --- the rest --------------------------------------------------------------------------------------------------------------


def _hello(hub: Hub, runner: Runner, message: RunnerHello) -> None:  # noqa: ARG001
    hub.publisher.publish(f"runner/{runner.url}", {"url": runner.url, "pid": runner.pid, "status": "ready"})
    for instance in hub.alive():
        if instance.runner is runner:
            for run in list(instance.runs.values()):
                hub.set_status(run, "active")


def _seen(hub: Hub, runner: Runner, message: Seen) -> None:
    instance = _instance(hub, runner, message.instance)
    if instance is None:
        return
    instance.view = message.view
    for run in instance.runs.values():
        run.held = message.view.held
    hub.publisher.publish(f"view/{instance.name}", message.view)


def _logged(hub: Hub, runner: Runner, message: Logged) -> None:
    instance = _instance(hub, runner, message.instance)
    if instance is not None:
        cut = f"... {message.cut} bytes were left out{chr(10) * bool(message.text)}" if message.cut else ""
        _keep_log(hub, instance, message.node, message.stream, cut + message.text)


def _keep_log(hub: Hub, instance: Instance, node: str, stream: str, text: str) -> None:
    for piece in _pieces(text):
        line = {"node": node, "stream": stream, "text": piece, "time": time.time()}
        instance.logs.append(line)
        hub.publisher.publish(f"log/{instance.name}", line)


def _pieces(text: str) -> Iterator[str]:
    """Parts of at most `LOGGED` characters; each ends with a line, where a line is not longer than that."""
    at = 0
    while len(text) - at > LOGGED:
        end = text.rfind("\n", at, at + LOGGED) + 1 or at + LOGGED
        yield text[at:end]
        at = end
    yield text[at:]


def _progress(hub: Hub, runner: Runner, message: Progress) -> None:  # noqa: ARG001
    hub.publisher.publish(f"progress/{message.instance}", {"what": message.what, "text": message.text, "done": message.done})


_COMMANDS: dict[type, Callable[[Hub, Instance, Any], None]] = {
    Result: _result, Ended: _ended, Accepted: _accepted, Reply: _reply, Notice: _notice,
}
_NOTICES: dict[str, Callable[[Hub, Instance, Notice], None]] = {
    "idle": _idle, "resumed": _resumed, "withdrawn": _withdrawn, "failure": _broken, "log": _logged_by_break,
    "dropped": _dropped,
}
_OTHERS: dict[type[msgspec.Struct], Callable[[Hub, Runner, Any], None]] = {
    RunnerHello: _hello, Seen: _seen, Logged: _logged, Progress: _progress,
}
