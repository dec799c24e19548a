"""Recalls carried out at once while a function of another slot is at work: another process may handle the calls meanwhile.

All other frames wait, in order, until the function is through.
"""


def sort_out(runtime, frames, at_work):
    """Carry out the recalls among the *frames* and return the other frames. The slot *at_work* (None: unknown) is left alone."""
    kept = []
    for frame in frames:
        head = _head(runtime, frame)
        slot = runtime.slots.get(head.get("slot")) if head.get("t") == "recall" else None
        if slot is None or at_work in (None, slot.number):
            kept.append(frame)
            continue
        kept = [other for other in kept if not _gave_back(runtime, other, slot)]
        runtime.recall(slot)
    return kept


def _gave_back(runtime, frame, slot):
    """Give back a call of the slot that was not taken in yet; return whether *frame* was one."""
    head = _head(runtime, frame)
    found = head.get("t") == "call" and head.get("slot") == slot.number and type(head.get("call")) is int
    if found:
        runtime.give_back(head["call"])
    return found


def _head(runtime, frame):
    """Return the head of a frame; empty if unreadable, which is reported when the frame is taken in."""
    try:
        head = runtime.values.loads(frame[0])
    except (ValueError, RecursionError):
        return {}
    return head if type(head) is dict and type(head.get("slot")) in (int, type(None)) else {}
