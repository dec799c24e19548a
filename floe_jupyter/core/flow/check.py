"""Checks of a flow from any source: typed as notation, built in Python or sent by another process.

`check` finds every problem which needs no position in a text; the notation adds the positions. `floe_jupyter.core.flow.graph`,
whose questions about the graph are answered through this module too, has the algorithms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from floe_jupyter.core.flow.graph import cycle_wires, downstream, sources, upstream
from floe_jupyter.core.flow.model import NODE_ID, Flow, Module, Node, Wire
from floe_jupyter.core.flow.options import (
    BUILT_INS,
    LONGEST_DURATION,
    MERGES,
    MOST_TRIES,
    MOST_WORKERS,
    OPTIONS,
    BuiltIn,
    NotationArgument,
    ValueKind,
    built_in,
)
from floe_jupyter.core.flow.placement import problem_of as problem_of_runner
from floe_jupyter.errors import DefinitionError, ExpressionError, UnknownName, nearest, unknown

Modules = Mapping[str, Module] | Iterable[str] | None
Known = dict[str, Module | None] | None
LONGEST_NAME = 100
"""Maximum characters of the name of a node, a port, a module or a flow."""
ERROR = "error"
"""Output of every node besides its own outputs; unconnected, the port gives no message."""


class Problem(DefinitionError):
    """One problem of a flow.

    `about` names the faulty part: ``("node", id)``, ``("option", id, name)``, ``("wire", index, "source" | "target")`` or
    ``("flow",)``.
    """

    def __init__(self, message: str, about: tuple[str | int, ...]) -> None:
        super().__init__(message)
        self.about = about


def known_modules(modules: Modules) -> Known:
    """Return name -> module, or name -> None where only names are known; None when no module is known."""
    if modules is None:
        return None
    return dict(modules) if isinstance(modules, Mapping) else dict.fromkeys(modules)


def check(flow: Flow, modules: Modules = None) -> list[Problem]:
    """Return all problems of a flow, in the order of its nodes and wires; empty when the flow can run.

    Without *modules* (None) their names and ports are not checked. Any of the problems may be raised.
    """
    known = known_modules(modules)
    wired = {wire.target for wire in flow.wires}
    problems = [*_name("a flow", flow.name, ("flow",))]
    nodes: dict[str, Node] = {}
    for node in flow.nodes:
        if node.id in nodes:
            problems.append(Problem(f"two nodes are called {node.id!r}; rename one", ("node", node.id)))
        nodes.setdefault(node.id, node)
        problems.extend(_node(node, known, wired=node.id in wired))
    return [*problems, *_wires(flow.wires, nodes, known)]


def _name(what: str, name: str, about: tuple[str | int, ...]) -> Iterator[Problem]:
    if len(name) > LONGEST_NAME:
        yield Problem(f"{what}'s name has at most {LONGEST_NAME} characters, not {len(name)}; shorten it", about)
    elif not NODE_ID.match(name):
        yield Problem(
            f"{what} cannot be called {name!r}: a name begins with a lower-case letter or _ and goes on with "
            f"lower-case letters, digits, _ and -; write {_spelled(name)!r}",
            about,
        )


def _spelled(name: str) -> str:
    kept = "".join(c if NODE_ID.match("a" + c) else "_" for c in name.lower())
    return kept if NODE_ID.match(kept) else f"_{kept}"


# --- nodes ---------------------------------------------------------------------------------------------------------------


def _node(node: Node, known: Known, *, wired: bool) -> Iterator[Problem]:
    about = ("node", node.id)
    yield from _name("a node", node.id, about)
    if node.kind == "module":
        yield from _module(node, known)
    else:
        yield from _built_in(node)
    yield from _options(node, wired=wired)


def _module(node: Node, known: Known) -> Iterator[Problem]:
    if known is not None and node.module not in known:
        hint = nearest(node.module[:LONGEST_NAME], [*known, *BUILT_INS])
        yield Problem(f"no module {node.module[:LONGEST_NAME]!r}; {hint}", ("node", node.id))
    for name in node.args:
        yield Problem(
            f"{node.module} is a module and takes options only, not {name!r}; {nearest(name, OPTIONS)}", ("option", node.id, name)
        )


def _built_in(node: Node) -> Iterator[Problem]:
    known = built_in(node.module, node.kind)
    if known is None:
        hint = nearest(node.module[:LONGEST_NAME], BUILT_INS)
        yield Problem(f"no {node.kind} {node.module[:LONGEST_NAME]!r}; {hint}", ("node", node.id))
        return
    for name, value in node.args.items():
        yield from _argument(node, known, name, value)
    for name, argument in known.arguments.items():
        if argument.required and name not in node.args:
            example = f"`{node.id} = {node.module}({name}={_EXAMPLES[argument.kind]})`"
            yield Problem(f"{node.module} needs {name}: write {example}", ("node", node.id))
    for name in _given(node):
        if name not in known.options and not (node.module in MERGES and name == "join"):
            hint = nearest(name, [*known.options, *known.arguments])
            yield Problem(f"{node.module} takes no {name}; {hint}", ("option", node.id, name))
    if node.module in MERGES and node.join != node.module:
        yield Problem(f"{node.module} joins by {node.module!r}, not {node.join!r}", ("option", node.id, "join"))


_EXAMPLES: dict[ValueKind, str] = {"text": "'...'", "duration": "10s", "count": "1", "switch": "true", "number": "0.5"}


def _argument(node: Node, known: BuiltIn, name: str, value: object) -> Iterator[Problem]:
    about = ("option", node.id, name)
    argument = known.arguments.get(name)
    if argument is None:
        yield Problem(f"{node.module} has no argument {name!r}; {nearest(name, [*known.arguments, *known.options])}", about)
    elif not _fits(argument, value):
        yield Problem(f"{name} of {node.module} is a {argument.kind} like {_EXAMPLES[argument.kind]}, not {value!r}", about)


def _fits(argument: NotationArgument, value: object) -> bool:
    match argument.kind:
        case "text":
            return isinstance(value, str)
        case "switch":
            return isinstance(value, bool)
        case "count":
            return isinstance(value, int) and not isinstance(value, bool) and value >= 1
        case _:
            return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= LONGEST_DURATION


_PLAIN = Node("_", "_")


def _given(node: Node) -> tuple[str, ...]:
    """Return the options which differ from their defaults."""
    return tuple(name for name in OPTIONS if getattr(node, name) != getattr(_PLAIN, name))


def _options(node: Node, *, wired: bool) -> Iterator[Problem]:
    for name, wrong in _RULES.items():
        message = wrong(node, wired)
        if message:
            yield Problem(message, ("option", node.id, name))
    for name in ("key", "by"):
        text = getattr(node, name)
        if text:
            yield from _expression(node, name, text)


def _workers(node: Node, _wired: bool) -> str:
    fine = 1 <= node.workers <= MOST_WORKERS
    return "" if fine else f"workers={node.workers}: a node has 1 to {MOST_WORKERS} workers"


def _timeout(node: Node, _wired: bool) -> str:
    fine = 0 <= node.timeout <= LONGEST_DURATION
    return "" if fine else f"timeout={node.timeout}: write a duration like 30s, at most 10,000 days"


def _join(node: Node, wired: bool) -> str:
    fine = node.join == "each" or wired
    return "" if fine else f"join={node.join} waits for other nodes, but no wire leads to {node.id!r}; connect it or leave it out"


def _key(node: Node, _wired: bool) -> str:
    fine = not node.key or node.join != "each"
    return "" if fine else "key= says what belongs together for a join; add join=all or join=any"


def _tolerate(node: Node, _wired: bool) -> str:
    fine = not node.tolerate or node.join == "any"
    return "" if fine else "tolerate= lets an `any` join survive a failed predecessor; add join=any"


def _by(node: Node, _wired: bool) -> str:
    fine = not node.by or node.workers > 1
    return "" if fine else "by= shares messages out among workers; add workers=2 or more"


def _on_error(node: Node, _wired: bool) -> str:
    if (node.on_error == "retry") != (node.retry is not None):
        return "on_error=retry needs to know how often: write on_error=retry(3, backoff=1s)"
    retry = node.retry
    if retry is None or (1 <= retry.times <= MOST_TRIES and 0 <= retry.backoff <= LONGEST_DURATION and 0 <= retry.jitter <= 1):
        return ""
    return f"retry({retry.times}, backoff={retry.backoff}s, jitter={retry.jitter}): at least 1 time, jitter from 0 to 1"


def _runner(node: Node, _wired: bool) -> str:
    return problem_of_runner(node.runner, node.workers)


_RULES = {
    "runner": _runner,
    "workers": _workers,
    "timeout": _timeout,
    "join": _join,
    "key": _key,
    "tolerate": _tolerate,
    "by": _by,
    "on_error": _on_error,
}


def _expression(node: Node, name: str, text: str) -> Iterator[Problem]:
    from floe_jupyter.core.expressions.language import (
        compile_expression,  # 8 to 11 ms of a dispatcher's start; most flows have none
    )

    try:
        compile_expression(text)
    except ExpressionError as error:
        yield Problem(f"the expression of {name}= is wrong: {str(error).splitlines()[0]}", ("option", node.id, name))


# --- wires ---------------------------------------------------------------------------------------------------------------


def _wires(wires: tuple[Wire, ...], nodes: dict[str, Node], known: Known) -> Iterator[Problem]:
    seen = set()
    for index, wire in enumerate(wires):
        if wire.name in seen:
            yield Problem(f"the wire {_shown(wire)} is there twice; remove one", ("wire", index, "target"))
        seen.add(wire.name)
        yield from _end(index, wire, "source", nodes, known)
        yield from _end(index, wire, "target", nodes, known)


def _shown(wire: Wire) -> str:
    return f"{wire.source}.{wire.source_port} -> {wire.target}.{wire.target_port}"


def _end(index: int, wire: Wire, side: str, nodes: dict[str, Node], known: Known) -> Iterator[Problem]:
    about = ("wire", index, side)
    name, port = (wire.source, wire.source_port) if side == "source" else (wire.target, wire.target_port)
    if name not in nodes:
        yield Problem(f"no node {name[:LONGEST_NAME]!r} in this flow; {nearest(name[:LONGEST_NAME], nodes)}", about)
        return
    yield from _name("a port", port, about)
    ports = ports_of(nodes[name], known, side)
    if ports is not None and port not in ports:
        yield Problem(_no_port(nodes[name], port, ports, side), about)


def entries(flow: Flow, modules: Modules, node: str = "", port: str = "in") -> tuple[str, ...]:
    """Return the nodes which take input: *node*, or the sources.

    Raises `UnknownName` and `DefinitionError`, since input for another node or port would be lost.
    """
    nodes = {each.id: each for each in flow.nodes}
    if node and node not in nodes:
        raise unknown(f"node in flow {flow.name!r}", node, nodes)
    found = (node,) if node else sources(flow)
    if not found:
        raise no_sources(flow)
    for name in found:
        ports = ports_of(nodes[name], known_modules(modules), "target")
        if ports is not None and port not in ports:
            error = unknown(f"input port of node {name!r}", port, ports)
            raise UnknownName(f"{error}; write NODE.port, such as {name}.{ports[0]}" if ports else str(error))
    return found


def no_sources(flow: Flow) -> DefinitionError:
    """Return the error for input without an address where every node has incoming wires."""
    return DefinitionError(
        f"every node of flow {flow.name!r} has incoming wires; say into which one the messages go: --to NODE "
        f"(to= in Python, {flow.name}.NODE with send), such as {flow.nodes[0].id}"
    )


def ports_of(node: Node, known: Known, side: str) -> tuple[str, ...] | None:
    """Return the ports of one side (``source``: the outputs, else the inputs); None where the ports are not known."""
    module: Module | BuiltIn | None = built_in(node.module, node.kind)
    if node.kind == "module":
        module = known.get(node.module) if known else None
    if module is None:
        return None
    return (*module.outputs, ERROR) if side == "source" else module.inputs


def _no_port(node: Node, port: str, ports: tuple[str, ...], side: str) -> str:
    what = "output" if side == "source" else "input"
    if not ports:
        return f"{node.id} is a {node.kind} ({node.module}) and has no input; remove the wire"
    if ports == (ERROR,):
        return f"{node.id} ({node.module}) passes nothing on: its only output is 'error'; remove the wire"
    return f"{node.id} has no {what} {port!r}; {nearest(port, ports)}"


__all__ = [
    "Modules",
    "Problem",
    "check",
    "cycle_wires",
    "downstream",
    "entries",
    "known_modules",
    "no_sources",
    "ports_of",
    "sources",
    "upstream",
]
