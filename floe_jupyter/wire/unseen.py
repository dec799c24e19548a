"""Cure for a name that a module uses and only the notebook knows: modules run in another process."""

from __future__ import annotations

import re
from collections.abc import Container

from floe_jupyter.wire.languages import declared, with_runtime

CURE = "; a module does not see the notebook's variables: define or import it in the module's cell, or send it in the message"


def cure_of(message: str, names: Container[str], lang: str = "") -> str:
    """Return the text to add to the *message* of a failure about one of the notebook's *names*; else an empty text.

    The message is one of the language *lang*, by default of any.

    >>> cure_of("NameError: name 'factor' is not defined", {"factor"}) == CURE
    True
    """
    if CURE in message:
        return ""
    patterns = (declared(name).failures.unknown_name for name in ((lang,) if lang else with_runtime()))
    matches = (re.match(pattern, message) for pattern in patterns if pattern)
    return CURE if any(match is not None and match[1] in names for match in matches) else ""
