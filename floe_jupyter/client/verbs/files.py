"""Flows in files: a ``.floe`` file, or a notebook whose other cells are left alone.

A ``.floe`` file is the text of cells, as in a notebook, one after the other. Each begins with a line ``%%floe module ...`` or
``%%floe flow ...``; lines before the first cell are for people and begin with ``#``. Blank lines that end a
cell do not count.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from floe_jupyter.client.define import define_flow, define_module, flow_of, module_of
from floe_jupyter.client.session import Session
from floe_jupyter.client.sources.unseen import assigned, unseen
from floe_jupyter.client.verbs.arguments import parse
from floe_jupyter.core.flow.model import Flow, Module, Place
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.errors import DefinitionError, EnvironmentFailed

MARK = "%%floe"
SUFFIX = ".floe"
BOM = "\ufeff"


class Cell(NamedTuple):
    """A defining cell: its verb, the rest of its first line, the text below, and the place of that text."""

    verb: str
    line: str
    body: str
    place: Place


def cells(path: Path) -> list[Cell]:
    """Return the ``%%floe module`` and ``%%floe flow`` cells of a file. Raises DefinitionError, EnvironmentFailed."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise EnvironmentFailed(f"{path} cannot be read: line {line} is no UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise EnvironmentFailed(f"{path} cannot be read: {error.strerror}; give a notebook (.ipynb) or a .floe file") from None
    found = _notebook(path, text) if path.suffix == ".ipynb" else _plain(path, text)
    if not found:
        raise DefinitionError(f"{path} has no %%floe cells; write `%%floe module NAME` and `%%floe flow NAME` cells")
    return found


def _notebook(path: Path, text: str) -> list[Cell]:
    try:
        sources = [
            (index, "".join(cell["source"]).removeprefix(BOM))
            for index, cell in enumerate(json.loads(text)["cells"], 1)
            if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DefinitionError(f"{path} is no notebook: it is not the JSON that Jupyter writes") from None
    names = assigned(source for _, source in sources if not source.startswith(MARK))
    found = [cell for index, source in sources for cell in _cell(source, Place(0, 1, f"{path.name}, cell {index}"))]
    return [_seeing(cell, names) for cell in found]


def _seeing(cell: Cell, names: set[str]) -> Cell:
    """Return the cell with the notebook's names that its text mentions."""
    return cell._replace(place=msgspec.structs.replace(cell.place, unseen=unseen(cell.body, names)))


def _plain(path: Path, text: str) -> list[Cell]:
    lines = text.split("\n")
    starts = [at for at, line in enumerate(lines) if line.startswith(MARK)]
    stray = [at for at, line in enumerate(lines[: starts[0] if starts else None]) if line.strip() and not line.startswith("#")]
    if stray:
        raise DefinitionError(
            f"{path}, line {stray[0] + 1}: expected a line that begins with {MARK} or #, got {lines[stray[0]][:40]!r}"
        )
    return [
        cell
        for start, end in pairwise([*starts, len(lines)])
        for cell in _cell("\n".join(lines[start:end]), Place(0, start + 1, f"{path.name}"))
    ]


def _cell(source: str, place: Place) -> list[Cell]:
    first, _, body = source.partition("\n")
    words = first.split(None, 2)
    if len(words) < 2 or words[0] != MARK or words[1] not in ("module", "flow"):
        return []
    return [Cell(words[1], words[2] if len(words) > 2 else "", body.rstrip("\n") + "\n", place)]


def load(session: Session, path: Path) -> list[Flow]:
    """Define the modules of a file, then its flows. Returns the flows, in order."""
    from floe_jupyter.client.verbs.running import VERBS

    arguments = {verb.name: verb.arguments for verb in VERBS}
    parsed = [(cell, parse(cell.verb, arguments[cell.verb], cell.line, "%%floe ")) for cell in cells(path)]
    for cell, given in parsed:
        if cell.verb == "module":
            define_module(session, module_of(given, cell.body, cell.place))
    return [
        define_flow(session, flow_of(session, given, cell.body, cell.place))[0] for cell, given in parsed if cell.verb == "flow"
    ]


def export_text(session: Session, flow: Flow) -> str:
    """Return a flow and its modules as the text of a ``.floe`` file."""
    modules = session.modules()
    names = dict.fromkeys(node.module for node in flow.nodes if node.kind == "module")
    parts = [_module_text(modules[name]) for name in names]
    return "\n".join([f"# The flow {flow.name} and its modules: floe run FILE\n", *parts, _flow_text(flow)])


def _module_text(module: Module) -> str:
    options = _options(
        [
            ("--lang", module.lang if module.lang != DEFAULT_LANGUAGE else ""),
            ("--deps", module.deps),
            ("--build-deps", module.build_deps),
            ("--in", module.inputs if module.inputs != ("in",) else ()),
            ("--out", module.outputs if module.outputs != ("out",) else ()),
            ("--state", module.state if module.state != "{}" else ""),
            ("--runner", module.runner),
        ]
    )
    return _text("module", module.name, options, module.source)


def _flow_text(flow: Flow) -> str:
    from floe_jupyter.core.notation.values import duration_text

    options = _options(
        [
            ("--runner", flow.runner if flow.runner != "local:" else ""),
            ("--durable", flow.durable),
            ("--host-tags", ",".join(flow.host_tags)),
            ("--resource-tags", ",".join(flow.resource_tags)),
            ("--timeout", duration_text(flow.timeout) if flow.timeout else ""),
        ]
    )
    return _text("flow", flow.name, options, flow.source)


def _options(given: list[tuple[str, Any]]) -> str:
    words: list[str] = []
    for name, value in given:
        if value is True:
            words.append(name)
        elif isinstance(value, tuple) and value:
            words += [name, *(json.dumps(part) for part in value)]
        elif value:
            words += [name, str(value)]
    return "".join(f" {word}" for word in words)


def _text(verb: str, name: str, options: str, source: str) -> str:
    if any(line.startswith(MARK) for line in source.split("\n")):
        raise DefinitionError(
            f"{verb} {name!r} has a line that begins with {MARK}; indent it, or it would begin a new cell in the file"
        )
    return f"{MARK} {verb} {name}{options}\n{source.rstrip()}\n"
