"""The verbs of ``%floe`` and of the command line: one table."""

from __future__ import annotations

from floe_jupyter.errors import unknown
from floe_jupyter.kernel.verbs import debugging, listing, running
from floe_jupyter.kernel.verbs.words import Answer, Note, Request, Verb, Waits

VERBS: dict[str, Verb] = {verb.name: verb for verb in (*running.VERBS, *debugging.VERBS, *listing.VERBS)}


def verb(name: str) -> Verb:
    """Raises UnknownName with the nearest verb."""
    if name not in VERBS:
        raise unknown("verb", name, VERBS)
    return VERBS[name]


__all__ = ["VERBS", "Answer", "Note", "Request", "Verb", "Waits", "verb"]
