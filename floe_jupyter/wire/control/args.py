"""Base classes of the arguments of calls."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Args(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Arguments of a call. The docstring is the documentation of the call; `RETURNS` names the type of the result."""

    repeatable: ClassVar[bool] = False
    """True for a read-only call: a repeated request runs again, and the answer need not be kept."""
    waits: ClassVar[bool] = False
    """True for a call that waits for the end of a run: the wait of a page is limited."""
    closed_to_pages: ClassVar[str] = ""
    """Reason why no page may make the call; empty: pages may, as users of a kernel may."""
    closed_through_kernels: ClassVar[str] = ""
    """Reason why a page that asks through a kernel may not make the call, though a page of a Jupyter server may."""


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
