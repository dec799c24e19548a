"""Verbs that define modules and flows, and run flows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from floe_jupyter.client.define import define_flow, define_module, flow_of, module_of
from floe_jupyter.client.flows import Flow
from floe_jupyter.client.run import Run
from floe_jupyter.client.sources.unseen import unseen
from floe_jupyter.client.stepping import NOT_GIVEN
from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.verbs.model import FLOW, JSON, Note, PendingResult, Verb, VerbCall, VerbResult
from floe_jupyter.client.waiting import Steps
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.core.machine.unprocessed import by_name, by_node
from floe_jupyter.core.run_life import is_over
from floe_jupyter.errors import DefinitionError
from floe_jupyter.wire.control.calls import RunInfo
from floe_jupyter.wire.inline import TAG, ready
from floe_jupyter.wire.languages import with_runtime


def module(request: VerbCall) -> VerbResult:
    """Define a module."""
    assert request.body is not None
    place = msgspec.structs.replace(request.place, unseen=unseen(request.body, list(request.names)))
    known, updated, unfit = define_module(request.session, module_of(request.arguments, request.body, place))
    changed = f", version {known.version}" if known.version > 1 else ""
    running = f"; {len(updated)} running flow{'' if len(updated) == 1 else 's'} updated" if updated else ""
    problems = "".join(f"\n{text}" for text in unfit)
    return VerbResult(
        Note(f"Module {known.name}: {known.lang}{changed}{running}{problems}"),
        {"name": known.name, "version": known.version, "updated": updated, "unfit": unfit},
    )


def flow(request: VerbCall) -> VerbResult:
    """Define a flow."""
    assert request.body is not None
    known, updated = define_flow(request.session, flow_of(request.session, request.arguments, request.body, request.place))
    return VerbResult(Flow(request.session, known.name), {"name": known.name, "version": known.version, "updated": updated})


def the_flow(request: VerbCall) -> Flow:
    """Return the flow that a verb names, or the flow used last. Raises DefinitionError without either."""
    if not request.flow:
        raise DefinitionError(f"which flow? none was run or defined yet{_known(request)}")
    return Flow(request.session, request.session.flow(request.flow).name)


def _known(request: VerbCall) -> str:
    names = ", ".join(sorted(request.session.flows()))
    return f"; known: {names}" if names else "; define one with %%floe flow"


def run_data(run: Run) -> dict[str, Any]:
    """Return a run as plain data, with its results."""
    return {**info_data(run.info), "outputs": run.outputs}


def info_data(info: RunInfo) -> dict[str, Any]:
    """Return a run's record as plain data: ``dropped`` by name, ``unfinished`` by node, ``forgotten`` results no longer kept."""
    found: dict[str, Any] = msgspec.to_builtins(info, enc_hook=repr)
    found |= {"dropped": by_name(info.unprocessed), "unfinished": by_node(info.unprocessed)}
    return {"status": info.status, **found, **({"forgotten": info.dropped} if info.dropped else {})}


def json_lines(text: str) -> Iterator[Any]:
    """Yield the values of JSON lines; blank lines are skipped. Raises DefinitionError with the line."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield message_value(line, f"line {number} of the input")


def json_value(text: str, what: str) -> Any:
    """Return the value of a JSON text; integers of any size are kept as written. Raises DefinitionError, also for a number that
    Python would make infinite.
    """
    try:
        return _whole(json.loads(text, parse_float=_finite, parse_constant=_no_number), text)
    except ValueError as error:
        raise DefinitionError(f'{what} is no JSON: {error}; write one JSON value a line, such as {{"n": 1}}') from None
    except RecursionError:
        raise DefinitionError(f"{what} is nested too deep; flatten it, or send it as text") from None


def message_value(text: str, what: str) -> Any:
    """Return the value of a message's JSON text; as in the output of `floe run`, tags (`runtimes/README.md`) express values that
    JSON cannot. Raises like `json_value`.
    """
    value = json_value(text, what)
    return ready(value, what) if TAG in text else value


def given_value(text: str, what: str) -> Any:
    """Return the value of an expression's JSON text, like `message_value`; each item of a list is a message."""
    value = json_value(text, what)
    if TAG not in text:
        return value
    return [ready(item, what) for item in value] if isinstance(value, list) else ready(value, what)


def _whole(value: Any, text: str) -> Any:
    """Return the value if its text is Unicode; JSON can express half a character. Raises ValueError."""
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("it holds half of a character (a lone surrogate), which is no Unicode text") from None
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        shown = digits if len(digits) < 26 else f"{digits[:25]}..."
        raise ValueError(f"the number {shown} is larger than 64 bits can say, and would become infinite")
    return number


def _no_number(word: str) -> float:
    raise ValueError(f"JSON has no {word}, use null")


def run(request: VerbCall) -> PendingResult | VerbResult:
    """Run a flow once."""
    target = the_flow(request)
    given = _given(request)
    options = {"to": request["to"], "debug": request["debug"], "durable": request["durable"], "timeout": request["timeout"]}
    options["runner"] = request["runner"] or ""
    if request["detach"]:
        return _detached(target, given, options)

    def steps(follow: Callable[[Any], None]) -> Steps[VerbResult]:
        done = yield from target.running(given, through_holds=request["wait"], opened=follow, **options)
        return VerbResult(done, run_data(done) if request["json"] else None)

    return PendingResult(steps)


def _detached(target: Flow, given: Any, options: dict[str, Any]) -> VerbResult:
    started = target.run(given, wait=False, detach=True, **options)
    return VerbResult(started, info_data(started.info))


def _given(request: VerbCall) -> Any:
    """Return the input: the cell's JSON lines, or the value of --input."""
    if request.body is not None:
        if request["input"] is not None:
            raise DefinitionError("a cell with JSON lines and --input: give one of them")
        return list(json_lines(request.body))
    return NOT_GIVEN if request["input"] is None else request.evaluate(request["input"])


def start(request: VerbCall) -> VerbResult:
    """Start a flow that stays up."""
    started = the_flow(request).start(debug=request["debug"], detach=request["detach"], runner=request["runner"] or "")
    return VerbResult(Note(f"Flow {started.name} is up"), {"flow": started.name, "up": True})


def send(request: VerbCall) -> PendingResult | VerbResult:
    """Send a message into a flow that is up."""
    name, _, to = request["target"].partition(".")
    target = Flow(request.session, request.session.flow(name).name)
    sent = target.send(request.evaluate(request["value"]), to, each=request["each"])
    if not request["wait"]:
        return VerbResult(sent, info_data(sent.info))

    def steps(follow: Callable[[Any], None]) -> Steps[VerbResult]:
        follow(sent)
        yield from sent.steps()
        return VerbResult(sent, run_data(sent))

    return PendingResult(steps)


def stop(request: VerbCall) -> VerbResult:
    """Stop a flow that is up."""
    stopped = the_flow(request).stop()
    return VerbResult(Note(f"Flow {stopped.name} is stopped"), {"flow": stopped.name, "up": False})


def attach(request: VerbCall) -> PendingResult:
    """Take up a detached run, or a run that outlived a kernel restart."""
    found = Run(request.session, _attached(request))
    request.session.keep_run(found.ref, found.flow)

    def steps(follow: Callable[[Any], None]) -> Steps[VerbResult]:
        follow(found)
        if not request["wait"]:
            return VerbResult(found, info_data(found.info))
        yield from found.steps(through_holds=True, cancels=False)
        return VerbResult(found, run_data(found))

    return PendingResult(steps)


def _attached(request: VerbCall) -> RunInfo:
    """Return the named run, else the newest run that is not over, else the newest run."""
    if request["run"]:
        return request.session.ask(RunInfo, "run_info", ref=request["run"])
    found = request.session.ask(list[RunInfo], "runs")
    if not found:
        raise DefinitionError("there is no run to attach to; start one with %floe run FLOW --detach")
    return next((info for info in found if not is_over(info.status)), found[0])


def cancel(request: VerbCall) -> VerbResult:
    """Cancel a run."""
    ended = Run(request.session, request.session.ask(RunInfo, "run_info", ref=request["run"])).cancel()
    return VerbResult(ended, info_data(ended.info))


RUNNER = VerbArgument("--runner", "the URL of its runner, such as ssh:box (default: the flow's)")
RUN = VerbArgument("run", "the run's ref", names="run")
VERBS = (
    Verb(
        "module",
        "Define a module: the function in the cell, in any language that has a runtime. The same name again is a new version.",
        module,
        (
            VerbArgument("name", "the module's name", required=True, names="module"),
            VerbArgument("--lang", f"{', '.join(with_runtime())} (default: {DEFAULT_LANGUAGE})", names="language"),
            VerbArgument("--deps", "packages it needs, as its language names them", kind="texts"),
            VerbArgument("--build-deps", "packages may run their own code while they are installed", kind="flag"),
            VerbArgument("--in", "input ports (default: in)", kind="texts"),
            VerbArgument("--out", "output ports (default: out)", kind="texts"),
            VerbArgument("--state", "the first ctx.state, a JSON object", kind="json"),
            VerbArgument("--runner", "the URL of the runner for its nodes, such as local:b (default: the flow's)"),
            JSON,
        ),
        cell="must",
    ),
    Verb(
        "flow",
        "Define a flow: lines such as `a -> b, c` in the cell.",
        flow,
        (
            VerbArgument("name", "the flow's name", required=True, names="flow"),
            VerbArgument("--runner", "the URL of the runner, such as ssh:box (default: local:)"),
            VerbArgument("--durable", "record every step, survive crashes", kind="flag"),
            VerbArgument("--host-tags", "hosts that may run it need these tags: a,b"),
            VerbArgument("--resource-tags", "no two active runs hold the same of these tags: a,b"),
            VerbArgument("--timeout", "how long a run may take: 30s, 2m", kind="duration"),
            JSON,
        ),
        cell="must",
    ),
    Verb(
        "run",
        "Run a flow once. In a cell of its own, the cell's JSON lines are the messages.",
        run,
        (
            FLOW,
            VerbArgument(
                "--input",
                "a Python expression: a list or another iterable is one message per item, anything else one message",
                kind="expression",
            ),
            VerbArgument("--to", "feed this node instead of the sources (NODE or NODE.port)", names="node"),
            VerbArgument("--debug", "record, and hold a message whose module fails", kind="flag"),
            VerbArgument("--durable", "record every step, survive crashes", kind="flag"),
            VerbArgument("--timeout", "how long it may take: 30s, 2m", kind="duration"),
            RUNNER,
            VerbArgument("--detach", "return at once; the run outlives this kernel", kind="flag"),
            VerbArgument("--wait", "wait through holds, until it is over", kind="flag"),
            JSON,
        ),
        cell="may",
    ),
    Verb(
        "start",
        "Start a flow that stays up, for send.",
        start,
        (
            FLOW,
            VerbArgument("--debug", "record, and hold a message whose module fails", kind="flag"),
            RUNNER,
            VerbArgument("--detach", "it outlives this kernel", kind="flag"),
            JSON,
        ),
    ),
    Verb(
        "send",
        "Send one message into a flow that is up.",
        send,
        (
            VerbArgument("target", "FLOW, FLOW.node or FLOW.node.port", required=True, names="target"),
            VerbArgument("value", "the message", kind="expression", required=True),
            VerbArgument("--each", "the value is a list: every item is a message in a run of its own", kind="flag"),
            VerbArgument("--wait", "wait for the end of its run", kind="flag"),
            JSON,
        ),
    ),
    Verb("stop", "Stop a flow that is up.", stop, (FLOW, JSON)),
    Verb("cancel", "Cancel a run.", cancel, (VerbArgument("run", "the run's ref", required=True, names="run"), JSON)),
    Verb(
        "attach",
        "Take up a run that was detached, or that outlived a kernel restart.",
        attach,
        (RUN, VerbArgument("--wait", "wait until it is over", kind="flag"), JSON),
    ),
)
