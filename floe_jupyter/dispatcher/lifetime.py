"""Lifetime of the dispatcher: it ends when no client is left and no detached flow or run is under way."""

from __future__ import annotations

import time
from typing import Protocol

from floe_jupyter.dispatcher.clients import AttachedClient, Clients
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.errors import EnvironmentFailed, FloeError
from floe_jupyter.wire.control.calls import GRACE
from floe_jupyter.wire.transport.loop import Loop

FIRST_WITHIN = 30.0
"""Seconds that the first client gets to attach."""

BACK_WITHIN = 60.0
"""Seconds that programs get to attach again after an unexpected end of the dispatcher; then their definitions may be removed."""


class Shutdown(Protocol):
    """Call that asked for the end, and waits for its answer."""

    def reply(self, value: object = None) -> None:
        """Answer the call."""

    def fail(self, error: FloeError) -> None:
        """Answer the call with an error."""


class Lifetime:
    """Attached clients, and clients away that are expected back."""

    clients: Clients

    def __init__(self, loop: Loop, hub: Hub, key: str, directory: str) -> None:
        self.key, self.directory = key, directory
        self.started = time.time()
        self._loop, self._hub = loop, hub
        self._away: list[AttachedClient] = []
        self._asked: list[Shutdown] = []
        self._first = loop.after(FIRST_WITHIN, self._check)
        hub.spaces.used = self.in_use
        loop.after(BACK_WITHIN, hub.spaces.unclaimed.clear)

    def __repr__(self) -> str:
        return f"Presence({self.directory!r})"

    def came(self, client: AttachedClient) -> None:
        """Take note of a client's hello.

        A restarted client takes over its former instances and runs. Runs fed by the former process get no more messages, because
        the source ended with the process. Pages continue after a restart of their server.
        """
        self._first.cancel()
        for former in [c for c in self._away if c.session and c.session == client.session]:
            self._away.remove(former)
            if not former.guards:
                self._hub.feeder_gone(former)
            for instance in self._hub.alive():
                instance.client = client if instance.client is former else instance.client
                for run in instance.runs.values():
                    run.client = client if run.client is former else run.client

    def gone(self, client: AttachedClient) -> None:
        """Take note of a client's end: the client's flows and runs that are not detached end, now or after the client's grace."""
        for request in list(client.pending.values()):
            request.done = True
        client.pending.clear()
        client.grace = self._grace(client)
        if client.grace:
            self._away.append(client)
            self._loop.after(client.grace, lambda: self._stayed_away(client))
        elif self.needed:
            self._stop_all_of(client)
        if not client.grace and not client.guards:
            self._hub.feeder_gone(client)
        self._tidy()
        if client.guards and not client.grace and not self._guarded():
            self._give_up_the_killed()
        self.check()

    def _grace(self, client: AttachedClient) -> float:
        """Return the seconds for which the client is waited for.

        Front ends are waited for and, while a front end is attached, killed clients too; but only if the client owns flows or
        runs at work, or guards a client that does.
        """
        if client.grace and (not client.guards or self._owns(client) or self._killed()):
            return client.grace
        client.killed = bool(client.session and not client.bye and not client.guards and self._guarded() and self._owns(client))
        return GRACE if client.killed else 0.0

    def _guarded(self) -> bool:
        """Return whether a front end is attached, or away and expected back."""
        return any(client.guards for client in [*self.clients, *self._away])

    def _killed(self) -> list[AttachedClient]:
        return [client for client in self._away if client.killed]

    def _owns(self, client: AttachedClient) -> bool:
        """Return whether a flow or run at work would end with the client."""
        return any(
            (i.client is client and not i.detached) or any(r.client is client and not r.detached for r in i.runs.values())
            for i in self._hub.at_work()
        )

    def _give_up_the_killed(self) -> None:
        """Stop waiting for killed clients: the last front end ended without ``bye`` or stayed away, so no restart will come."""
        for client in self._killed():
            self._stayed_away(client)

    def _stayed_away(self, client: AttachedClient) -> None:
        if client in self._away:
            self._away.remove(client)
            if self.needed:
                self._stop_all_of(client)
            self._hub.feeder_gone(client)
            self._tidy()
            if client.guards and not self._guarded():
                self._give_up_the_killed()
            self.check()

    def _stop_all_of(self, client: AttachedClient) -> None:
        why = "the program that ran it ended or was restarted" if client.bye else "the program that ran it is gone"
        why += "; with --detach it goes on"
        for instance in self._hub.alive():
            if instance.client is client and not instance.detached:
                self._hub.stop(instance, why=why)
            else:
                for run in list(instance.runs.values()):
                    if run.client is client and not run.detached:
                        self._hub.cancel(run, why)

    @property
    def needed(self) -> bool:
        """True while a client is attached or away, or detached work is under way."""
        return bool(len(self.clients) or self._away or self._detached())

    def _detached(self) -> bool:
        return any(i.detached and (i.up or i.runs) for living in self._hub.living.values() for i in living.values())

    def in_use(self) -> set[str]:
        """Return the ids of workspaces that have a client or a running instance."""
        return {client.workspace for client in self.clients} | self._hub.workspaces_at_work()

    def _tidy(self) -> None:
        """Remove workspaces of programs and files without client and running instance; release unneeded runners."""
        unclaimed = self._hub.spaces.unclaimed
        clients = {client.workspace for client in [*self.clients, *self._away]}
        if left := [space for space in self._hub.spaces if space.ends and space.id not in clients | unclaimed]:
            used = self._hub.workspaces_at_work()
            for space in left:
                if space.id not in used:
                    self._hub.spaces.remove(space)
        self._hub.supervisor.release(clients | self.in_use())

    def check(self) -> None:
        """End the dispatcher if it is no longer needed."""
        self._tidy()
        if not self._loop.stopped:
            self._check()

    def _check(self) -> None:
        if not self.needed:
            self.clients.accept()  # a connection may be waiting
            if not self.needed:
                self.end()

    def end(self, asked: Shutdown | None = None) -> None:
        """End the dispatcher; the call *asked* is answered after all other parts have ended."""
        if asked is not None:
            self._asked.append(asked)
        self._loop.stop()

    def announce_end(self, unsaved: str = "") -> None:
        """Answer the calls that asked for the end; *unsaved* says why accepted changes are not on the disk."""
        for request in self._asked:
            if unsaved:
                request.fail(
                    EnvironmentFailed(
                        f"the dispatcher has ended, and its newest changes are not saved: {unsaved}; then "
                        "run the cells of your newest definitions again"
                    )
                )
            else:
                request.reply()
