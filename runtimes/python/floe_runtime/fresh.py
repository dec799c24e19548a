"""Values that another module of this process may have as they are, because nobody else will ever see a change of them.

That is so for a dictionary of plain values to which nobody else referred when it was given. Everything else is read again from
its text: a copy of its own.
"""

from sys import getrefcount

from floe_runtime.values import PLAIN

DICT = frozenset({dict})


def _given():
    """The references to a value that its giver has let go of: a list, a loop, and the count itself."""
    kept, count = [], 0
    for value in map(dict, [()]):
        kept.append(value)
        count = getrefcount(value)
    return count


GIVEN = _given()
PASSED_ON = GIVEN + 3
"""The same where a function gave the message that it got."""
KEPT = max(map(getrefcount, [object()]))
"""The same behind the loop."""


def own(values, payload):
    """Whether nothing in the list *values*, whose JSON is *payload*, can change behind the back of who gets it."""
    kinds = set(map(type, values))
    if kinds == DICT:
        flat = payload.find(b"[", 1) < 0 and payload.count(b"{") == len(values)
        return flat and max(map(getrefcount, values)) <= KEPT
    return kinds <= PLAIN
