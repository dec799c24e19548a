"""Workspaces of the Python API: ``floe.workspaces()``, ``floe.use("other.ipynb", "parse")``, ``floe.remove("parse")``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from floe_jupyter.client.flows import Flow
from floe_jupyter.client.run import Run
from floe_jupyter.client.session import Session, session
from floe_jupyter.client.tables import Table
from floe_jupyter.errors import unknown
from floe_jupyter.wire.control.calls import RunInfo
from floe_jupyter.wire.control.workspaces import Workspace, WorkspaceInfo

COLUMNS = ("workspace", "kind", "flows", "runs", "active", "path")


class KnownWorkspace:
    """A notebook, file or program that owns modules, flows and runs, as of the time of asking."""

    def __init__(self, session: Session, info: WorkspaceInfo) -> None:
        self._session, self._info = session, info

    def __repr__(self) -> str:
        return f"Workspace {self.title}: {', '.join(self.flows) or 'no flows'}"

    @property
    def _scope(self) -> Session:
        return self._session if self.own else self._session.scoped(self._workspace.id)

    @property
    def _workspace(self) -> Workspace:
        return self._info.workspace

    @property
    def title(self) -> str:
        """Title of the workspace."""
        return self._workspace.title

    @property
    def path(self) -> str:
        """Path of the notebook or file; empty for a program."""
        return path_of(self._workspace)

    @property
    def kind(self) -> str:
        """Kind of the owner: ``notebook``, ``file`` or ``program``."""
        return self._workspace.kind

    @property
    def own(self) -> bool:
        """True for the workspace of this process."""
        return self._info.own

    @property
    def gone(self) -> bool:
        """True if the notebook does not exist any more."""
        return self._info.gone

    @property
    def flows(self) -> list[str]:
        """Names of the flows."""
        return list(self._info.flows)

    @property
    def modules(self) -> list[str]:
        """Names of the modules."""
        return list(self._info.modules)

    def flow(self, name: str) -> Flow:
        """Return a flow of this workspace, to look at or to run in place. Raises KeyError naming the nearest flow."""
        scope = self._scope
        return Flow(scope, scope.flow(name).name)

    def runs(self) -> list[Run]:
        """Return the runs of this workspace, newest first."""
        scope = self._scope
        return [Run(scope, info) for info in scope.ask(list[RunInfo], "runs")]

    def use(self, *names: str) -> dict[str, Any]:
        """Copy all modules and flows, or the named ones, into the workspace of this process; see the function `use`."""
        return borrow(self._session, self._workspace.id, names)

    def remove(self) -> None:
        """Remove the workspace and its contents. Raises DefinitionError while a kernel or a flow uses the workspace."""
        self._session.call("remove_workspace", workspace=self._workspace.id)


class KnownWorkspaces(list[KnownWorkspace]):
    """List of workspaces that displays as a table; a title or path works like an index."""

    def __init__(self, session: Session, infos: Iterable[WorkspaceInfo]) -> None:
        self._infos = list(infos)
        super().__init__(KnownWorkspace(session, info) for info in self._infos)

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        for space in self:
            if key in (space.title, space.path, space.title.removesuffix(".ipynb")):
                return space
        raise unknown("workspace", key, [space.title for space in self])

    def __repr__(self) -> str:
        return repr(table(self._infos))

    def _repr_html_(self) -> str:
        return table(self._infos).html()


def workspaces() -> KnownWorkspaces:
    """Return the notebooks, files and programs that own modules, flows and runs; the own workspace first."""
    current = session()
    return KnownWorkspaces(current, current.workspaces())


def use(source: str, *names: str) -> dict[str, Any]:
    """Copy modules and flows of another workspace into the own workspace: all, or the named ones; a flow brings its modules.

    Returns ``{"modules": [...], "flows": [...], "source": title}``. Later changes in the source are not copied. Raises KeyError,
    and DefinitionError if the own workspace has a different definition of the same name, unless *names* contains the name.
    """
    return borrow(session(), source, names)


def remove(name: str) -> None:
    """Remove a flow, or a module that no flow uses. Raises KeyError and DefinitionError."""
    drop(session(), name)


def table(infos: list[WorkspaceInfo]) -> Table:
    """Return workspaces as a table."""
    return Table([_row(info) for info in infos], COLUMNS, "no workspace")


def path_of(workspace: Workspace) -> str:
    """Return the path of a notebook or file; empty for a program."""
    return workspace.path if workspace.kind != "program" else ""


def _row(info: WorkspaceInfo) -> dict[str, Any]:
    return {
        "workspace": info.workspace.title + " (this one)" * info.own,
        "kind": "notebook, gone" if info.gone else info.workspace.kind,
        "flows": list(info.flows),
        "runs": info.runs,
        "active": info.active,
        "path": path_of(info.workspace),
    }


def borrow(session: Session, source: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Copy definitions of *source* into the workspace of *session*, and refresh the names that *session* knows."""
    found = session.ask(dict[str, Any], "use", source=source, names=names)
    session.learn()
    if found["flows"]:
        session.last_flow = found["flows"][-1]
    return found


def drop(session: Session, name: str) -> dict[str, str]:
    """Remove a definition from the workspace of *session* and return its kind and name."""
    found = session.ask(dict[str, str], "remove", name=name)
    session.forget(found["kind"], found["name"])
    return found
