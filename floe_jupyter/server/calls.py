"""Calls allowed to a page, and decoding of JSON arguments: the table of the control API, with few refusals."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import DefinitionError, ProtocolError, unknown
from floe_jupyter.wire.control.arguments import check_batch, explained
from floe_jupyter.wire.control.calls import CALLS, Args

REFUSED = {
    "hello": "the bridge says hello for all pages, with a key that pages do not know",
    "leave": "the bridge itself says how long what pages started is kept",
}
"""Calls refused to pages, with the reason. All others are allowed: a user of a kernel may use them too."""
LONGEST_WAIT = 300.0
"""Maximum number of seconds of a page's wait for a run in a single call: the wait of a closed page cannot be called off."""
WAITS = ("wait", "request")
ALLOWED = frozenset(CALLS) - frozenset(REFUSED)

_decoders = {name: msgspec.json.Decoder(CALLS[name]) for name in ALLOWED}


def permitted(call: str) -> None:
    """Raise ProtocolError for a call refused to pages, UnknownName with the nearest call for an unknown call."""
    if call in REFUSED:
        raise ProtocolError(f"a page may not call {call!r}: {REFUSED[call]}")
    if call not in ALLOWED:
        raise unknown("call", call[:64], ALLOWED)


def arguments(call: str, raw: msgspec.Raw) -> dict[str, Any]:
    """Return the arguments of a permitted call. Raises DefinitionError naming the wrong argument, and ValueRefused."""
    try:
        args = _decoders[call].decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DefinitionError(f"{call}: {explained(str(error), CALLS[call])}") from None
    return _checked(call, args)


def _checked(call: str, args: Args) -> dict[str, Any]:
    given = msgspec.structs.asdict(args)
    if isinstance(given.get("batch"), Batch):
        check_batch(given["batch"])
    if call in WAITS:
        given["timeout"] = min(given["timeout"], LONGEST_WAIT) if given["timeout"] > 0 else LONGEST_WAIT
    return given
