"""Calls of the control API about workspaces."""

from __future__ import annotations

from floe_jupyter.wire.control.args import Args, Named


class workspaces(Args):  # noqa: N801 - calls carry the names of the wire
    """List the workspaces. Returns [WorkspaceInfo]: all owners of definitions or runs, and the client's workspace."""


class enter(Args):  # noqa: N801
    """Move the client to this workspace from now on. Returns Workspace."""

    workspace: str


class follow_notebook(Args):  # noqa: N801
    """Report the present path of the client's notebook. If the former notebook file is gone, the workspace follows; else the
    client enters the workspace of the notebook at the new path. Returns Workspace.
    """

    path: str


class use(Named):  # noqa: N801
    """Copy definitions of another workspace into this workspace: the named modules and flows (flows with their modules), or
    all. Returns {"modules": [name], "flows": [name], "source": title}.
    """

    source: str
    """Id, path or title of the other workspace."""
    names: tuple[str, ...] = ()


class remove(Named):  # noqa: N801
    """Remove a module or a flow. Refused for a module that a flow uses and for a flow that runs. Returns {"kind", "name"}."""

    name: str


class clear_archive(Named):  # noqa: N801
    """Forget ended runs and their results: of the workspace, or of all (``*``). Returns the number of forgotten runs."""

    flow: str = ""
    """Flow whose runs are forgotten, or ref of the only run to forget."""


class remove_workspace(Named):  # noqa: N801
    """Forget a workspace with everything it owns; empty: every workspace whose notebook is gone. Refused while a flow or run of
    the workspace is active or a client is attached. Returns [title].
    """


class rename_workspace(Args):  # noqa: N801
    """Report a notebook, or a folder with notebooks, moved from `source` to `target`: workspaces follow. Returns the number of
    moved workspaces.
    """

    source: str
    target: str
