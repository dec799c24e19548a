"""One session a process: the connection to the dispatcher, made when it is first needed, and the names it knows."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import msgspec

from floe_jupyter.core.model import Flow, Module
from floe_jupyter.errors import FloeError, unknown

T = TypeVar("T")


class Client(Protocol):
    """What a session needs of `floe_jupyter.wire.client`."""

    def call(self, name: str, /, **args: Any) -> Any:
        """Ask and wait; raises what the dispatcher refused with, as one of `floe_jupyter.errors`."""

    def submit(self, name: str, /, **args: Any) -> Future[Any]:
        """Ask; the answer, or its error, is the future's."""

    def subscribe(self, topic: str, seen: Callable[[str, Any], None]) -> Callable[[], None]:
        """Call *seen* (topic, value) for what is published under *topic*, in a thread of the client's. Returns what ends it."""

    def close(self, *, keep: bool = False) -> None:
        """End; what this client started and did not detach ends too: at once or, with *keep*, unless it comes back."""


def connect(name: str, session: str) -> Client:
    """The dispatcher that serves this Jupyter, started if there is none. *session* is the same after a kernel's restart."""
    from floe_jupyter.wire.client import connect as attach

    return attach(client=name, session=session)


class Session:
    """A connection and what is defined behind it. Thread-safe."""

    def __init__(self, name: str = "python", same: str = "", opener: Callable[[str, str], Client] | None = None) -> None:
        self.name, self.same = name, same
        self._opener = opener or connect
        self._client: Client | None = None
        self._lock = threading.RLock()
        self._modules: dict[str, Module] = {}
        self._flows: dict[str, Flow] = {}
        self.refs: list[str] = []
        """Runs that were opened here, for completion; the newest first."""
        self.last_flow = ""
        """The flow that was run, started or defined last here; completion and pictures use it."""
        self.last_run = ""
        """The flow that was run or started last here: what is looked at, held and stepped without naming it."""

    @property
    def connected(self) -> bool:
        return self._client is not None

    @property
    def client(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = self._opener(self.name, self.same)
                self._client.subscribe("defined/", self._defined)
                self._learn(self._client)
            return self._client

    def call(self, name: str, /, **args: Any) -> Any:
        return self.client.call(name, **args)

    def ask(self, kind: type[T], name: str, /, **args: Any) -> T:
        """`call`, with the answer as values of *kind*."""
        return msgspec.convert(self.client.call(name, **args), kind)

    def submit(self, name: str, /, **args: Any) -> Future[Any]:
        return self.client.submit(name, **args)

    def _learn(self, client: Client) -> None:
        self._modules = {m.name: m for m in msgspec.convert(client.call("modules"), list[Module])}
        self._flows = {f.name: f for f in msgspec.convert(client.call("flows"), list[Flow])}

    def _defined(self, _topic: str, value: Any) -> None:
        """Somebody defined something: fetch it, without waiting in the thread that says so."""
        client = self._client
        if client is None:
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
        """What is known without asking anybody: for completion."""
        return self._modules, self._flows

    def modules(self) -> dict[str, Module]:
        assert self.client
        return self._modules

    def flows(self) -> dict[str, Flow]:
        assert self.client
        return self._flows

    def flow(self, name: str) -> Flow:
        """Raises UnknownName with the nearest flow."""
        flows = self.flows()
        if name not in flows:
            self._learn(self.client)
            flows = self._flows
        if name not in flows:
            raise unknown("flow", name, flows)
        return flows[name]

    def keep_module(self, module: Module, version: int) -> Module:
        self._modules[module.name] = msgspec.structs.replace(module, version=version)
        return self._modules[module.name]

    def keep_flow(self, flow: Flow, version: int) -> Flow:
        self.last_flow = flow.name
        self._flows[flow.name] = msgspec.structs.replace(flow, version=version)
        return self._flows[flow.name]

    def keep_used(self, flow: str) -> None:
        """Remember a flow that was run or started here."""
        self.last_flow = self.last_run = flow

    def keep_run(self, ref: str, flow: str) -> None:
        """Remember a run that was opened or taken up here."""
        self.keep_used(flow)
        self.refs = [ref, *(other for other in self.refs if other != ref)][:50]

    def close(self, *, keep: bool = False) -> None:
        """Leave the dispatcher. With *keep*, runs wait a while for somebody to attach (a kernel that restarts)."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close(keep=keep)


_session: Session | None = None
_name, _same = f"python {os.getpid()}", ""


def name_client(name: str, same: str) -> None:
    """How the dispatcher's tables call this process: ``kernel 4711``; *same* is the same after a restart of the kernel."""
    global _name, _same
    _name, _same = name, same


def session() -> Session:
    """The session of this process."""
    global _session
    if _session is None:
        _session = Session(_name, _same)
        atexit.register(_close_at_exit)
    return _session


def _close_at_exit() -> None:
    try:
        if _session is not None:
            _session.close()
    except (FloeError, OSError):
        return  # the dispatcher went first; there is nobody to tell


def use(other: Session | None) -> Session | None:
    """Make *other* the session of this process; returns the one before. For tests and the command line."""
    global _session
    before, _session = _session, other
    return before
