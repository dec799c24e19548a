"""Checks of arguments as written by a peer: explanations of mistakes, with the name probably meant. Batches of pages, through
the Jupyter server or through the kernel, are checked here by the same rule.
"""

from __future__ import annotations

import orjson

from floe_jupyter.core.flow.model import NODE_ID
from floe_jupyter.core.messages import Batch, plain_text
from floe_jupyter.errors import ValueRefused, nearest
from floe_jupyter.wire.control.args import Args


def explained(text: str, cls: type[Args]) -> str:
    """Return a decoder's complaint, with the nearest valid argument for a misspelt name."""
    if "unknown field" not in text:
        return text
    name = text.split("`")[1]
    shown = name if NODE_ID.match(name) else "?"
    return f"no argument {shown!r}; {nearest(name, cls.__struct_fields__) or 'it takes none'}"


def check_batch(batch: Batch) -> None:
    """Raise ValueRefused for a batch of a page with wrong counts, because the machine trusts the numbers, or with an integer of
    more than 64 bits, which runtimes would round.
    """
    try:
        values = orjson.loads(batch.payload)
        plain_text(batch.payload, "the payload of a batch")
    except orjson.JSONDecodeError as error:
        raise ValueRefused(f"the payload of a batch is no JSON: {error}; send the base64 of a JSON array") from None
    if not isinstance(values, list) or len(values) != batch.n or not values:
        raise ValueRefused(f"the payload of a batch with n={batch.n} must be a JSON array of n values, at least one")
    if batch.payload[:1] != b"[" or batch.payload[-1:] != b"]":
        raise ValueRefused("the payload of a batch begins with [ and ends with ]; leave out the white space around it")
    if batch.runs is not None or batch.ids is not None:
        raise ValueRefused("runs and ids of messages are given by the dispatcher; leave them out")
    _check_buffers(batch)


def _check_buffers(batch: Batch) -> None:
    for buffer in batch.buffers:
        if buffer.segment or buffer.data is None or buffer.size != len(buffer.data):
            raise ValueRefused("a buffer of a page needs `data`, its `size` in bytes, and no segment")
    counts = batch.counts or ()
    if (batch.buffers or counts) and (len(counts) != batch.n or min(counts) < 0 or sum(counts) != len(batch.buffers)):
        raise ValueRefused(f"`counts` must give each of {batch.n} messages its number of buffers, {len(batch.buffers)} in all")
