"""Messages from runners about their instances, and the resulting changes of runs and instances."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from floe_jupyter.core.machine.commands import Accepted, Ended, Notice, Reply, Result
from floe_jupyter.core.machine.events import Failure
from floe_jupyter.core.machine.outcome import UNFINISHED, Unprocessed
from floe_jupyter.core.messages import Batch
from floe_jupyter.dispatcher.runners import segments
from floe_jupyter.dispatcher.runners.proxy import RunnerProxy
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import FAILURES, KnownInstance, KnownRun, kept
from floe_jupyter.dispatcher.runs.results import by_run
from floe_jupyter.errors import EnvironmentFailed, does_not_load
from floe_jupyter.wire.control import topics
from floe_jupyter.wire.process_context import INHERITED
from floe_jupyter.wire.runner_messages import TO_HOME, TO_OUTPOST, Logged, Out, Progress, RunnerHello, Seen, StartRuntime

LOGGED = 65_536
"""Maximum number of characters of a log entry."""


def receive(hub: Hub, runner: RunnerProxy, message: Any) -> None:
    """Handle a message of any kind from a runner."""
    if type(message) is Out:
        _out(hub, runner, message)
    else:
        _OTHERS[type(message)](hub, runner, message)


def _out(hub: Hub, runner: RunnerProxy, message: Out) -> None:
    instance = _instance(hub, runner, message.instance)
    for command in message.commands:
        handle = _COMMANDS.get(type(command))
        if handle is None:
            runner.refused += 1
        elif instance is not None:
            handle(hub, instance, command)
        elif type(command) is Result:
            segments.remove(command.batch)


def _instance(hub: Hub, runner: RunnerProxy, name: str) -> KnownInstance | None:
    """Return the instance if owned by *runner*, or None: a runner may report only on its own instances."""
    instance = hub.instances.get(name)
    return instance if instance is not None and instance.runner is runner else None


# --- commands of machines --------------------------------------------------------------------------------------------------


def _result(hub: Hub, instance: KnownInstance, command: Result) -> None:
    batch = command.batch
    if batch.runs is None:
        _keep(hub, instance, command, batch.run, batch)
    else:
        for number, part in by_run(batch).items():
            _keep(hub, instance, command, number, part)


def _keep(hub: Hub, instance: KnownInstance, command: Result, number: int, batch: Batch) -> None:
    run = instance.runs.get(number)
    if run is None:
        segments.remove(batch)  # the batch came after the run's end: a run that is over never changes
        return
    try:
        run.results.add(command.node, command.port, batch)
    except EnvironmentFailed as error:
        hub.end_run(run, "failed", (Failure(command.node, str(error), "overflow", run=number),))


def _ended(hub: Hub, instance: KnownInstance, command: Ended) -> None:
    run = instance.runs.get(command.run)
    if run is not None:
        run.unprocessed = (*command.unprocessed, *_is_expected(run, command))
        hub.end_run(run, command.status, command.failures)


def _is_expected(run: KnownRun, ended: Ended) -> tuple[Unprocessed, ...]:
    """Return the messages that were fed but had not reached the machine when the run ended prematurely."""
    missing = run.put - ended.fed if ended.fed or ended.status == "cancelled" else 0
    if missing <= 0:
        return ()
    cut = ended.status == "done"
    return (Unprocessed("input", "input", "cut" if cut else UNFINISHED, missing, "the run had ended" if cut else ""),)


def _accepted(hub: Hub, instance: KnownInstance, command: Accepted) -> None:  # noqa: ARG001 - one signature for all commands
    instance.answer(command.token, None, None)


def _reply(hub: Hub, instance: KnownInstance, command: Reply) -> None:  # noqa: ARG001
    instance.answer(command.token, command.value, command.error)


def _notice(hub: Hub, instance: KnownInstance, command: Notice) -> None:
    follow = _NOTICES.get(command.kind)
    if follow is not None:
        follow(hub, instance, command)
    hub.publisher.publish(f"{topics.NOTICE}{instance.name}", command)


def _runs(instance: KnownInstance, notice: Notice) -> list[KnownRun]:
    """Return the runs meant by a notice: the named run, or all."""
    if notice.run:
        run = instance.runs.get(notice.run)
        return [run] if run is not None else []
    return list(instance.runs.values())


def _idle(hub: Hub, instance: KnownInstance, notice: Notice) -> None:
    for run in _runs(instance, notice):
        run.held = int(notice.data.get("held", run.held))
        refused = _refused(instance, notice.data.get("refused", {}))
        held = ["what is held: step, continue, edit or drop it"] if run.held or not refused else []
        hub.set_status(run, "held", "; ".join([*refused, *held]))


def _refused(instance: KnownInstance, errors: dict[str, str]) -> list[str]:
    modules = {node.id: node.module for node in instance.flow.nodes}
    return [does_not_load(node, modules.get(node, node), error) for node, error in errors.items()]


def _resumed(hub: Hub, instance: KnownInstance, notice: Notice) -> None:
    for run in _runs(instance, notice):
        run.held = 0
        hub.set_status(run, "active")


def _withdrawn(hub: Hub, instance: KnownInstance, notice: Notice) -> None:
    ids = frozenset(notice.data.get("ids", ()))
    for run in _runs(instance, notice):
        try:
            if run.results.withdraw(ids):
                hub.history.touch(run)
        except EnvironmentFailed as error:
            hub.end_run(run, "failed", (Failure("", str(error), "overflow"),))


def _broken(hub: Hub, instance: KnownInstance, notice: Notice) -> None:
    """Handle a failure notice. If the instance could not be made or the machine broke, fail all runs with the reason."""
    text = notice.data.get("message")
    if notice.data.get("skipped"):
        _skipped(instance, notice)
    if notice.node or notice.run or not text:
        return
    for run in list(instance.runs.values()):
        hub.end_run(run, "failed", (Failure("", str(text), "load", trace=str(notice.data.get("trace", "")), run=run.counter),))
    if instance.up:
        hub.close(instance, str(text))


def _skipped(instance: KnownInstance, notice: Notice) -> None:
    """Add a message skipped by a node to the failures of its run, which goes on."""
    run = instance.runs.get(notice.run)
    if run is not None and len(run.failures) < FAILURES:
        failure = msgspec.convert(notice.data["failure"], Failure)
        run.failures = kept((*run.failures, msgspec.structs.replace(failure, kind="skipped")))


def _logged_by_break(hub: Hub, instance: KnownInstance, notice: Notice) -> None:
    _keep_log(hub, instance, notice.node, "break", str(notice.data.get("text", "")))


def _dropped(hub: Hub, instance: KnownInstance, notice: Notice) -> None:
    """Log messages dropped by a join or an end. Waiting messages without a place in the flow's new version are also added to the
    failures of their run, which goes on.
    """
    if "place" not in notice.data:
        _keep_log(hub, instance, notice.node, "engine", str(notice.data.get("text", "")))
        return
    n, place = notice.data["messages"], notice.data["place"]
    count = f"{n:,} message{'' if n == 1 else 's'}"
    text = f"{count} at {place} dropped: the new version of the flow does not have that place; feed the messages again"
    for run in _runs(instance, notice):
        run.failures = kept((*run.failures, Failure(notice.node, text, "dropped", run=run.counter)))
        hub.history.touch(run)
    _keep_log(hub, instance, notice.node, "engine", text)


# --- other messages --------------------------------------------------------------------------------------------------------


def _hello(hub: Hub, runner: RunnerProxy, message: RunnerHello) -> None:  # noqa: ARG001
    hub.publisher.publish(f"{topics.RUNNER}{runner.url}", {"url": runner.url, "pid": runner.pid, "status": "ready"})
    for instance in hub.alive():
        if instance.runner is runner:
            for run in list(instance.runs.values()):
                hub.set_status(run, "active")


def _seen(hub: Hub, runner: RunnerProxy, message: Seen) -> None:
    instance = _instance(hub, runner, message.instance)
    if instance is None:
        return
    instance.view = message.view
    instance.ends = message.ends or instance.ends
    instance.hits = message.hits or instance.hits
    for run in instance.runs.values():
        run.held = message.view.held
    hub.publisher.publish(f"{topics.VIEW}{instance.name}", message.view)


def _logged(hub: Hub, runner: RunnerProxy, message: Logged) -> None:
    instance = _instance(hub, runner, message.instance)
    if instance is not None:
        cut = f"... {message.cut} bytes were left out{chr(10) * bool(message.text)}" if message.cut else ""
        _keep_log(hub, instance, message.node, message.stream, cut + message.text)


def _keep_log(hub: Hub, instance: KnownInstance, node: str, stream: str, text: str) -> None:
    for piece in _pieces(text):
        line = {"node": node, "stream": stream, "text": piece, "time": time.time()}
        instance.logs.append(line)
        hub.publisher.publish(f"{topics.LOG}{instance.name}", line)


def _pieces(text: str) -> Iterator[str]:
    """Yield parts of at most `LOGGED` characters; each part ends with a line, unless the line itself is longer."""
    at = 0
    while len(text) - at > LOGGED:
        end = text.rfind("\n", at, at + LOGGED) + 1 or at + LOGGED
        yield text[at:end]
        at = end
    yield text[at:]


def _pass_on(hub: Hub, runner: RunnerProxy, message: Any) -> None:
    if type(message) is StartRuntime and not runner.process.same_files:
        space = hub.spaces.find(runner.workspace)
        message = msgspec.structs.replace(message, context=space.context if space is not None else INHERITED)
    hub.runners.relay.pass_on(runner, message)


def _progress(hub: Hub, runner: RunnerProxy, message: Progress) -> None:  # noqa: ARG001
    said = {"what": message.what, "text": message.text, "done": message.done}
    hub.publisher.publish(f"{topics.PROGRESS}{message.instance}", said)


_COMMANDS: dict[type, Callable[[Hub, KnownInstance, Any], None]] = {
    Result: _result,
    Ended: _ended,
    Accepted: _accepted,
    Reply: _reply,
    Notice: _notice,
}
_NOTICES: dict[str, Callable[[Hub, KnownInstance, Notice], None]] = {
    "idle": _idle,
    "resumed": _resumed,
    "withdrawn": _withdrawn,
    "failure": _broken,
    "log": _logged_by_break,
    "dropped": _dropped,
}
_OTHERS: dict[type[msgspec.Struct], Callable[[Hub, RunnerProxy, Any], None]] = {
    RunnerHello: _hello,
    Seen: _seen,
    Logged: _logged,
    Progress: _progress,
    **dict.fromkeys((*TO_HOME, *TO_OUTPOST), _pass_on),
}
