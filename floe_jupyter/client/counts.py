"""Counts of a run as text: results, and messages that were not processed."""

from __future__ import annotations

from floe_jupyter.core.machine.unprocessed import by_name, by_node
from floe_jupyter.wire.control.calls import RunInfo

NAMED = 3
"""Maximum number of reasons or nodes named in the line about a run."""


def results_text(info: RunInfo) -> str:
    """Return the number of results: ``2,000 results``."""
    return f"{info.results:,} result{'' if info.results == 1 else 's'}"


def unprocessed_text(info: RunInfo) -> str:
    """Return the unprocessed messages: ``, 2 dropped (join j: after the first one), 3 unfinished (price 3)``; empty if every
    message was processed.
    """
    dropped, unfinished = by_name(info.unprocessed), by_node(info.unprocessed)
    texts = list(dict.fromkeys(f"{one.name}: {one.text}" for one in info.unprocessed if one.dropped))
    places = [f"{node} {n:,}" for node, n in unfinished.items()]
    return _listed("dropped", sum(dropped.values()), texts, "; ") + _listed("unfinished", sum(unfinished.values()), places, ", ")


def _listed(word: str, total: int, parts: list[str], comma: str) -> str:
    more = ["..."] if len(parts) > NAMED else []
    return f", {total:,} {word} ({comma.join([*parts[:NAMED], *more])})" if total else ""
