"""Completion with Tab: verbs, options, languages and names, from what the session already knows; it asks nobody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from floe_jupyter.core.model import LANGUAGES
from floe_jupyter.kernel import flow_completion
from floe_jupyter.kernel.arguments import Argument
from floe_jupyter.kernel.session import Session
from floe_jupyter.kernel.verbs import VERBS
from floe_jupyter.kernel.verbs.help import TOPICS

LINE = re.compile(r"^(%%?)floe\s+(.*)$|^\s*(?:\w+\s*=\s*)?(%)floe\s+(.*)$", re.DOTALL)
REF_DOTS = 3
"""In ``flow.version.host.counter``."""
EXPRESSION = ("expression", "json", "condition")


class Completer:
    """A matcher of IPython's completer."""

    def __init__(self, current: Callable[[], Session]) -> None:
        self._current = current
        self._matcher: Any = None

    def put_in(self, ip: Any) -> None:
        from IPython.core.completer import SimpleCompletion, context_matcher

        @context_matcher(identifier="floe", priority=100)  # type: ignore[untyped-decorator]
        def floe(context: Any) -> dict[str, Any]:
            last, options = self.complete(context.full_text, context.cursor_line, context.cursor_position)
            if last is None:
                return {"completions": []}
            # with nothing to offer, the word itself: IPython lets a matcher without completions suppress nobody, and Python's
            # names are no help here
            return {
                "completions": [SimpleCompletion(text=option, type="param") for option in options or [last]],
                "suppress": True,
                "matched_fragment": last,
            }

        self._matcher = floe
        ip.Completer.custom_matchers.append(floe)

    def take_out(self, ip: Any) -> None:
        ip.Completer.custom_matchers.remove(self._matcher)

    def complete(self, text: str, line: int, column: int) -> tuple[str | None, list[str]]:
        """The fragment before the cursor and what may stand there. None: not ours."""
        lines = text.split("\n")
        first = lines[0]
        if line > 0 and first.startswith("%%floe "):
            return self._body(lines, line, column)
        found = LINE.match(lines[line][:column] if line < len(lines) else "")
        if not found:
            return None, []
        rest = found[2] if found[1] else found[4]
        return self._line(rest or "")

    def _body(self, lines: list[str], line: int, column: int) -> tuple[str | None, list[str]]:
        """Inside a flow's text: what it knows. Inside a module of another language: nothing, and Python keeps out."""
        if lines[0].split()[1:2] == ["flow"]:
            last, options = flow_completion.complete(lines[1:], line - 1, column, self._current().cached()[0])
            return last, _starting(last, options)
        lang = re.search(r"--lang[ =](\S+)", lines[0])
        word = re.search(r"\w*\Z", lines[line][:column])
        return (word[0], []) if word and lang and lang[1] != "python" else (None, [])

    def _line(self, rest: str) -> tuple[str | None, list[str]]:
        words = rest.split(" ")
        last, before = words[-1], [word for word in words[:-1] if word]
        if not before:
            return last, _starting(last, VERBS)
        verb = VERBS.get(before[0])
        if verb is None:
            return last, []
        if last.startswith("-"):
            return last, _starting(last, (a.name for a in verb.arguments if a.option))
        wanted = self._wanted(verb.arguments, before[1:])
        if wanted is None or wanted.kind in EXPRESSION:
            return None, []
        flow = next((word for word in before[1:] if word in self._current().cached()[1]), "")
        return last, _starting(last, self._names(wanted, flow))

    def _wanted(self, arguments: tuple[Argument, ...], words: list[str]) -> Argument | None:
        """The argument that the next word belongs to."""
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

    def _names(self, argument: Argument, flow: str) -> Iterable[str]:
        modules, flows = self._current().cached()
        if argument.names == "language":
            return LANGUAGES
        if argument.names == "topic":
            return [*VERBS, *TOPICS]
        if argument.names == "flow":
            return flows
        if argument.names == "module":
            return modules
        if argument.names == "run":
            return self._current().refs
        if argument.names == "node":
            return self._nodes(flow or self._current().last_flow)
        if argument.names == "target":
            return [*flows, *(f"{name}.{node}" for name in flows for node in self._nodes(name))]
        return ()

    def _nodes(self, flow: str) -> list[str]:
        """Nodes of a flow (of all, if it is not known), and their ports."""
        modules, flows = self._current().cached()
        found: dict[str, None] = {}
        for definition in [flows[flow]] if flow in flows else flows.values():
            for node in definition.nodes:
                found[node.id] = None
                module = modules.get(node.module)
                for port in (*module.inputs, *module.outputs) if module else ():
                    found[f"{node.id}.{port}"] = None
        return list(found)


def _starting(fragment: str, names: Iterable[str]) -> list[str]:
    """Names with this beginning; what follows a dot only once the dot is typed, except in the refs of runs."""
    return [
        name for name in names if name.startswith(fragment) and ("." not in name[len(fragment) :] or name.count(".") >= REF_DOTS)
    ]
