"""Completions in the text of a flow: nodes, modules, built-ins, ports, options and their values.

Completions are guessed from the words around the cursor, because a text that is being written rarely parses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.flow.options import BUILT_INS, JOINS, OPTIONS, POLICIES, RETRY

VALUES: dict[str, tuple[str, ...]] = {"join": JOINS, "policy": POLICIES, "switch": ("true", "false")}
"""Values of each kind of option, where the values can be listed."""
_LAST = re.compile(r"[\w.-]*\Z")
_ASSIGNED = re.compile(r"^\s*([a-z_][\w-]*)\s*=\s*([a-z_][\w-]*)")
_WORD = re.compile(r"[a-z_][a-z0-9_-]*")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def complete(lines: list[str], line: int, column: int, modules: Mapping[str, Module]) -> tuple[str, list[str]]:
    """Return the fragment before the cursor, and all names allowed at the cursor (also without that beginning)."""
    before = _QUOTED.sub("", lines[line][:column])
    if "#" in before or before.count('"') % 2 or before.count("'") % 2:
        return "", []
    last = _last(before)
    head = before[: len(before) - len(last)]
    nodes = _nodes([text for number, text in enumerate(lines) if number != line], modules)
    call = _open_call(head)
    if call is not None:
        return last, _in_call(*call)
    if "." in last:
        return last, _ports(last.partition(".")[0], "->" in head, nodes | _assigned([lines[line]]), modules)
    if re.search(r"^\s*[\w-]+\s*=\s*\Z", head):
        return last, [*modules, *BUILT_INS]
    return last, list(dict.fromkeys([*nodes, *modules]))


def _last(before: str) -> str:
    """Return the word before the cursor; the arrow of ``a->`` is no part of the word."""
    match = _LAST.search(before)
    last = match[0] if match else ""
    return last.lstrip("-")


def _assigned(lines: Iterable[str]) -> dict[str, str]:
    return {match[1]: match[2] for text in lines if (match := _ASSIGNED.match(text))}


def _nodes(lines: list[str], modules: Mapping[str, Module]) -> dict[str, str]:
    """Return the nodes named in other lines, each with its module or built-in."""
    found = _assigned(lines)
    for text in lines:
        if not _ASSIGNED.match(text):
            for word in re.split(r"->|,", text.partition("#")[0]):
                match = _WORD.match(word.strip())
                if match:
                    found.setdefault(match[0], match[0])
    return {node: module for node, module in found.items() if module in modules or module in BUILT_INS}


def _open_call(head: str) -> tuple[str, str] | None:
    """Return (name, text behind the parenthesis) of the innermost call that is still open."""
    open_at: list[int] = []
    for at, character in enumerate(head):
        if character == "(":
            open_at.append(at)
        elif character == ")" and open_at:
            open_at.pop()
    if not open_at:
        return None
    name = re.search(r"([\w-]*)\s*\Z", head[: open_at[-1]])
    return (name[1] if name else ""), head[open_at[-1] + 1 :]


def _in_call(name: str, given: str) -> list[str]:
    """Return options, or the values of the option that is being written."""
    kinds = _options(name)
    value = re.search(r"(\w+)\s*=\s*\Z", given)
    if value:
        return list(VALUES.get(kinds.get(value[1], ""), ()))
    if not re.search(r"(^|,)\s*\Z", given):
        return []
    used = set(re.findall(r"(\w+)\s*=", given))
    return [f"{option}=" for option in kinds if option not in used]


def _options(name: str) -> dict[str, str]:
    """Return option -> kind of its value, for the module or built-in *name*."""
    if name == "retry":
        return dict(RETRY)
    if name not in BUILT_INS:
        return dict(OPTIONS)
    found: dict[str, str] = {}
    for item in BUILT_INS[name]:
        found |= {argument: spec.kind for argument, spec in item.arguments.items()}
        found |= {option: OPTIONS[option] for option in item.options}
    return found


def _ports(node: str, behind_arrow: bool, nodes: Mapping[str, str], modules: Mapping[str, Module]) -> list[str]:
    """Return the ports of a node: behind an arrow inputs first, then the outputs, because a message can go on from the node."""
    module = nodes.get(node, node)
    sides: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    if module in modules:
        sides = [(modules[module].inputs, (*modules[module].outputs, "error"))]
    elif module in BUILT_INS:
        sides = [(item.inputs, item.outputs) for item in BUILT_INS[module]]
    ports = [port for inputs, outputs in sides for port in ((*inputs, *outputs) if behind_arrow else outputs)]
    return [f"{node}.{port}" for port in dict.fromkeys(ports)]
