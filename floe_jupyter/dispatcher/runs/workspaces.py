"""Workspaces: owners of definitions, breakpoints and flows that are up, and the rules by which a client finds its workspace.

A notebook is found by its path; a kernel that comes back with another path has a renamed notebook. A notebook moved while its
kernel was not running is found by the file (`file_id`), which is remembered with each use; a copy is another file. A program is
found by the `path` sent by all of its clients, and the workspace ends with the last client; each invocation of ``floe run FILE``
gets a workspace.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import msgspec

from floe_jupyter.core.machine.events import Break
from floe_jupyter.dispatcher.clients import AttachedClient
from floe_jupyter.dispatcher.notebooks import beside, file_id
from floe_jupyter.dispatcher.runs.definitions import Definitions
from floe_jupyter.dispatcher.runs.journal import Journal
from floe_jupyter.errors import DefinitionError, UnknownName, nearest, unknown
from floe_jupyter.stores import Store
from floe_jupyter.wire.control.workspaces import ALL, EARLIER, Workspace
from floe_jupyter.wire.process_context import INHERITED

_KEYS: tuple[Callable[[Workspace], str], ...] = (
    lambda workspace: workspace.id,
    lambda workspace: workspace.path,
    lambda workspace: workspace.title,
    lambda workspace: workspace.title.removesuffix(".ipynb"),
)
"""Names by which users may call a workspace, the most exact first."""


class Space:
    """A workspace with its definitions, breakpoints and flows that are up. The runs are in the history."""

    def __init__(self, workspace: Workspace, definitions: Definitions) -> None:
        self.workspace, self.definitions = workspace, definitions
        self.up: dict[str, str] = {}
        """Names of the instances of flows that are up, by flow."""
        self.breaks: dict[str, dict[str, Break]] = {}
        """Breakpoints of every flow, by id; each instance gets all of its flow."""
        self.last = ""
        """Name of the instance opened last."""
        self.stepped = ""
        """Name of the instance stepped last."""
        self.context = INHERITED
        """Process context in which modules ran last: a page has no context of its own for the flows started there."""
        self.note = ""
        """Note for the next client of the workspace, shown once."""

    def __repr__(self) -> str:
        return f"Space({self.workspace.title!r}, {self.workspace.id!r})"

    @property
    def id(self) -> str:
        """Id of the workspace."""
        return self.workspace.id

    def names(self, kind: str) -> Iterable[str]:
        """Return the names of the workspace's definitions of one *kind*: ``flow``, or ``module``."""
        return self.definitions.flows if kind == "flow" else self.definitions.modules

    @property
    def owns(self) -> bool:
        """True if the workspace has definitions."""
        return bool(self.definitions.modules or self.definitions.flows)

    @property
    def ends(self) -> bool:
        """True if the workspace ends with its last client; a notebook's does not."""
        return self.workspace.kind != "notebook" and self.id != EARLIER

    @property
    def gone(self) -> bool:
        """True if the workspace's notebook does not exist any more."""
        return self.workspace.kind == "notebook" and not os.path.exists(self.workspace.path)

    def was_another(self, file: str) -> bool:
        """Return whether the notebook, at its last use, is known to have been another file than *file*."""
        return self.workspace.file not in ("", file)


class Spaces:
    """All workspaces. `renamed` is called with each workspace whose title or path changed."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._journal = journal
        self._former_told = False
        self._spaces: dict[str, Space] = {}
        self.renamed: Callable[[Space], None] = lambda _: None
        self.used: Callable[[], set[str]] = set
        """Return the ids of workspaces with a client or with a running instance."""
        self._sessions: dict[str, Space] = {}
        """Workspace of each client session: a restarted kernel keeps the workspace."""
        for workspace in store.workspaces():
            definitions = Definitions(journal, workspace.id, store.modules(workspace.id), store.flows(workspace.id))
            self._spaces[workspace.id] = Space(workspace, definitions)
        self.unclaimed = set(self._spaces)
        """Ids of workspaces of a former dispatcher whose clients may not have come back yet."""

    @property
    def former(self) -> str:
        """Description of the data known to be lost by a former dispatcher."""
        return self._journal.former

    def unsaved(self) -> str:
        """Return a warning for a client that defines: changes are not saved yet or, once, data lost by a former dispatcher."""
        if self._journal.problem:
            return f"not saved yet, and lost if the dispatcher ends before: {self._journal.problem}"
        told, self._former_told = self._former_told, True
        return "" if told else self.former

    def __iter__(self) -> Iterator[Space]:
        return iter(list(self._spaces.values()))

    def find(self, id_: str) -> Space | None:
        """Return the workspace of an id, or None."""
        return self._spaces.get(id_)

    def get(self, id_: str) -> Space:
        """Return the workspace of an id. Raises `UnknownName`."""
        space = self._spaces.get(id_)
        if space is None:
            raise UnknownName(f"no workspace {id_[:64]!r}; `%floe workspaces` lists all workspaces")
        return space

    def of(self, client: AttachedClient, workspace: str = "") -> Space:
        """Return the workspace whose names a call means: the one given in the call, else the client's.

        A page or a terminal has no workspace: return the only active workspace or, where several are active, an empty one whose
        errors name the owners.
        """
        space = self._spaces.get(workspace or client.workspace)
        if space is not None:
            return space
        if workspace:
            return self.get(workspace)
        active = self.active()
        return active[0] if len(active) == 1 else Space(Workspace(title="no workspace"), Definitions(self._journal, ""))

    def home(self, client: AttachedClient, workspace: str = "") -> Space:
        """Return the workspace for a call with a definition: as `of`, but a client without a workspace gets a program's."""
        if workspace or client.workspace:
            space = self.of(client, workspace)
            self.remember_file(space)
            return space
        return self.enter(client, Workspace("", client.name, "program", client.token.hex()))

    def listed(self, client: AttachedClient, workspace: str = "") -> list[Space]:
        """Return the workspaces whose names a list shows: all for ``*``, and for a page or terminal where several are active."""
        if workspace == ALL:
            return list(self)
        space = self.of(client, workspace)
        return [space] if space.id else list(self)

    def active(self) -> list[Space]:
        """Return the workspaces in use that have definitions; if none is in use, all with definitions."""
        owning, used = [space for space in self if space.owns], self.used()
        return [space for space in owning if space.id in used] or owning

    def enter(self, client: AttachedClient, given: Workspace) -> Space:
        """Return the workspace of a client that said hello; create a new workspace if none matches."""
        return self._belongs(client, self._known(client, given) or self._new(given))

    def _belongs(self, client: AttachedClient, space: Space) -> Space:
        if client.session:
            self._sessions[client.session] = space
        client.workspace = space.id
        self.unclaimed.discard(space.id)
        self.remember_file(space)
        return space

    def remember_file(self, space: Space) -> None:
        """Record the current file of the workspace's notebook: an editor may have replaced the former file at the same path."""
        file = file_id(space.workspace.path) if space.workspace.kind == "notebook" else ""
        if file not in ("", space.workspace.file):
            self._keep(space, msgspec.structs.replace(space.workspace, file=file))

    def _known(self, client: AttachedClient, given: Workspace) -> Space | None:
        if given.kind == "file":
            return self._spaces.get(given.id)
        found = self._spaces.get(given.id)
        if found is None:
            found = self._at(given.path) if given.kind == "notebook" else self.by_path(given.kind, given.path)
        former = self._sessions.get(client.session) if client.session else None
        if former is not None and given.kind == former.workspace.kind == "notebook" and self._free(found, former):
            self._move_to(former, given.path)
            return former
        return found

    def _free(self, found: Space | None, former: Space) -> bool:
        """Return whether the notebook of *former* may take the path of *found*: free, or of a workspace that was never used."""
        return found is None or (found is not former and former.gone and not found.owns and found.id not in self.used())

    def _move_to(self, space: Space, path: str) -> None:
        """Move the workspace to *path*, unless the notebook is still at the former path: a kernel may keep its initial name."""
        if space.gone or os.path.exists(path):
            self._become(space, path)

    def follow(self, client: AttachedClient, path: str) -> Space:
        """Return the workspace of a client whose notebook is at *path* now: the client's own, if the former file is gone."""
        own = self.of(client)
        if path == own.workspace.path or (not own.gone and not os.path.exists(path)):
            return own
        if own.workspace.kind == "notebook" and own.gone and self._free(self.by_path("notebook", path), own):
            self._become(own, path)
            return own
        space = self._belongs(client, self._at(path) or self._new(Workspace("", "", "notebook", path)))
        space.note = ""  # the kernel has been told of the move
        return space

    def _at(self, path: str) -> Space | None:
        """Return the workspace of the notebook at *path*, which may have been elsewhere at its last use. Workspaces in use stay
        with the notebooks named by their clients.
        """
        found, file = self.by_path("notebook", path), file_id(path)
        if not file or (found is not None and (found.workspace.file == file or found.id in self.used())):
            return found
        moved = self._moved(path, file)
        if moved is not None and (found is None or found.was_another(file) or not found.owns):
            moved.note = f"this notebook was {moved.workspace.path} before: its definitions and runs were kept"
            self._become(moved, path)
            return moved
        return None if found is not None and self._left(found, file) else found

    def _moved(self, path: str, file: str) -> Space | None:
        """Return the only workspace whose notebook was *file* and is no longer at its former path; None for several."""
        found = [
            space
            for space in self
            if space.workspace.file == file
            and space.workspace.path != path
            and file_id(space.workspace.path) != file
            and (space.gone or space.id not in self.used())
        ]
        return found[0] if len(found) == 1 else None

    def _left(self, space: Space, file: str) -> bool:
        """Return whether the notebook was renamed in its folder and *file* took the former path; then follow the notebook."""
        other = beside(space.workspace.path, space.workspace.file) if space.was_another(file) else ""
        there = self.by_path("notebook", other)
        if not other or (there is not None and there.owns):
            return False
        self._become(space, other)
        return True

    def by_path(self, kind: str, path: str) -> Space | None:
        """Return the workspace of a notebook or program, or None."""
        found = [s for s in self._spaces.values() if path and s.workspace.kind == kind and s.workspace.path == path]
        return found[-1] if found else None

    def _new(self, given: Workspace) -> Space:
        title = self._title(given.path) if given.kind == "notebook" else given.title
        workspace = msgspec.structs.replace(given, id=os.urandom(4).hex(), title=title)
        space = self._spaces[workspace.id] = Space(workspace, Definitions(self._journal, workspace.id))
        self._journal.put(lambda store: store.put_workspace(workspace))
        return space

    def move(self, source: str, target: str) -> list[Space]:
        """Move the workspaces of notebooks at *source*, or in the folder *source*, to *target*; return the moved workspaces."""
        moved = []
        for space in self:
            path = space.workspace.path
            if space.workspace.kind == "notebook" and (path == source or path.startswith(f"{source}{os.sep}")):
                self._become(space, target + path[len(source) :])
                moved.append(space)
        return moved

    def _become(self, space: Space, path: str) -> None:
        """Set the notebook's path. A workspace already at *path* has been replaced and counts as gone."""
        replaced = self.by_path("notebook", path)
        file = file_id(path)
        if replaced is not None and replaced is not space:
            kept = replaced.workspace.file if replaced.was_another(file) else ""
            self._change(replaced, msgspec.structs.replace(replaced.workspace, path=f"{path} (replaced)", file=kept))
        self._change(
            space,
            msgspec.structs.replace(
                space.workspace, path=path, title=self._title(path, space), file=file or space.workspace.file
            ),
        )

    def _title(self, path: str, own: Space | None = None) -> str:
        """Return the title of a notebook for lists: with its folder if another workspace has the same name."""
        name = os.path.basename(path)
        taken = any(space.workspace.title == name for space in self if space is not own)
        return os.path.join(os.path.basename(os.path.dirname(path)), name) if taken else name

    def _change(self, space: Space, workspace: Workspace) -> None:
        self._keep(space, workspace)
        self.renamed(space)

    def _keep(self, space: Space, workspace: Workspace) -> None:
        space.workspace = workspace
        self._journal.put(lambda store: store.put_workspace(workspace))

    def remove(self, space: Space) -> None:
        """Remove the workspace and its definitions."""
        self._spaces.pop(space.id, None)
        self._sessions = {session: kept for session, kept in self._sessions.items() if kept is not space}
        self._journal.put(lambda store: store.drop_workspace(space.id))

    def elsewhere(self, kind: str, name: str, own: Space) -> str:
        """Return the end of an error message with the remedy if another workspace has the missing name; empty if none has."""
        having = [space.workspace for space in self if space is not own and name in space.names(kind)]
        if not having:
            return ""
        titles = " and ".join(workspace.title for workspace in having[:5])
        has = f"{having[0].kind} {titles} has" if len(having) == 1 else f"{titles} have"
        cure = f"`%floe use {having[0].title} {name}`" if own.id else f"say whose it is, `--workspace {having[0].title}`"
        return f"{has} one: {cure}"

    def unknown(self, kind: str, name: str, known: Iterable[str], own: Space) -> UnknownName:
        """Return the error for a name missing from the workspace."""
        where = self.elsewhere(kind.partition(",")[0], name, own)
        if where and not own.id:
            return UnknownName(f"which {kind} {name!r}? {where}")
        return UnknownName(f"no {kind} {name!r} in {own.workspace.title}; {where}") if where else unknown(kind, name, known)

    def named(self, text: str, own: Space) -> Space:
        """Return the workspace of a title, path or id given by a user. Raises `UnknownName`; `DefinitionError` for several."""
        others = [space for space in self if space is not own]
        for key in _KEYS:
            found = [space for space in others if key(space.workspace) == text]
            if len(found) > 1:
                paths = ", ".join(space.workspace.path or space.id for space in found)
                raise DefinitionError(f"{len(found)} workspaces are called {text!r}; name one by its path: {paths}")
            if found:
                return found[0]
        titles = [space.workspace.title for space in others if space.owns]
        raise UnknownName(f"no workspace {text[:200]!r}; {nearest(text, titles) or 'no other workspace has definitions'}")
