"""From the text of a cell to a module or a flow that the dispatcher knows."""

from __future__ import annotations

import ast
import json
from typing import Any

import msgspec

from floe_jupyter.core.events import Failure
from floe_jupyter.core.model import LANGUAGES, NODE_ID, Flow, Module, Place
from floe_jupyter.errors import DefinitionError, ModuleFailed, unknown
from floe_jupyter.kernel.session import Session

RUNNERS = ("local:",)
"""The URLs of runners that there are."""


def place_text(place: Place, line: int) -> str:
    """``Cell In[3], line 4`` of the *line*-th line of a source (from 1); a file's name where there is no cell."""
    where = f"Cell In[{place.cell}]" if place.cell else place.file
    return f"{where}, line {place.line + line}" if where else f"line {place.line + line}"


def check_name(what: str, name: str) -> None:
    if not NODE_ID.match(name):
        raise DefinitionError(
            f"{name!r} is no name for a {what}; names are small letters, digits, _ and -, and begin with a letter or _"
        )


def module_of(arguments: dict[str, Any], source: str, place: Place) -> Module:
    """The module of a ``%%floe module`` cell. Raises DefinitionError."""
    check_name("module", arguments["name"])
    language = arguments.get("lang") or "python"
    if language not in LANGUAGES:
        raise unknown("language", language, LANGUAGES)
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
    )
    if language == "python":
        check_python(module)
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


def check_python(module: Module) -> None:
    """Raises DefinitionError at the cell and line where Python cannot read the source, or finds no function in it."""
    try:
        tree = ast.parse(module.source)
        compile(tree, module.place.file or module.name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _syntax_error(module, error) from None
    except ValueError as error:
        raise DefinitionError(f"module {module.name!r}: {error}") from None
    makers = (
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.Assign,
        ast.AnnAssign,
        ast.Import,
        ast.ImportFrom,
        ast.ClassDef,
        ast.If,
        ast.Try,
        ast.With,
    )
    if not any(isinstance(statement, makers) for statement in tree.body):
        raise DefinitionError(
            f"module {module.name!r} defines no function; write: def {module.name.replace('-', '_')}(msg): return msg"
        )


def _syntax_error(module: Module, error: SyntaxError) -> DefinitionError:
    lines = module.source.splitlines()
    number = error.lineno or 1
    text = lines[number - 1] if number <= len(lines) else ""
    caret = " " * max((error.offset or 1) - 1, 0) + "^"
    return DefinitionError(
        f"module {module.name!r} is no Python: {error.msg}\n{place_text(module.place, number)}\n  {text}\n  {caret}"
    )


def define_module(session: Session, module: Module) -> tuple[Module, list[str], list[str]]:
    """Define it; the instances that were updated, and why flows no longer fit it. Raises ModuleFailed when a running flow
    refuses it and keeps the old one.
    """
    answer = session.call("define", module=module)
    known = session.keep_module(module, answer["version"])
    refused = msgspec.convert(answer.get("refused") or [], list[Failure])
    if refused:
        raise ModuleFailed(_refused(known, refused[0]))
    return known, list(answer.get("updated") or ()), list(answer.get("unfit") or ())


def _refused(module: Module, failure: Failure) -> str:
    trace = f"\n{failure.trace.rstrip()}" if failure.trace else ""
    return f"version {module.version} of {module.name!r} did not load, the one before goes on: {failure.message}{trace}"


def flow_of(session: Session, arguments: dict[str, Any], text: str, place: Place) -> Flow:
    """The flow of a ``%%floe flow`` cell. Raises NotationError with line, column and caret."""
    from floe_jupyter.core.notation import parse

    check_name("flow", arguments["name"])
    if arguments.get("runner") and arguments["runner"] not in RUNNERS:
        raise unknown("runner", arguments["runner"], RUNNERS)
    flow = parse(text, arguments["name"], modules=session.modules(), place=place)
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
    """Define it; the instances that were updated."""
    answer = session.call("define_flow", flow=flow)
    return session.keep_flow(flow, answer["version"]), list(answer.get("updated") or ())
