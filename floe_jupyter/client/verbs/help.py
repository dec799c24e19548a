"""Help, made from the table of verbs."""

from __future__ import annotations

from collections.abc import Mapping

from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.verbs.model import JSON, Note, Verb, VerbCall, VerbResult
from floe_jupyter.errors import unknown

TOPICS = {
    "notation": """How a flow is written:

  read -> parse -> clean        a module's name is a node
  parse.bad -> rejects          node.port; the default ports are `out` and `in`
  a, b -> report                fan-in; `a -> b, c` is fan-out
  clean = clean_v2(workers=2, on_error=retry(3, backoff=1s))
  report = summarise(join=all)  each (default), all or any
  # a comment""",
    "expressions": """Three kinds of expressions:

  --input EXPR, send, edit, inject, fork   Python, evaluated in the notebook (JSON on the command line)
  --when EXPR                              a small, safe part of Python over msg, meta and state, evaluated by the flow
  --log TEXT                               text in which {expression} of the latter kind is replaced

Blanks inside brackets and quotes need no quoting: --input [1, 2, 3]
` #` outside of them begins a comment: %floe held   # where they wait
Quotes around a whole list, call or subscript are taken off: --input "[1, 2]" """.rstrip(),
}


def usage(verb: Verb) -> str:
    """Return the usage line of a verb."""
    mark = "%%floe" if verb.cell == "must" else "%floe"
    return " ".join([mark, verb.name, *(argument.usage for argument in verb.arguments)])


def help_text(verbs: Mapping[str, Verb], topic: str) -> str:
    """Return a line for each verb, or the text of a topic. Raises UnknownName."""
    if not topic:
        lines = [f"  {verb.name:<14} {verb.doc}" for verb in verbs.values()]
        return "\n".join(["%floe VERB ...; `%floe help VERB` tells more; topics: " + ", ".join(TOPICS), "", *lines])
    if topic in TOPICS:
        return TOPICS[topic]
    if topic not in verbs:
        raise unknown("topic", topic, [*verbs, *TOPICS])
    verb = verbs[topic]
    lines = [f"  {argument.name:<16} {argument.doc}" for argument in verb.arguments]
    return "\n".join([usage(verb), "", verb.doc, *([""] if lines else []), *lines])


def help_verb(verbs: Mapping[str, Verb]) -> Verb:
    """Return the verb ``help``, which explains *verbs*."""

    def explain(call: VerbCall) -> VerbResult:
        text = help_text(verbs, call["topic"] or "")
        return VerbResult(Note(text), {"text": text})

    return Verb("help", "Explain a verb, or list them.", explain, (VerbArgument("topic", "a verb", names="topic"), JSON), "may")
