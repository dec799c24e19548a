"""Verbs that define and run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from floe_jupyter.errors import DefinitionError
from floe_jupyter.kernel.arguments import Argument
from floe_jupyter.kernel.debugging import NOT_GIVEN
from floe_jupyter.kernel.define import define_flow, define_module, flow_of, module_of
from floe_jupyter.kernel.flows import Flow
from floe_jupyter.kernel.run import OVER, Run
from floe_jupyter.kernel.verbs.words import FLOW, JSON, Answer, Note, Request, Verb, Waits
from floe_jupyter.kernel.waiting import Steps
from floe_jupyter.wire.control import RunInfo


def module(request: Request) -> Answer:
    assert request.body is not None
    known, updated, unfit = define_module(request.session, module_of(request.arguments, request.body, request.place))
    changed = f", version {known.version}" if known.version > 1 else ""
    running = f"; {len(updated)} running flow{'' if len(updated) == 1 else 's'} updated" if updated else ""
    problems = "".join(f"\n{text}" for text in unfit)
    return Answer(
        Note(f"Module {known.name}: {known.lang}{changed}{running}{problems}"),
        {"name": known.name, "version": known.version, "updated": updated, "unfit": unfit},
    )


def flow(request: Request) -> Answer:
    assert request.body is not None
    known, updated = define_flow(request.session, flow_of(request.session, request.arguments, request.body, request.place))
    return Answer(Flow(request.session, known.name), {"name": known.name, "version": known.version, "updated": updated})


def the_flow(request: Request) -> Flow:
    """The flow that a verb names, or the one used last."""
    if not request.flow:
        raise DefinitionError(f"which flow? none was run or defined yet{_known(request)}")
    return Flow(request.session, request.session.flow(request.flow).name)


def _known(request: Request) -> str:
    names = ", ".join(sorted(request.session.flows()))
    return f"; known: {names}" if names else "; define one with %%floe flow"


def run_data(run: Run) -> dict[str, Any]:
    """A run as plain data, with its results."""
    return {**info_data(run.info), "outputs": run.outputs}


def info_data(info: RunInfo) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(info, enc_hook=repr)
    return {"status": info.status, **found}


def json_lines(text: str) -> Iterator[Any]:
    """The values of JSON lines; blank lines are passed over. Raises DefinitionError with the line."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield json_value(line, f"line {number} of the input")


def json_value(text: str, what: str) -> Any:
    """The value of a JSON text; integers of any size are kept as they are written. Raises DefinitionError, also for a number that
    Python would make infinite.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_no_number)
    except ValueError as error:
        raise DefinitionError(f'{what} is no JSON: {error}; write one JSON value a line, such as {{"n": 1}}') from None
    except RecursionError:
        raise DefinitionError(f"{what} is nested too deep; flatten it, or send it as text") from None


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        shown = digits if len(digits) < 26 else f"{digits[:25]}..."
        raise ValueError(f"the number {shown} is larger than 64 bits can say, and would become infinite")
    return number


def _no_number(word: str) -> float:
    raise ValueError(f"JSON has no {word}, use null")


def run(request: Request) -> Waits | Answer:
    target = the_flow(request)
    given = _given(request)
    options = {"to": request["to"], "debug": request["debug"], "durable": request["durable"], "timeout": request["timeout"]}
    if request["detach"]:
        return _detached(target, given, options)

    def steps(follow: Callable[[Any], None]) -> Steps[Answer]:
        done = yield from target.running(given, through_holds=request["wait"], opened=follow, **options)
        return Answer(done, run_data(done) if request["json"] else None)

    return Waits(steps)


def _detached(target: Flow, given: Any, options: dict[str, Any]) -> Answer:
    started = target.run(given, wait=False, detach=True, **options)
    return Answer(started, info_data(started.info))


def _given(request: Request) -> Any:
    """What is fed: the cell's JSON lines, or the value of --input."""
    if request.body is not None:
        if request["input"] is not None:
            raise DefinitionError("a cell with JSON lines and --input: give one of them")
        return list(json_lines(request.body))
    return NOT_GIVEN if request["input"] is None else request.evaluate(request["input"])


def start(request: Request) -> Answer:
    started = the_flow(request).start(debug=request["debug"], detach=request["detach"])
    return Answer(Note(f"Flow {started.name} is up"), {"flow": started.name, "up": True})


def send(request: Request) -> Waits | Answer:
    name, _, to = request["target"].partition(".")
    target = Flow(request.session, request.session.flow(name).name)
    sent = target.send(request.evaluate(request["value"]), to, each=request["each"])
    if not request["wait"]:
        return Answer(sent, info_data(sent.info))

    def steps(follow: Callable[[Any], None]) -> Steps[Answer]:
        follow(sent)
        yield from sent.steps()
        return Answer(sent, run_data(sent))

    return Waits(steps)


def stop(request: Request) -> Answer:
    stopped = the_flow(request).stop()
    return Answer(Note(f"Flow {stopped.name} is stopped"), {"flow": stopped.name, "up": False})


def attach(request: Request) -> Waits:
    found = Run(request.session, _attached(request))
    request.session.keep_run(found.ref, found.flow)

    def steps(follow: Callable[[Any], None]) -> Steps[Answer]:
        follow(found)
        if not request["wait"]:
            return Answer(found, info_data(found.info))
        yield from found.steps(through_holds=True, cancels=False)
        return Answer(found, run_data(found))

    return Waits(steps)


def _attached(request: Request) -> RunInfo:
    """The run that is named, or the newest that is not over, or the newest."""
    if request["run"]:
        return request.session.ask(RunInfo, "run_info", ref=request["run"])
    found = request.session.ask(list[RunInfo], "runs")
    if not found:
        raise DefinitionError("there is no run to attach to; start one with %floe run FLOW --detach")
    return next((info for info in found if info.status not in OVER), found[0])


def cancel(request: Request) -> Answer:
    ended = Run(request.session, request.session.ask(RunInfo, "run_info", ref=request["run"])).cancel()
    return Answer(ended, info_data(ended.info))


RUN = Argument("run", "the run's ref", names="run")
VERBS = (
    Verb(
        "module",
        "Define a module: the function in the cell, in one of seven languages. The same name again is a new version.",
        module,
        (
            Argument("name", "the module's name", required=True, names="module"),
            Argument("--lang", "python (default), js, go, rust, lisp, r or shell", names="language"),
            Argument("--deps", "packages it needs, as its language names them", kind="texts"),
            Argument("--in", "input ports (default: in)", kind="texts"),
            Argument("--out", "output ports (default: out)", kind="texts"),
            Argument("--state", "the first ctx.state, a JSON object", kind="json"),
            JSON,
        ),
        cell="must",
    ),
    Verb(
        "flow",
        "Define a flow: lines such as `a -> b, c` in the cell.",
        flow,
        (
            Argument("name", "the flow's name", required=True, names="flow"),
            Argument("--runner", "the URL of the runner (default: local:)"),
            Argument("--durable", "record every step, survive crashes", kind="flag"),
            Argument("--host-tags", "hosts that may run it need these tags: a,b"),
            Argument("--resource-tags", "no two active runs hold the same of these tags: a,b"),
            Argument("--timeout", "how long a run may take: 30s, 2m", kind="duration"),
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
            Argument(
                "--input",
                "a Python expression: a list or another iterable is one message per item, anything else one message",
                kind="expression",
            ),
            Argument("--to", "feed this node instead of the sources (NODE or NODE.port)", names="node"),
            Argument("--debug", "record, and hold a message whose module fails", kind="flag"),
            Argument("--durable", "record every step, survive crashes", kind="flag"),
            Argument("--timeout", "how long it may take: 30s, 2m", kind="duration"),
            Argument("--detach", "return at once; the run outlives this kernel", kind="flag"),
            Argument("--wait", "wait through holds, until it is over", kind="flag"),
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
            Argument("--debug", "record, and hold a message whose module fails", kind="flag"),
            Argument("--detach", "it outlives this kernel", kind="flag"),
            JSON,
        ),
    ),
    Verb(
        "send",
        "Send one message into a flow that is up.",
        send,
        (
            Argument("target", "FLOW, FLOW.node or FLOW.node.port", required=True, names="target"),
            Argument("value", "the message", kind="expression", required=True),
            Argument("--each", "the value is a list: every item is a message in a run of its own", kind="flag"),
            Argument("--wait", "wait for the end of its run", kind="flag"),
            JSON,
        ),
    ),
    Verb("stop", "Stop a flow that is up.", stop, (FLOW, JSON)),
    Verb("cancel", "Cancel a run.", cancel, (Argument("run", "the run's ref", required=True, names="run"), JSON)),
    Verb(
        "attach",
        "Take up a run that was detached, or that outlived a kernel restart.",
        attach,
        (RUN, Argument("--wait", "wait until it is over", kind="flag"), JSON),
    ),
)
