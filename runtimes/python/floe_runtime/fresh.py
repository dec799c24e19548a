"""Values that another module of the process may take without a copy, because no other code will ever see a change.

The condition holds for a dictionary of plain values to which no other code referred when it was given. All other values are read
again from the JSON text, as copies.
"""

from gc import is_tracked
from sys import getrefcount

from floe_runtime.values import PLAIN


def _given():
    """Return the reference count of a value after its giver let go: a list, a loop, and the count itself."""
    kept, count = [], 0
    for value in map(dict, [()]):
        kept.append(value)
        count = getrefcount(value)
    return count


GIVEN = _given()
PASSED_ON = GIVEN + 3
"""Reference count where a function gave the received message."""
KEPT = max(map(getrefcount, [object()]))
"""Reference count behind the loop."""


def own(values, payload, watched):
    """Return whether no value in the list *values*, whose JSON is *payload*, can change behind the receiver's back.

    A value not tracked by the garbage collector holds no list and no dictionary; a tuple must become a list and shows in the
    JSON.
    *watched*: references to each value were counted when the function gave it.
    """
    if payload.find(b"[", 1) >= 0 or any(map(is_tracked, values)):
        return False
    return watched or max(map(getrefcount, values)) <= KEPT or PLAIN.issuperset(map(type, values))
