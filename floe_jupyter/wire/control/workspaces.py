"""Workspaces as clients and the dispatcher name them: the owners of modules, flows, breakpoints and runs."""

from __future__ import annotations

from typing import Literal

import msgspec

ALL = "*"
"""The `workspace` argument of lists that means every workspace."""
EARLIER = "earlier"
"""Id of the workspace that holds the definitions of stores older than workspaces."""
Kind = Literal["notebook", "file", "program"]


class Workspace(msgspec.Struct, frozen=True, omit_defaults=True):
    """Owner of names: a notebook, a file given to ``floe run``, or a program."""

    id: str = ""
    """Id given by the dispatcher, unchanged as long as the workspace exists; empty in a `hello` of a client that does not know
    the id yet.
    """
    title: str = ""
    """Name in lists, such as ``shop.ipynb``."""
    kind: Kind = "program"
    path: str = ""
    """Absolute path of a notebook or file; for a program, a text shared by all clients of the program."""
    file: str = ""
    """Identity of a notebook's file at the last use, independent of the name: finds a moved notebook again."""


class WorkspaceInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """Workspace with the flows, modules and runs it owns."""

    workspace: Workspace
    flows: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    up: tuple[str, ...] = ()
    """Flows that are up."""
    runs: int = 0
    """Number of runs, ended ones included."""
    active: int = 0
    """Number of runs that are not over."""
    clients: tuple[str, ...] = ()
    """Names of the clients that are attached."""
    gone: bool = False
    """True if the notebook does not exist any more."""
    own: bool = False
    """True for the workspace of the asking client."""
