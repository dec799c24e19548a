"""The verbs of ``%floe`` and of the command line, as a single table."""

from __future__ import annotations

from floe_jupyter.client.verbs import debugging, images, keys, listing, running, workspaces
from floe_jupyter.client.verbs.help import help_verb
from floe_jupyter.client.verbs.model import WORKSPACE, Note, PendingResult, Verb, VerbCall, VerbResult
from floe_jupyter.errors import unknown

EVERYWHERE = frozenset({"module", "flow", "runners", "runtimes", "status", "workspaces", "images", "keys", "help"})
"""Verbs that define in this notebook, or whose answer is the same for all workspaces."""


def _with_workspace(verb: Verb) -> Verb:
    """Return the verb with an option for the workspace whose names are meant."""
    return verb if verb.name in EVERYWHERE else verb._replace(arguments=(*verb.arguments, WORKSPACE))


_ALL = (*running.VERBS, *debugging.VERBS, *listing.VERBS, *workspaces.VERBS, *images.VERBS, *keys.VERBS)
VERBS: dict[str, Verb] = {verb.name: _with_workspace(verb) for verb in _ALL}
VERBS["help"] = help_verb(VERBS)


def verb(name: str) -> Verb:
    """Return the verb called *name*. Raises UnknownName with the nearest verb."""
    if name not in VERBS:
        raise unknown("verb", name, VERBS)
    return VERBS[name]


__all__ = ["VERBS", "Note", "PendingResult", "Verb", "VerbCall", "VerbResult", "verb"]
