"""Flows as notation, as a person would type the flow. `parse` makes the same nodes and wires of the text again."""

from __future__ import annotations

from typing import Any

from floe_jupyter.core.flow.model import Flow, Node, RetryPolicy, Wire
from floe_jupyter.core.flow.options import MERGES, OPTIONS, NotationArgument, ValueKind, built_in
from floe_jupyter.core.notation.values import duration_text, quoted

_PLAIN = Node("_", "_")


def to_text(flow: Flow) -> str:
    """Return the text of a flow without problems. Wires come first where the order of the nodes stays the same."""
    definitions = [_definition(node) for node in flow.nodes if not _bare(node)]
    wires = [_wire(wire) for wire in flow.wires]
    if _order(flow) == [node.id for node in flow.nodes]:
        return _lines([*wires, *definitions])
    return _lines([*(node.id if _bare(node) else _definition(node) for node in flow.nodes), *wires])


def _lines(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _bare(node: Node) -> bool:
    """Return True if the text of the node is only its name."""
    return node.module == node.id and not node.args and not _given(node)


def _order(flow: Flow) -> list[str]:
    """Return the order in which a text with the wires first mentions the nodes."""
    mentioned = dict.fromkeys(id for wire in flow.wires for id in (wire.source, wire.target))  # noqa: A001 - the field's name
    return list(mentioned | dict.fromkeys(node.id for node in flow.nodes if not _bare(node)))


def _wire(wire: Wire) -> str:
    source = wire.source if wire.source_port == "out" else f"{wire.source}.{wire.source_port}"
    target = wire.target if wire.target_port == "in" else f"{wire.target}.{wire.target_port}"
    return f"{source} -> {target}"


def _definition(node: Node) -> str:
    known = built_in(node.module, node.kind)
    arguments = known.arguments if known else {}
    parts = [f"{name}={_value(arguments.get(name, NotationArgument('text')).kind, value)}" for name, value in node.args.items()]
    parts += [f"{name}={_value(OPTIONS[name], _option(node, name))}" for name in _given(node)]
    return f"{node.id} = {node.module}({', '.join(parts)})"


def _given(node: Node) -> list[str]:
    merge = node.kind == "task" and node.module in MERGES
    return [name for name in OPTIONS if getattr(node, name) != getattr(_PLAIN, name) and not (merge and name == "join")]


def _option(node: Node, name: str) -> Any:
    return node.retry if name == "on_error" and node.retry else getattr(node, name)


def _value(kind: ValueKind, value: Any) -> str:
    if isinstance(value, RetryPolicy):
        return _retry(value)
    if kind == "duration":
        return duration_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if kind in {"text", "expression"} else str(value)


def _retry(retry: RetryPolicy) -> str:
    parts = [str(retry.times)]
    if retry.backoff:
        parts.append(f"backoff={duration_text(retry.backoff)}")
    if retry.jitter:
        parts.append(f"jitter={retry.jitter!r}")
    return f"retry({', '.join(parts)})"
