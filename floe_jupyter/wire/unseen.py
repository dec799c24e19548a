"""Cure for a name that a module uses and only the notebook knows: modules run in another process."""

from __future__ import annotations

import re
from collections.abc import Container

UNKNOWN_NAME = re.compile(r"\w+Error: (?:name )?'?(\w+)'? is not defined")
"""Errors of Python and JavaScript for an unknown name."""
CURE = "; a module does not see the notebook's variables: define or import it in the module's cell, or send it in the message"


def cure_of(message: str, names: Container[str]) -> str:
    """Return the text to add to the *message* of a failure about one of the notebook's *names*; else an empty text.

    >>> cure_of("NameError: name 'factor' is not defined", {"factor"}) == CURE
    True
    """
    match = UNKNOWN_NAME.match(message)
    return CURE if match is not None and match[1] in names and CURE not in message else ""
