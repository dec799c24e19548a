"""The verb for the keys of other machines, which join as runners."""

from __future__ import annotations

from typing import Any

from floe_jupyter.client.tables import Table
from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.verbs.model import JSON, Note, Verb, VerbCall, VerbResult
from floe_jupyter.errors import DefinitionError, unknown

_COLUMNS = ["name", "url", "status", "host", "runners", "listens"]


def keys(request: VerbCall) -> VerbResult:
    """List, add or revoke keys, or listen for machines that join."""
    action = request["action"] or "list"
    if action not in _ACTIONS:
        raise unknown("action of keys", action, _ACTIONS)
    return _ACTIONS[action](request)


def _list(request: VerbCall) -> VerbResult:
    found = request.session.ask(dict[str, Any], "keys")
    listens = f"listens at {found['listens']}" if found["listens"] else "no port is open: floe keys listen tcp://0.0.0.0:7711"
    return VerbResult(Table(found["keys"], _COLUMNS, f"no key; {listens}"), found)


def _add(request: VerbCall) -> VerbResult:
    name = _name(request, "NAME")
    found = request.session.call("add_key", name=name, public=request["key"] or "", listen=request["listen"] or "")
    return VerbResult(Note(_next_steps(found, given=bool(request["key"]))), found)


def _next_steps(found: dict[str, Any], *, given: bool) -> str:
    at = found["reachable"] or "tcp://HOST:PORT"
    command = f"floe runner --connect {at} --key {found['name']}.join"
    if given:
        command = f"floe runner --connect {at} --key YOUR-KEY-FILE --server {found['server']}"
    lines = [f"Key {found['name']} is listed; flows run there with --runner {found['url']}"]
    if not given:
        lines.append(f"1. Move {found['file']} to the other machine (it holds a secret key, for that machine alone)")
    lines.append(f"{1 if given else 2}. There: {command}")
    if not found["listens"]:
        lines.append("No port is open yet: floe keys listen tcp://0.0.0.0:7711")
    return "\n".join(lines)


def _revoke(request: VerbCall) -> VerbResult:
    name = _name(request, "NAME")
    request.session.call("revoke_key", name=name)
    return VerbResult(Note(f"Key {name} is revoked: its connections and runners are ended"), {"revoked": name})


def _listen(request: VerbCall) -> VerbResult:
    found = request.session.call("listen_for_runners", endpoint=_name(request, "tcp://0.0.0.0:7711"))
    text = f"Machines with a listed key can join at {found['reachable']}" if found["listens"] else "No port is open"
    return VerbResult(Note(text), found)


def _name(request: VerbCall, form: str) -> str:
    if not request["name"]:
        raise DefinitionError(f"one word is missing: keys {request['action']} {form}")
    return str(request["name"])


_ACTIONS = {"list": _list, "add": _add, "revoke": _revoke, "listen": _listen}
VERBS = (
    Verb(
        "keys",
        "List the machines that may join as runners; add NAME, revoke NAME, listen tcp://ADDRESS:PORT.",
        keys,
        (
            VerbArgument("action", "list (default), add, revoke or listen"),
            VerbArgument("name", "a name for the machine; with listen the address, or off"),
            VerbArgument("key", "its public key; without it a pair of keys is made"),
            VerbArgument("--listen", "with add: listen at this address first"),
            JSON,
        ),
    ),
)
