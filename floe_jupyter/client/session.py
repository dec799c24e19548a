"""The session of a process: the connection to the dispatcher, made at first use, and the known names."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import msgspec

from floe_jupyter.client.scoped import ScopedClient
from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.errors import DefinitionError, FloeError, PeerGone, UnknownName, unknown
from floe_jupyter.wire.control import topics
from floe_jupyter.wire.control.workspaces import Workspace, WorkspaceInfo
from floe_jupyter.wire.process_context import ProcessContext, current_context

T = TypeVar("T")


class SessionClient(Protocol):
    """Part of `floe_jupyter.wire.client.client` that a session needs."""

    workspace: Workspace | None
    note: str

    def call(self, name: str, /, **args: Any) -> Any:
        """Send a call and wait for the answer. Raises the dispatcher's refusal as one of `floe_jupyter.errors`."""

    def submit(self, name: str, /, **args: Any) -> Future[Any]:
        """Send a call and return a future of the answer or the error."""

    def subscribe(self, topic: str, seen: Callable[[str, Any], None]) -> Callable[[], None]:
        """Call *seen* (topic, value) for each event published under *topic*, in a thread of the client. Returns a function that
        ends the subscription.
        """

    def close(self, *, keep: bool = False) -> None:
        """End the connection. Work that this client started and did not detach ends too: at once or, with *keep*, unless the
        client comes back.
        """


def connect(name: str, session: str, workspace: Workspace | None = None) -> SessionClient:
    """Return a connection to the dispatcher of this Jupyter, and start a dispatcher if none runs. *session* is the same
    after a kernel's restart, *workspace* owns the names.
    """
    from floe_jupyter.wire.client.client import connect as attach

    client = attach(client=name, session=session, workspace=workspace)
    client.submit("prepare", context=current_context())
    return client


class Session:
    """A connection and the definitions behind the connection. Thread-safe."""

    def __init__(
        self,
        name: str = "python",
        same: str = "",
        opener: Callable[[str, str, Workspace | None], SessionClient] | None = None,
        workspace: Workspace | None = None,
        scope: Workspace | None = None,
        where: Callable[[], Workspace] | None = None,
    ) -> None:
        self._scope = scope
        self.name, self.same = name, same
        self._where = where
        """Function that returns the current workspace of this process; the notebook may be moved."""
        self._given = where() if where is not None else workspace
        self._opener = opener or connect
        self._client: SessionClient | None = None
        self._lock = threading.RLock()
        self._warned = ""
        self._modules: dict[str, Module] = {}
        self._flows: dict[str, Flow] = {}
        self.refs: list[str] = []
        """Refs of the runs opened by this session, newest first, for completion."""
        self.last_flow = ""
        """Flow run, started or defined last by this session; used by completion and pictures."""
        self.last_run = ""
        """Flow run or started last by this session: the default for looking, holding and stepping without a name."""
        self.folder = ""
        """Folder in which modules run; empty for the folder of this process."""
        self._ended = False

    @property
    def connected(self) -> bool:
        """True if a connection to the dispatcher is open."""
        return self._client is not None

    @property
    def client(self) -> SessionClient:
        """Connection to the dispatcher, opened at first use. Raises PeerGone after `end`."""
        with self._lock:
            if self._ended:
                raise PeerGone("this kernel is being shut down or restarted; run the cell again in the next one")
            if self._client is None:
                self._client = self._opener(self.name, self.same, self._given)
                if self._scope is None:
                    self._client.subscribe(topics.DEFINED, self._defined)
                    self._client.subscribe(topics.PROBLEM, lambda _, text: self.warn(text))
                    self.warn(self._client.note)
                self._learn(self._client)
            return self._client

    def call(self, name: str, /, **args: Any) -> Any:
        """Send a call and wait for the answer."""
        return self.client.call(name, **args)

    def ask(self, kind: type[T], name: str, /, **args: Any) -> T:
        """Send a call like `call` and return the answer converted to *kind*."""
        return msgspec.convert(self.client.call(name, **args), kind)

    def context(self) -> ProcessContext | None:
        """Return the context for modules that this process starts now. None means the context in which modules of the workspace
        ran last, because this process does not own the workspace.
        """
        self.follow()
        looks = self._scope is not None or (self.client.workspace is None and not self.folder)
        return None if looks else current_context(self.folder)

    def follow(self) -> None:
        """Tell the dispatcher the path of the notebook, if the notebook was moved since the path was told last."""
        given, now = self._given, self._where() if self._where is not None else None
        if now is None or given is None or now.kind != "notebook" or now.path == given.path:
            return
        client, self._given = self.client, now
        before, client.workspace = client.workspace, self.ask(Workspace, "follow_notebook", path=now.path)
        if before is None or client.workspace.id != before.id:
            self.learn()

    def workspaces(self) -> list[WorkspaceInfo]:
        """Return the workspace of this session first, then the other workspaces that own definitions or runs."""
        return sorted(self.ask(list[WorkspaceInfo], "workspaces"), key=lambda info: not info.own)

    def scoped(self, name: str) -> Session:
        """Return a session over the same connection for the names of another workspace, given by title, path or id. Raises
        UnknownName listing the known workspaces, and DefinitionError if several have that title.
        """
        scope = chosen(name, [info.workspace for info in self.workspaces()])
        client: Any = ScopedClient(self.client, scope)
        return Session(self.name, self.same, lambda *_: client, scope=scope)

    def submit(self, name: str, /, **args: Any) -> Future[Any]:
        """Send a call and return a future of the answer or the error."""
        return self.client.submit(name, **args)

    def learn(self) -> None:
        """Fetch the definitions again."""
        self._learn(self.client)

    def forget(self, kind: str, name: str) -> None:
        """Forget a module or a flow that was removed."""
        (self._modules if kind == "module" else self._flows).pop(name, None)
        if kind == "flow":
            self.last_flow = "" if self.last_flow == name else self.last_flow
            self.last_run = "" if self.last_run == name else self.last_run

    def _learn(self, client: SessionClient) -> None:
        self._modules = {m.name: m for m in msgspec.convert(client.call("modules"), list[Module])}
        self._flows = {f.name: f for f in msgspec.convert(client.call("flows"), list[Flow])}

    def warn(self, text: str) -> None:
        """Write a warning, which stops no work, to standard error, unless the last warning had the same text."""
        if text and text != self._warned:
            self._warned = text
            with suppress(OSError, ValueError):
                sys.stderr.write(f"floe: {text}\n")

    def _defined(self, _topic: str, value: Any) -> None:
        """Fetch a changed definition, without waiting in the thread that reports the change."""
        client = self._client
        if client is None or (client.workspace is not None and value["workspace"] != client.workspace.id):
            return
        if value["kind"] not in ("module", "flow"):
            return
        if value.get("gone"):
            (self._modules if value["kind"] == "module" else self._flows).pop(value["name"], None)
            return
        kind, target = (Module, self._modules) if value["kind"] == "module" else (Flow, self._flows)
        known: Any = target.get(value["name"])
        if known is None or known.version != value["version"]:
            future = client.submit("modules" if kind is Module else "flows")
            future.add_done_callback(lambda done: self._fetched(done, kind, target))

    def _fetched(self, done: Future[Any], kind: Any, target: Any) -> None:
        if not done.cancelled() and done.exception() is None:
            target.update({item.name: item for item in msgspec.convert(done.result(), list[kind])})

    # --- what is defined ---------------------------------------------------------------------------------------------

    def cached(self) -> tuple[dict[str, Module], dict[str, Flow]]:
        """Return the known modules and flows without asking the dispatcher: for completion."""
        return self._modules, self._flows

    def modules(self) -> dict[str, Module]:
        """Return the known modules by name, after connecting."""
        assert self.client
        return self._modules

    def flows(self) -> dict[str, Flow]:
        """Return the known flows by name, after connecting."""
        assert self.client
        return self._flows

    def flow(self, name: str) -> Flow:
        """Return the flow called *name*. Raises UnknownName with the nearest flow."""
        flows = self.flows()
        if name not in flows:
            self._learn(self.client)
            flows = self._flows
        if name not in flows:
            where = self._elsewhere(name)
            raise UnknownName(f"no flow {name!r}; {where}") if where else unknown("flow", name, flows)
        return flows[name]

    def _elsewhere(self, name: str) -> str:
        """Return which other workspace has a flow of that name, and how to reach the flow; empty if none has."""
        for info in self.workspaces():
            if name in info.flows and not info.own:
                title = info.workspace.title
                how = f"`%floe use {title} {name}`" if self.client.workspace else f"`floe --workspace {title} ...`"
                return f"{info.workspace.kind} {title} has one: {how}"
        return ""

    def keep_module(self, module: Module, version: int) -> Module:
        """Remember a defined module and return the module with *version*."""
        self._modules[module.name] = msgspec.structs.replace(module, version=version)
        return self._modules[module.name]

    def keep_flow(self, flow: Flow, version: int) -> Flow:
        """Remember a defined flow, also as the last flow, and return the flow with *version*."""
        self.last_flow = flow.name
        self._flows[flow.name] = msgspec.structs.replace(flow, version=version)
        return self._flows[flow.name]

    def keep_used(self, flow: str) -> None:
        """Remember a flow that this session ran or started."""
        self.last_flow = self.last_run = flow

    def keep_run(self, ref: str, flow: str) -> None:
        """Remember a run that this session opened or attached to."""
        self.keep_used(flow)
        self.refs = [ref, *(other for other in self.refs if other != ref)][:50]

    def close(self, *, keep: bool = False) -> None:
        """Disconnect from the dispatcher. With *keep*, runs wait a while for a client to attach (a kernel that restarts)."""
        self._leave(keep=keep)

    def end(self, *, keep: bool) -> None:
        """Close the session for good: a cell that still waits while its kernel ends must not reconnect, because the kept runs
        would end with the new connection.
        """
        self._ended = True
        self._leave(keep=keep)

    def _leave(self, *, keep: bool) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close(keep=keep)


def chosen(name: str, known: list[Workspace]) -> Workspace:
    """Return the workspace that a user means. Raises UnknownName and DefinitionError."""
    path = os.path.realpath(name)
    for keys in (("id", name), ("path", path), ("title", name), ("title", f"{name}.ipynb")):
        found = [workspace for workspace in known if getattr(workspace, keys[0]) == keys[1]]
        if len(found) > 1:
            raise DefinitionError(
                f"{len(found)} workspaces are called {name!r}; name one by its path: {', '.join(w.path or w.id for w in found)}"
            )
        if found:
            return found[0]
    raise unknown("workspace", name, [workspace.title for workspace in known])


_session: Session | None = None
_name, _same = f"python {os.getpid()}", ""
_where: Callable[[], Workspace] | None = None


def name_client(name: str, same: str, where: Callable[[], Workspace] | None = None) -> None:
    """Set the name of this process in the dispatcher's tables: ``kernel 4711``; *same* is the same after a restart of the
    kernel, *where* returns the workspace that owns the names now.
    """
    global _name, _same, _where
    _name, _same, _where = name, same, where


def session() -> Session:
    """Return the session of this process."""
    global _session
    if _session is None:
        _session = Session(_name, _same, where=_where)
        atexit.register(_close_at_exit)
    return _session


def _close_at_exit() -> None:
    try:
        if _session is not None:
            _session.close()
    except (FloeError, OSError):
        return  # the dispatcher ended first, so no peer is left to tell


def use(other: Session | None) -> Session | None:
    """Make *other* the session of this process and return the session before. For tests and the command line."""
    global _session
    before, _session = _session, other
    return before
