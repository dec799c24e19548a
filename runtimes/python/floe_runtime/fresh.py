"""Values that another module of this process may have as they are, because nobody else will ever see a change of them.

That is so for a dictionary of plain values to which nobody else referred when it was given. Everything else is read again from
its text: a copy of its own.
"""

from gc import is_tracked
from sys import getrefcount

from floe_runtime.values import PLAIN


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


def own(values, payload, watched):
    """Whether nothing in the list *values*, whose JSON is *payload*, can change behind the back of who gets it.

    What the garbage collector does not track holds no list and no dictionary; a tuple must become a list and shows in the JSON.
    *watched*: references to each were counted when it was given.
    """
    if payload.find(b"[", 1) >= 0 or any(map(is_tracked, values)):
        return False
    return watched or max(map(getrefcount, values)) <= KEPT or PLAIN.issuperset(map(type, values))
