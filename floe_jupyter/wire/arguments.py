"""Arguments of calls as a peer wrote them: what is wrong with them, and what was probably meant."""

from __future__ import annotations

from floe_jupyter.core.model import NODE_ID
from floe_jupyter.errors import nearest
from floe_jupyter.wire.control import Args


def explained(text: str, cls: type[Args]) -> str:
    """A decoder's complaint, with the nearest valid argument where one is misspelt."""
    if "unknown field" not in text:
        return text
    name = text.split("`")[1]
    shown = name if NODE_ID.match(name) else "?"
    return f"no argument {shown!r}; {nearest(name, cls.__struct_fields__) or 'it takes none'}"
