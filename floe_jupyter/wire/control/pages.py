"""Limits of the calls of pages, by the same rules for a page at a Jupyter server and for a page that asks through a kernel."""

from __future__ import annotations

from typing import Any

from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import ProtocolError, unknown
from floe_jupyter.wire.control.args import Args
from floe_jupyter.wire.control.arguments import check_batch
from floe_jupyter.wire.control.calls import CALLS

LONGEST_WAIT = 300.0
"""Maximum seconds of a page's wait for a run in a single call: the wait of a closed page cannot be called off."""


def check_permitted(call: str, *, through_kernel: bool = False) -> None:
    """Raise ProtocolError for a call closed to the page, UnknownName with the nearest call for an unknown call."""
    args = CALLS.get(call)
    if args is None:
        raise unknown("call", call[:64], [name for name, known in CALLS.items() if not known.closed_to_pages])
    reason = args.closed_to_pages or (args.closed_through_kernels if through_kernel else "")
    if reason:
        raise ProtocolError(f"a page may not call {call!r}: {reason}")


def limits(args: Args) -> dict[str, Any]:
    """Return the arguments that replace those of a page's call: the limited wait. Raises ValueRefused for a wrong batch."""
    batch = getattr(args, "batch", None)
    if isinstance(batch, Batch):
        check_batch(batch)
    if not args.waits:
        return {}
    timeout: float = getattr(args, "timeout")  # noqa: B009 - every call that waits has one
    return {"timeout": min(timeout, LONGEST_WAIT) if timeout > 0 else LONGEST_WAIT}
