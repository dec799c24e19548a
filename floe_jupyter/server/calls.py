"""Decoding of the JSON arguments of pages' calls, by the table of the control API."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.errors import DefinitionError
from floe_jupyter.wire.control.arguments import explained
from floe_jupyter.wire.control.calls import CALLS
from floe_jupyter.wire.control.pages import limits

_decoders = {name: msgspec.json.Decoder(args) for name, args in CALLS.items() if not args.closed_to_pages}


def arguments(call: str, raw: msgspec.Raw) -> dict[str, Any]:
    """Return the arguments of a permitted call. Raises DefinitionError naming the wrong argument, and ValueRefused."""
    try:
        args = _decoders[call].decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DefinitionError(f"{call}: {explained(str(error), CALLS[call])}") from None
    return {**msgspec.structs.asdict(args), **limits(args)}
