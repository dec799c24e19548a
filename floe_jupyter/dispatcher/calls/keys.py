"""Calls of the control API about keys of other machines, which join as runners."""

from __future__ import annotations

from typing import Any

from floe_jupyter.dispatcher.calls.server import Handler, PendingCall
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.wire.control import key_calls as calls


def keys(hub: Hub, args: calls.keys, request: PendingCall) -> dict[str, Any]:  # noqa: ARG001 - one signature for all calls
    """Return the keys that may join, and where the dispatcher listens."""
    server = hub.joining.server
    return {"listens": server.endpoint, "keys": server.rows()}


def add_key(hub: Hub, args: calls.add_key, request: PendingCall) -> dict[str, Any]:  # noqa: ARG001
    """Add a key; listen first if asked."""
    server = hub.joining.server
    if args.listen:
        server.listen(args.listen)
    return server.add(args.name, args.public)


def revoke_key(hub: Hub, args: calls.revoke_key, request: PendingCall) -> None:  # noqa: ARG001
    """Remove a key, and end what has joined with it."""
    hub.joining.server.revoke(args.name)


def listen_for_runners(hub: Hub, args: calls.listen_for_runners, request: PendingCall) -> dict[str, Any]:  # noqa: ARG001
    """Open a port for machines that join, or close it."""
    server = hub.joining.server
    return {"listens": server.listen(args.endpoint), "reachable": server.reachable}


HANDLERS: dict[str, Handler] = {handler.__name__: handler for handler in (keys, add_key, revoke_key, listen_for_runners)}
