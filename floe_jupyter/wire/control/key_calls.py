"""Calls of the control API about the keys with which other machines join as runners."""

from __future__ import annotations

from floe_jupyter.wire.control.args import Args

_REASON = "who may run code here is decided by the user, not by a page"


class keys(Args):  # noqa: N801 - calls carry the names of the wire
    """List the keys. Returns {"listens": address or "", "keys": [{"name", "url", "status", "host", "runners", "listens",
    "key"}]}.
    """

    repeatable = True


class add_key(Args):  # noqa: N801
    """Let a machine join under a name: with its public key, or with a new pair of keys. Returns {"name", "url", "server": the
    dispatcher's public key, "file": path of the join file for that machine, "listens", "reachable": address for other
    machines}. No secret is returned.
    """

    closed_to_pages = _REASON

    name: str
    public: str = ""
    listen: str = ""
    """Address to listen at, as for `listen_for_runners`; empty: as before."""


class revoke_key(Args):  # noqa: N801
    """Remove a key: the machine's connections and runners end, and it cannot join again. Returns null."""

    closed_to_pages = _REASON

    name: str


class listen_for_runners(Args):  # noqa: N801
    """Open a port for machines that join, as ``tcp://ADDRESS:PORT``, also after a restart; ``off`` closes it. Returns
    {"listens", "reachable"}.
    """

    closed_to_pages = _REASON

    endpoint: str
