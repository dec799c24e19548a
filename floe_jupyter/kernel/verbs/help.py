"""Help, made from the table of verbs."""

from __future__ import annotations

from floe_jupyter.errors import unknown
from floe_jupyter.kernel.verbs import VERBS
from floe_jupyter.kernel.verbs.words import Verb

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
    mark = "%%floe" if verb.cell == "must" else "%floe"
    return " ".join([mark, verb.name, *(argument.usage for argument in verb.arguments)])


def help_text(topic: str) -> str:
    """Everything in short, or one topic. Raises UnknownName."""
    if not topic:
        lines = [f"  {verb.name:<10} {verb.doc}" for verb in VERBS.values()]
        return "\n".join(["%floe VERB ...; `%floe help VERB` tells more; topics: " + ", ".join(TOPICS), "", *lines])
    if topic in TOPICS:
        return TOPICS[topic]
    if topic not in VERBS:
        raise unknown("topic", topic, [*VERBS, *TOPICS])
    verb = VERBS[topic]
    lines = [f"  {argument.name:<16} {argument.doc}" for argument in verb.arguments]
    return "\n".join([usage(verb), "", verb.doc, *([""] if lines else []), *lines])
