"""Frames between a page and the bridge: JSON text, one object each.

Page to bridge: ``{id, call, args}``, ``{subscribe: topic}``, ``{unsubscribe: topic}``. Bridge to page: ``{id, value}`` or ``{id,
error: [kind, message]}``; ``{topic, sequence, value}``; ``{dispatcher: bool, pid}`` when the page comes and on every change of
the dispatcher; ``{lost: n}`` after events were left out because the page was slow: the page asks again for the displayed data.
Ids are whole numbers from 1; an error has the id null when the frame's id could not be read. Bytes are base64. A topic that ends
with a slash means all topics under it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.errors import FloeError, ProtocolError, nearest
from floe_jupyter.wire.control.topics import TOPICS, kind_of

MAXMSGSIZE = 16 * 1024 * 1024
"""Maximum bytes of a page's frame; the socket is closed (1009) on a larger frame."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Maximum bytes of JSON in an answer to a page."""
LONGEST_TOPIC = 500
"""Maximum number of characters of a topic."""
LARGEST_ID = 1 << 53

EMPTY = msgspec.Raw(b"{}")


class Frame(msgspec.Struct, forbid_unknown_fields=True):
    """Frame of a page; exactly one of call, subscribe and unsubscribe is given."""

    id: int = 0
    call: str = ""
    args: msgspec.Raw = EMPTY
    subscribe: str = ""
    unsubscribe: str = ""


class _Numbered(msgspec.Struct):
    id: int = 0


class Refused(Exception):
    """Frame that is refused. `number` is the id of the frame, if readable."""

    def __init__(self, number: int | None, error: FloeError) -> None:
        self.number, self.error = number, error
        super().__init__(str(error))


_frame = msgspec.json.Decoder(Frame)
_numbered = msgspec.json.Decoder(_Numbered)
_encode = msgspec.json.Encoder().encode


def read(text: str | bytes) -> Frame:
    """Return a decoded frame of a page. Raises Refused."""
    if isinstance(text, bytes):
        raise Refused(None, ProtocolError("a binary frame; frames of the bridge are JSON text, with bytes as base64"))
    try:
        frame = _frame.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Refused(_number(text), ProtocolError(f"an invalid frame: {error}; {_USAGE}")) from None
    problem = _problem(frame)
    if problem:
        raise Refused(frame.id if _valid(frame.id) else None, ProtocolError(f"{problem}; {_USAGE}"))
    return frame


_USAGE = "send {id, call, args}, {subscribe} or {unsubscribe}"


def _problem(frame: Frame) -> str:
    if sum(map(bool, (frame.call, frame.subscribe, frame.unsubscribe))) != 1:
        return "a frame is either a call or about one topic"
    if frame.call:
        return "" if _valid(frame.id) else f"the id of a call is a whole number from 1 to {LARGEST_ID - 1}"
    return _wrong_topic(frame.subscribe or frame.unsubscribe)


def _wrong_topic(topic: str) -> str:
    if len(topic) > LONGEST_TOPIC:
        return f"a topic of {len(topic)} characters; the longest has {LONGEST_TOPIC}"
    if not kind_of(topic):
        meant = f"{topic.partition('/')[0]}/"
        return f"no topic {topic[:64]!r}; {nearest(meant, TOPICS)}"
    return ""


def _valid(number: int) -> bool:
    return 0 < number < LARGEST_ID


def _number(text: str) -> int | None:
    try:
        number = _numbered.decode(text).id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return number if _valid(number) else None


def answer(number: int, value: Any) -> bytes:
    """Return the frame of an answer, or of an error if the answer is too large."""
    frame = _encode({"id": number, "value": value})
    if len(frame) <= LARGEST_ANSWER:
        return frame
    text = f"an answer of {len(frame):,} bytes; a page gets at most {LARGEST_ANSWER:,}: ask for less at once, with `limit`"
    return error(number, ProtocolError(text))


def error(number: int | None, fault: FloeError) -> bytes:
    """Return the frame of an error."""
    return _encode({"id": number, "error": (fault.kind, str(fault))})


def event(topic: str, sequence: int, value: Any) -> bytes:
    """Return the frame of an event."""
    return _encode({"topic": topic, "sequence": sequence, "value": value})


def presence(pid: int | None) -> bytes:
    """Return the frame that tells of a dispatcher, with the process id, or of no dispatcher."""
    return _encode({"dispatcher": pid is not None, "pid": pid})


def lost(n: int) -> bytes:
    """Return the frame about *n* events left out."""
    return _encode({"lost": n})
