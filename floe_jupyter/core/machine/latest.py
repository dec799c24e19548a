"""Last value of every wire, for views.

A wire keeps its newest batch if the batch is small, else the end of the batch, at the cost of at most a slice. When a view is
made, and on request, `shortened` leaves `LATEST` bytes: the last value as the end of an array, behind the last comma followed
by a whole value, or the beginning of a longer value and its size. For a finished run the ends are kept (`ends`), with a common
bound.
"""

from __future__ import annotations

from itertools import islice

import msgspec
import orjson

from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import LATEST, begun
from floe_jupyter.core.messages import TAG, last_text

TRIES = 200
"""Maximum number of commas tried before a value counts as too long."""
FEW = 8
"""Maximum number of commas tried before the whole array is read instead."""
WIRES = 1_000
"""Maximum number of wires reported at once."""
KEPT = 16 * 1024
"""Bytes kept for all wires of a finished run together, in equal shares."""


def latest(instance: MachineState, wire: str = "") -> dict[str, str]:
    """Return the last message of each wire (or of *wire*) as `told`. Wires without a known last message are left out."""
    shorten(instance)
    queues = (queue for queue in instance.wires.values() if queue.latest and wire in {"", queue.name})
    found = ((queue.name, told(queue.latest)) for queue in islice(queues, WIRES))
    return {name: text for name, text in found if text is not None}


def shorten(instance: MachineState) -> None:
    """Shorten whole batches kept by wires."""
    for queue in instance.wires.values():
        if len(queue.latest) > LATEST:
            queue.latest = shortened(queue.latest, LATEST)


def ends(instance: MachineState) -> dict[str, bytes]:
    """Return the input of `told` for each wire with messages: at most `KEPT` bytes in all."""
    queues = list(islice((queue for queue in instance.wires.values() if queue.latest), WIRES))
    share = min(LATEST, KEPT // max(len(queues), 1))
    return {queue.name: shortened(queue.latest, share) for queue in queues}


def told(end: bytes) -> str | None:
    """Return the JSON text of the last value; if cut short, the tag ``short`` with its beginning and size."""
    found = _newest(end, TRIES)
    if found is None:
        return None
    text, size = found
    if len(text) == size:
        return text.decode(errors="ignore")
    return orjson.dumps({TAG: ["short", text.decode(errors="ignore"), size]}).decode()


def shortened(end: bytes, most: int) -> bytes:
    """Return at most *most* bytes in which `told` finds the last value, or its beginning and size."""
    if len(end) <= most:
        return end
    found = _newest(end, FEW)
    if found is None:
        return end[-most:]
    text, size = found
    return b"[%b]" % text if len(text) == size and size + 2 <= most else begun(text, size, most)


def _newest(end: bytes, tries: int) -> tuple[bytes, int] | None:
    """Return the last value or its beginning, and the value's size in bytes."""
    if not end.endswith(b"]"):
        head, mark, size = end.rpartition(b"\n")
        return (head, int(size)) if mark and size.isdigit() else None
    text = last_of(end[-LATEST:], tries)
    if text is None and len(end) > LATEST:
        try:
            text = last_text(end)
        except msgspec.DecodeError:
            text = last_of(end)  # the beginning was cut off
    return None if text is None else (text, len(text))


def last_of(end: bytes, tries: int = TRIES) -> bytes | None:
    """Return the last value of a JSON array with the given *end*; None if the value begins before *end*."""
    whole = end[1:-1] if end.startswith(b"[") and _is_value(end) else None
    if whole is not None and _is_value(whole):
        return whole
    at = len(end)
    for _ in range(tries):
        at = end.rfind(b",", 0, at)
        if at < 0:
            return None
        if _is_value(end[at + 1 : -1]):
            return end[at + 1 : -1]
    return None


def _is_value(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True
