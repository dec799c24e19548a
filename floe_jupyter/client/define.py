"""Definition of modules and flows at the dispatcher, from the text of cells."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from floe_jupyter.client.session import Session
from floe_jupyter.client.sources.check import check_source
from floe_jupyter.client.sources.places import place_text
from floe_jupyter.core.flow.model import NODE_ID, Flow, Module, Place
from floe_jupyter.core.flow.placement import problem_of as problem_of_runner
from floe_jupyter.core.flow.runner_urls import require_runner
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.core.machine.events import Failure
from floe_jupyter.errors import DefinitionError, ModuleFailed, NotationError, unknown
from floe_jupyter.wire.dependencies import problem_of
from floe_jupyter.wire.languages import named, with_runtime


def check_name(what: str, name: str) -> None:
    """Raise DefinitionError if *name* is not allowed as a name."""
    if not NODE_ID.match(name):
        raise DefinitionError(
            f"{name!r} is no name for a {what}; names are small letters, digits, _ and -, and begin with a letter or _"
        )


def module_of(arguments: dict[str, Any], source: str, place: Place) -> Module:
    """Return the module of a ``%%floe module`` cell. Raises DefinitionError."""
    # Each option of the cell is checked where it is read, so that its mistake is told in the order of the line.
    check_name("module", arguments["name"])
    language = named(arguments.get("lang") or DEFAULT_LANGUAGE)
    if language is None:
        raise unknown("language", arguments["lang"], with_runtime())
    for port in (*(arguments.get("in") or ()), *(arguments.get("out") or ())):
        check_name("port", port)
    if not source.strip():
        raise DefinitionError(f"module {arguments['name']!r} has no source; write a function below the first line")
    module = Module(
        arguments["name"],
        source,
        language,
        deps=tuple(arguments.get("deps") or ()),
        inputs=tuple(arguments.get("in") or ("in",)),
        outputs=tuple(arguments.get("out") or ("out",)),
        state=_state(arguments.get("state")),
        place=place,
        build_deps=bool(arguments.get("build_deps")),
        runner=arguments.get("runner") or "",
    )
    if problem := problem_of_runner(module.runner):
        raise DefinitionError(f"module {module.name!r}: {problem}")
    if problem := problem_of(language, module.deps, build=module.build_deps):
        raise DefinitionError(f"module {module.name!r}: {problem}")
    check_source(module)
    return module


def _state(text: str | None) -> str:
    if not text:
        return "{}"
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DefinitionError(f'--state is no JSON: {error}; write an object such as {{"n": 0}}') from None
    if not isinstance(value, dict):
        raise DefinitionError(f'--state is {text}, not a JSON object; write {{"n": 0}}')
    return text


def define_module(session: Session, module: Module) -> tuple[Module, list[str], list[str]]:
    """Define a module. Returns the module as known, the updated instances, and the reasons why flows no longer fit the module.
    Raises ModuleFailed if a running flow refuses the module and keeps the old version.
    """
    answer = session.call("define", module=module)
    session.warn(answer.get("unsaved") or "")
    known = session.keep_module(module, answer["version"])
    refused = msgspec.convert(answer.get("refused") or [], list[Failure])
    if refused:
        raise ModuleFailed(_refused(known, refused[0]))
    return known, list(answer.get("updated") or ()), list(answer.get("unfit") or ())


def _refused(module: Module, failure: Failure) -> str:
    trace = f"\n{failure.trace.rstrip()}" if failure.trace else ""
    return f"version {module.version} of {module.name!r} did not load, the one before goes on: {failure.message}{trace}"


def flow_of(session: Session, arguments: dict[str, Any], text: str, place: Place) -> Flow:
    """Return the flow of a ``%%floe flow`` cell. Raises NotationError with line, column and caret."""
    from floe_jupyter.core.notation.parser import parse

    check_name("flow", arguments["name"])
    if arguments.get("runner"):
        require_runner(arguments["runner"])
    try:
        flow = parse(text, arguments["name"], modules=session.modules(), place=place)
    except NotationError as error:
        raise error.within(place_text(place, error.line)) from None
    return msgspec.structs.replace(
        flow,
        runner=arguments.get("runner") or flow.runner,
        durable=bool(arguments.get("durable")),
        timeout=arguments.get("timeout") or 0.0,
        host_tags=_tags(arguments.get("host_tags")),
        resource_tags=_tags(arguments.get("resource_tags")),
        source=text,
        place=place,
    )


def _tags(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def define_flow(session: Session, flow: Flow) -> tuple[Flow, list[str]]:
    """Define a flow. Returns the flow as known and the updated instances."""
    answer = session.call("define_flow", flow=flow)
    session.warn(answer.get("unsaved") or "")
    return session.keep_flow(flow, answer["version"]), list(answer.get("updated") or ())
