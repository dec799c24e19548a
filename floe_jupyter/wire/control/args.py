"""Base classes of the arguments of calls."""

from __future__ import annotations

import msgspec


class Args(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Arguments of a call. The docstring is the documentation of the call; `RETURNS` names the type of the result."""


class Named(Args, kw_only=True):
    """Arguments with names of modules or flows, which belong to a workspace."""

    workspace: str = ""
    """Id of the workspace that owns the names; empty: the client's workspace. Lists take ``*`` for all workspaces."""


def calls_of(base: type[Args]) -> dict[str, type[Args]]:
    """Return every call defined below *base*, by name, in the order of definition."""
    found: dict[str, type[Args]] = {}
    for cls in base.__subclasses__():
        found |= calls_of(cls) if cls is Named else {cls.__name__: cls}
    return found
