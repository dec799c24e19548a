"""Parsing the text of a flow into a `Flow`, or into a `NotationError` with the position of the mistake and a correction.

::

    read -> parse -> clean -> mean             # a module's name is a node
    parse.bad -> rejects                       # node.port; the default ports are `out` and `in`
    clean, extra -> report                     # fan-in; `a -> b, c` is fan-out
    clean = clean_v2(workers=2, on_error=retry(3, backoff=1s))
    every = timer(10s)

`grammar` has the syntax, `floe_jupyter.core.flow.options` the names and types, `floe_jupyter.core.flow.check` all checks which
need no position; this module puts the three together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

from floe_jupyter.core.flow.check import Known, Modules, Problem, check, known_modules
from floe_jupyter.core.flow.model import Flow, Node, Place, Wire
from floe_jupyter.core.flow.options import BUILT_INS, MERGES, OPTIONS, kind_of
from floe_jupyter.core.notation.grammar import GRAMMAR
from floe_jupyter.core.notation.mistakes import mistake, place_of
from floe_jupyter.core.notation.values import arguments_of, options_of, shown
from floe_jupyter.core.notation.writer import to_text
from floe_jupyter.errors import NotationError, nearest

LONGEST = 1_000_000
"""Maximum characters of a text."""
MOST_WIRES = 100_000
_NOWHERE = Place()
Spot = tuple[int, int]


def parse(text: str, name: str, *, modules: Modules = None, place: Place = _NOWHERE) -> Flow:
    """Return the flow of *text*. Raises NotationError with line, column and a caret.

    *modules* are the modules which the nodes may use; where only names are given, ports are not checked, and where *modules* is
    None, any name may be a module's.
    """
    source = _readable(text)
    builder = _Builder(source, known_modules(modules))
    for statement in _statements(source):
        builder.take(statement)
    flow = Flow(name, builder.nodes(), tuple(builder.wires), source=text, place=place)
    for problem in check(flow, builder.known):
        raise builder.placed(problem)
    return flow


def _readable(text: str) -> str:
    """Return the text with one kind of line end only, so lines are counted as editors count lines."""
    if len(text) > LONGEST:
        raise NotationError(f"the text of a flow has at most {LONGEST} characters, not {len(text)}; make several flows of it")
    lines = text.removeprefix("\ufeff").splitlines()
    source = "\n".join(lines)
    if not source.isascii():
        _refuse_halves(lines)
    return source


def _refuse_halves(lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        try:
            line.encode()
        except UnicodeEncodeError as error:
            raise NotationError(
                "half of a character (a surrogate) stands here; remove it",
                line=number,
                column=error.start + 1,
                source="\n".join(x.encode(errors="replace").decode() for x in lines),
            ) from None


@cache
def _parser() -> Any:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", lexer="contextual", maybe_placeholders=False)


def _statements(source: str) -> list[Any]:
    parser = _parser()
    from lark.exceptions import UnexpectedInput

    try:
        return list(parser.parse(source).children)
    except UnexpectedInput as error:
        raise mistake(error, source) from None


@dataclass
class _Definition:
    """A definition ``name = module(options)``."""

    name: Any
    module: Any
    arguments: list[Any]


@dataclass
class _Builder:
    """Builder of a flow from statements taken in order; remembers the positions of all parts."""

    source: str
    known: Known
    mentioned: dict[str, Spot] = field(default_factory=dict)
    definitions: dict[str, _Definition] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    places: dict[tuple[str | int, ...], Spot] = field(default_factory=dict)

    def take(self, statement: Any) -> None:
        """Take a wiring or a definition."""
        if statement.data == "wiring":
            self._wiring([[endpoint.children for endpoint in group.children] for group in statement.children])
        else:
            self._define(*statement.children)

    def _wiring(self, groups: list[list[list[Any]]]) -> None:
        for index, group in enumerate(groups):
            for name, *port in group:
                self.mentioned.setdefault(str(name), place_of(name))
                if port and (len(groups) == 1 or 0 < index < len(groups) - 1):
                    raise self._stray_port(name, port[0], alone=len(groups) == 1)
        for sources, targets in pairwise(groups):
            if len(self.wires) + len(sources) * len(targets) > MOST_WIRES:
                raise self.error(f"a flow has at most {MOST_WIRES} wires; make several flows of it", sources[0][0])
            for source in sources:
                for target in targets:
                    self._wire(source, target)

    def _stray_port(self, name: Any, port: Any, *, alone: bool) -> NotationError:
        if alone:
            return self.error(f"the port {port} leads nowhere; write `{name}.{port} -> ...`", port)
        return self.error(
            f"{name}.{port} between two arrows may be an input or an output; write two lines: "
            f"`... -> {name}.{port}` and `{name} -> ...` (or the other way round)",
            port,
        )

    def _wire(self, source: list[Any], target: list[Any]) -> None:
        index = len(self.wires)
        self.places["wire", index, "source"] = place_of(source[-1])
        self.places["wire", index, "target"] = place_of(target[-1])
        self.wires.append(
            Wire(
                str(source[0]),
                str(target[0]),
                *(str(source[1]) if len(source) > 1 else "out", str(target[1]) if len(target) > 1 else "in"),
            )
        )

    def _define(self, name: Any, module: Any, *arguments: Any) -> None:
        if str(name) in self.definitions:
            first = self.definitions[str(name)].name.line
            raise self.error(f"{name!s} is defined twice, first in line {first}; remove one or rename it", name)
        self.mentioned.setdefault(str(name), place_of(name))
        self.definitions[str(name)] = _Definition(name, module, list(arguments))

    def nodes(self) -> tuple[Node, ...]:
        """Return the nodes in the order of their first mention."""
        wired = {wire.target for wire in self.wires}
        return tuple(self._node(name, spot, wired=name in wired) for name, spot in self.mentioned.items())

    def _node(self, name: str, spot: Spot, *, wired: bool) -> Node:
        definition = self.definitions.get(name)
        module = str(definition.module) if definition else name
        self.places["node", name] = place_of(definition.module) if definition and module != name else spot
        if module not in BUILT_INS or (self.known and module in self.known):
            return Node(name, module, **self._options(name, module, definition.arguments if definition else []))
        kind = kind_of(module, wired=wired)
        join = {"join": module} if module in MERGES else {}
        return Node(name, module, kind, **{**join, **self._built_in(name, module, kind, definition)})

    def _options(self, node: str, module: str, arguments: list[Any]) -> dict[str, Any]:
        for argument in arguments:
            name, value = argument.children[0], argument.children[-1]
            if argument.data == "positional":
                raise self.error(f"{shown(value)} needs a name: write `option={shown(value)}`; {nearest('', OPTIONS)}", value)
            if str(name) not in OPTIONS:
                hides = f" ({module} is your module here and hides the built-in)" if module in BUILT_INS else ""
                raise self.error(f"no option {str(name)[:100]!r}; {nearest(str(name)[:100], OPTIONS)}{hides}", name)
            self._note(node, name, value)
        return options_of([argument.children for argument in arguments], self)

    def _built_in(self, node: str, module: str, kind: Any, definition: _Definition | None) -> dict[str, Any]:
        named = arguments_of(module, kind, definition.arguments if definition else [], self)
        for name, value in named:
            self._note(node, name, value)
        return options_of(named, self, module, kind)

    def _note(self, node: str, name: Any, value: Any) -> None:
        if ("option", node, str(name)) in self.places:
            raise self.error(f"{name!s} is given twice; remove one", name)
        self.places["option", node, str(name)] = place_of(value)

    def error(self, message: str, where: Any) -> NotationError:
        """Return the error for a mistake at a token (or the first token of a tree)."""
        line, column = place_of(where)
        return NotationError(message, line=line, column=column, source=self.source)

    def placed(self, problem: Problem) -> NotationError:
        """Return the error for a problem of the flow, at the position of the faulty part in the text."""
        about = problem.about
        line, column = self.places.get(about) or self.places.get(("node", *about[1:2])) or (0, 0)
        return NotationError(str(problem), line=line, column=column, source=self.source)


__all__ = ["parse", "to_text"]
