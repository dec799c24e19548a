"""The options of nodes and the built-ins of the notation, each in one table: their names, types and ports."""

from __future__ import annotations

from typing import Literal

import msgspec

from floe_jupyter.core.flow.model import NodeKind

ValueKind = Literal["text", "duration", "number", "count", "switch", "join", "policy", "expression"]

LONGEST_DURATION = 10_000 * 86_400.0
"""Seconds of the longest duration (10,000 days)."""
MOST_WORKERS = 1_000
MOST_TRIES = 1_000_000

OPTIONS: dict[str, ValueKind] = {
    "by": "expression",
    "join": "join",
    "key": "expression",
    "on_error": "policy",
    "runner": "text",
    "timeout": "duration",
    "tolerate": "switch",
    "workers": "count",
}
"""Options of any node: ``clean = clean_v2(workers=2)``."""

RUNNER_FORMS = {
    "local": "local:[NAME]",
    "ssh": "ssh:[USER@]HOST[:FOLDER]",
    "docker": "docker:IMAGE[@ENGINE]",
    "join": "join:NAME",
}
"""Forms of the URLs of runners, by what stands before the colon."""
JOINS = ("all", "any", "each")
POLICIES = ("fail", "hold", "retry", "skip")
RETRY: dict[str, ValueKind] = {"times": "count", "backoff": "duration", "jitter": "number"}
"""Arguments of ``retry(3, backoff=1s, jitter=0.1)``; the first needs no name."""


class NotationArgument(msgspec.Struct, frozen=True):
    """An argument of a built-in: its kind of value, and True for `required` if the notation must give the argument."""

    kind: ValueKind
    required: bool = False


class BuiltIn(msgspec.Struct, frozen=True):
    """A node without a module. Its first argument needs no name."""

    kind: NodeKind
    arguments: dict[str, NotationArgument] = {}
    inputs: tuple[str, ...] = ("in",)
    outputs: tuple[str, ...] = ("out",)
    options: tuple[str, ...] = tuple(OPTIONS)


def _trigger(**arguments: NotationArgument) -> BuiltIn:
    return BuiltIn("trigger", arguments, inputs=(), options=("runner",))


def _task(**arguments: NotationArgument) -> BuiltIn:
    return BuiltIn("task", arguments)


def _pub(**arguments: NotationArgument) -> BuiltIn:
    return BuiltIn("pub", arguments, outputs=())


_TEXT, _NEEDED, _EVERY = NotationArgument("text"), NotationArgument("text", required=True), NotationArgument("duration")

BUILT_INS: dict[str, tuple[BuiltIn, ...]] = {
    "all": (BuiltIn("task", options=("key", "runner", "timeout")),),
    "any": (BuiltIn("task", options=("key", "runner", "timeout", "tolerate")),),
    "end": (BuiltIn("task", outputs=()),),
    "exec": (_task(command=_NEEDED, directory=_TEXT),),
    "fetch": (_task(url=_TEXT, method=_TEXT),),
    "file": (_pub(path=_NEEDED, append=NotationArgument("switch")),),
    "form": (_task(title=_TEXT, fields=_TEXT), _trigger(title=_TEXT, fields=_TEXT)),
    "git": (_task(url=_NEEDED, ref=_TEXT, directory=_TEXT), _trigger(url=_NEEDED, branch=_TEXT, every=_EVERY)),
    "http": (_trigger(path=_NEEDED, method=_TEXT),),
    "poll": (_trigger(url=_NEEDED, every=_EVERY),),
    "redis": (_pub(url=_NEEDED, stream=_TEXT),),
    "sleep": (_task(duration=NotationArgument("duration", required=True)),),
    "timer": (_trigger(every=NotationArgument("duration", required=True), count=NotationArgument("count")),),
    "webhook": (_pub(url=_NEEDED, method=_TEXT),),
    "zmq": (_pub(address=_NEEDED, topic=_TEXT),),
}
"""Built-ins by name. A name both of a task and of a trigger is a trigger when no wire leads to the node."""
MERGES = ("all", "any")


def built_in(name: str, kind: NodeKind) -> BuiltIn | None:
    """Return the built-in of the given name and kind."""
    return next((b for b in BUILT_INS.get(name, ()) if b.kind == kind), None)


def kind_of(name: str, *, wired: bool) -> NodeKind:
    """Return the kind of a built-in in a flow where the built-in has (or has not) incoming wires."""
    kinds = [b.kind for b in BUILT_INS[name]]
    return "trigger" if "trigger" in kinds and not (wired and "task" in kinds) else kinds[0]
