"""Completion with Tab: verbs, options, languages and names, from the session's cache. Only ids of held messages and titles of
workspaces are fetched, in at most `WITHIN` seconds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from floe_jupyter.client.session import Session
from floe_jupyter.client.verbs import VERBS
from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.verbs.help import TOPICS
from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.flow.options import BUILT_INS
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.core.machine.events import HeldMessage
from floe_jupyter.errors import FloeError
from floe_jupyter.kernel.magic import flow_completion
from floe_jupyter.wire.control.workspaces import WorkspaceInfo
from floe_jupyter.wire.languages import named, with_runtime

T = TypeVar("T")

LINE = re.compile(r"^(%%?)floe\s+(.*)$|^\s*(?:\w+\s*=\s*)?(%)floe\s+(.*)$", re.DOTALL)
REF_DOTS = 3
"""Number of dots in ``flow.version.host.counter``."""
EXPRESSION = ("expression", "json", "condition")
WITHIN = 0.5
"""Maximum seconds to wait for facts that only the dispatcher knows."""
KEYWORDS = {value for values in flow_completion.VALUES.values() for value in values}
TYPES = {"language": "keyword", "topic": "keyword", "module": "module", "workspace": "path"}
"""Types that front ends show beside a name, by kind of name; other names are an ``instance``."""


class Option(str):
    """Text of a completion, and its type as front ends name types."""

    __slots__ = ("type",)
    type: str

    @classmethod
    def of(cls, texts: Iterable[str], kind: str) -> list[Option]:
        """Return *texts* as options of the same kind."""
        made = [cls(text) for text in texts]
        for option in made:
            option.type = kind
        return made


class Nothing(list[Any]):
    """Empty completions with a length of 1 for IPython, which would otherwise not suppress Python's names."""

    def __len__(self) -> int:
        return 1


class Completer:
    """Matcher of IPython's completer."""

    def __init__(self, current: Callable[[], Session]) -> None:
        self._current = current
        self._matcher: Any = None

    def put_in(self, ip: Any) -> None:
        """Add the matcher to a shell."""
        from IPython.core.completer import SimpleCompletion, context_matcher

        @context_matcher(identifier="floe", priority=100)  # type: ignore[untyped-decorator]
        def floe(context: Any) -> dict[str, Any]:
            last, options = self.complete(context.full_text, context.cursor_line, context.cursor_position)
            if last is None:
                return {"completions": []}
            offered = options or Option.of([last] if last else [], "instance")
            found = [SimpleCompletion(text=str(option), type=getattr(option, "type", "param")) for option in offered]
            return {
                "completions": found or Nothing(),  # suppresses Python's names
                "suppress": True,
                "matched_fragment": last,
            }

        self._matcher = floe
        ip.Completer.custom_matchers.append(floe)

    def take_out(self, ip: Any) -> None:
        """Remove the matcher from a shell."""
        ip.Completer.custom_matchers.remove(self._matcher)

    def complete(self, text: str, line: int, column: int) -> tuple[str | None, Sequence[str]]:
        """Return the fragment before the cursor and its completions; None for the fragment outside of the magic."""
        lines = text.split("\n")
        first = lines[0]
        if line > 0 and first.startswith("%%floe "):
            return self._body(lines, line, column)
        found = LINE.match(lines[line][:column] if line < len(lines) else "")
        if not found:
            return None, []
        rest = found[2] if found[1] else found[4]
        return self._line(rest or "")

    def _body(self, lines: list[str], line: int, column: int) -> tuple[str | None, Sequence[str]]:
        """Return completions inside a cell: those of `flow_completion` in a flow's text; none in a module of another language,
        where Python's names are suppressed.
        """
        if lines[0].split()[1:2] == ["flow"]:
            modules = self._current().cached()[0]
            last, options = flow_completion.complete(lines[1:], line - 1, column, modules)
            return last, [Option.of([text], _type(text, modules))[0] for text in _starting(last, options)]
        lang = re.search(r"--lang[ =](\S+)", lines[0])
        word = re.search(r"\w*\Z", lines[line][:column])
        return (word[0], []) if word and lang and named(lang[1]) != DEFAULT_LANGUAGE else (None, [])

    def _line(self, rest: str) -> tuple[str | None, Sequence[str]]:
        # One branch a place of the cursor, from the verb to the last argument.
        words = rest.split(" ")
        last, before = words[-1], [word for word in words[:-1] if word]
        if not before:
            return last, Option.of(_starting(last, VERBS), "keyword")
        verb = VERBS.get(before[0])
        if verb is None:
            return last, []
        if last.startswith("-"):
            return last, Option.of(_starting(last, (a.name for a in verb.arguments if a.option)), "param")
        wanted = self._wanted(verb.arguments, before[1:])
        if wanted is None or wanted.kind in EXPRESSION:
            return None, []
        flow = next((word for word in before[1:] if word in self._current().cached()[1]), "")
        if wanted.names in ("workspace", "message"):
            names = self._workspaces() if wanted.names == "workspace" else self._held(flow)
            return last, Option.of((name for name in names if name.startswith(last)), TYPES.get(wanted.names, "instance"))
        names = _starting(last, self._names(wanted, flow))
        modules = self._current().cached()[0]
        return last, [Option.of([name], TYPES.get(wanted.names) or _type(name, modules, "instance"))[0] for name in names]

    def _wanted(self, arguments: tuple[VerbArgument, ...], words: list[str]) -> VerbArgument | None:
        """Return the argument that the next word belongs to."""
        options = {argument.name: argument for argument in arguments if argument.option}
        if words and words[-1] in options and options[words[-1]].kind != "flag":
            return options[words[-1]]
        free, skip = 0, False
        for word in words:
            if skip:
                skip = False
            elif word in options:
                skip = options[word].kind != "flag"
            else:
                free += 1
        places = [argument for argument in arguments if not argument.option]
        return places[free] if free < len(places) else None

    def _names(self, argument: VerbArgument, flow: str) -> Iterable[str]:
        modules, flows = self._current().cached()
        if argument.names == "language":
            return with_runtime()
        if argument.names == "topic":
            return [*VERBS, *TOPICS]
        if argument.names == "flow":
            return flows
        if argument.names == "module":
            return modules
        if argument.names == "definition":
            return [*flows, *modules]
        if argument.names == "run":
            return self._current().refs
        if argument.names == "node":
            return self._nodes(flow or self._current().last_flow)
        if argument.names == "target":
            return [*flows, *(f"{name}.{node}" for name in flows for node in self._nodes(name))]
        return ()

    def _held(self, flow: str) -> list[str]:
        """Return ids of the messages held in a flow, or in the flow run last."""
        session = self._current()
        found = self._asked(list[HeldMessage], "held", flow=flow or session.last_run or session.last_flow)
        return list(dict.fromkeys(message.id for message in found))

    def _workspaces(self) -> list[str]:
        """Return the titles of the other workspaces; paths where several share a title. Quoted if a blank is inside."""
        others = [info.workspace for info in self._asked(list[WorkspaceInfo], "workspaces") if not info.own]
        titles = Counter(space.title for space in others)
        names = [space.title if titles[space.title] == 1 else space.path or space.id for space in others]
        return [f'"{name}"' if re.search(r"\s", name) else name for name in names]

    def _asked(self, kind: type[list[T]], call: str, **args: Any) -> list[T]:
        """Return the dispatcher's answer; empty without a dispatcher, on refusal, or after `WITHIN` seconds."""
        session = self._current()
        if not session.connected:
            return []
        try:
            return msgspec.convert(session.submit(call, **args).result(WITHIN), kind)
        except (FloeError, TimeoutError, msgspec.ValidationError):
            return []

    def _nodes(self, flow: str) -> list[str]:
        """Return nodes of a flow (of all, if the flow is unknown), and their ports."""
        modules, flows = self._current().cached()
        found: dict[str, None] = {}
        for definition in [flows[flow]] if flow in flows else flows.values():
            for node in definition.nodes:
                found[node.id] = None
                module = modules.get(node.module)
                for port in (*module.inputs, *module.outputs) if module else ():
                    found[f"{node.id}.{port}"] = None
        return list(found)


def _type(text: str, modules: Mapping[str, Module], other: str = "") -> str:
    """Return the type of a text: an option, a port, a module, a built-in task; else *other*, or a value."""
    if text.endswith("="):
        return "param"
    if "." in text and text.count(".") < REF_DOTS:
        return "property"
    if text in modules:
        return "module"
    return "function" if text in BUILT_INS else other or ("keyword" if text in KEYWORDS else "instance")


def _starting(fragment: str, names: Iterable[str]) -> list[str]:
    """Return names with this beginning; a part behind a dot only once the dot is typed, except in the refs of runs."""
    return [
        name for name in names if name.startswith(fragment) and ("." not in name[len(fragment) :] or name.count(".") >= REF_DOTS)
    ]
