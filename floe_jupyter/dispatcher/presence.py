"""Who the dispatcher is there for, and when it ends: when no client is left and nothing detached is under way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from floe_jupyter.dispatcher.clients import Client, Clients
from floe_jupyter.dispatcher.hub import Hub
from floe_jupyter.dispatcher.loop import Loop
from floe_jupyter.wire.control import GRACE

if TYPE_CHECKING:
    from floe_jupyter.dispatcher.desk import Desk, Request

FIRST_WITHIN = 30.0
"""Seconds that the first client gets to come."""


class Presence:
    """Clients that are there, and those that said they would come back."""

    clients: Clients
    desk: Desk

    def __init__(self, loop: Loop, hub: Hub, key: str, directory: str) -> None:
        self.key, self.directory = key, directory
        self.started = time.time()
        self._loop, self._hub = loop, hub
        self._away: list[Client] = []
        self._asked: list[Request] = []
        self._first = loop.after(FIRST_WITHIN, self._check)

    def __repr__(self) -> str:
        return f"Presence({self.directory!r})"

    def came(self, client: Client) -> None:
        """A client said hello; what it left behind when it was restarted is its own again, and gets no more messages, because
        what they came from ended with the former process. Pages go on when their server was restarted.
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

    def gone(self, client: Client) -> None:
        """A client ended: what is its own and not detached ends too, now or after its grace."""
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
        if client.guards and not client.grace and not self._guarded():
            self._give_up_the_killed()
        self.check()

    def _grace(self, client: Client) -> float:
        """For how long it is waited for. Front ends are, and with one of them there also whoever was killed, but only for
        the sake of something: what is its own, or what it guards.
        """
        if client.grace and (not client.guards or self._owns(client) or self._killed()):
            return client.grace
        client.killed = bool(client.session and not client.bye and not client.guards and self._guarded() and self._owns(client))
        return GRACE if client.killed else 0.0

    def _guarded(self) -> bool:
        """A front end is there, or left for a while."""
        return any(client.guards for client in [*self.clients, *self._away])

    def _killed(self) -> list[Client]:
        return [client for client in self._away if client.killed]

    def _owns(self, client: Client) -> bool:
        """Something is under way that ends with it."""
        return any((i.client is client and not i.detached) or any(r.client is client and not r.detached for r in i.runs.values())
                   for i in self._hub.at_work())

    def _give_up_the_killed(self) -> None:
        """The last front end, too, ended without a word, or did not come back: nobody is there to restart what was killed."""
        for client in self._killed():
            self._stayed_away(client)

    def _stayed_away(self, client: Client) -> None:
        if client in self._away:
            self._away.remove(client)
            if self.needed:
                self._stop_all_of(client)
            self._hub.feeder_gone(client)
            if client.guards and not self._guarded():
                self._give_up_the_killed()
            self.check()

    def _stop_all_of(self, client: Client) -> None:
        for instance in self._hub.alive():
            if instance.client is client and not instance.detached:
                self._hub.stop(instance)
            else:
                for run in list(instance.runs.values()):
                    if run.client is client and not run.detached:
                        self._hub.cancel(run)

    @property
    def needed(self) -> bool:
        return bool(len(self.clients) or self._away or any(self._detached()))

    def _detached(self) -> list[str]:
        return [i.name for i in self._hub.alive() if i.detached and (i.up or i.runs)]

    def check(self) -> None:
        """End if nobody needs us any more."""
        if not self._loop.stopped:
            self._check()

    def _check(self) -> None:
        if not self.needed:
            self.clients.accept()  # somebody may be at the door
            if not self.needed:
                self.end()

    def end(self, asked: Request | None = None) -> None:
        """End the dispatcher; who *asked* is answered when everything else has ended."""
        if asked is not None:
            self._asked.append(asked)
        self._loop.stop()

    def say_that_it_is_over(self) -> None:
        for request in self._asked:
            request.reply()
