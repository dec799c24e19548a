"""Values of messages to JSON texts and back: the fast way where it is safe, the careful one (`floe_runtime.values`) where not."""

from floe_runtime.segments import Placed
from floe_runtime.values import ValueRefused, refused, tag, untag

INLINE_LIMIT = 16 * 1024 * 1024
"""The longest JSON text of one message, in bytes."""


class Unreadable:
    """Takes the place of a message that cannot be read; its turn is a failure."""

    def __init__(self, error):
        self.error = error


class Values:
    """`encode` and `read` single values; `dumps` and `loads` are the codec's."""

    def __init__(self, codec, segments):
        self._place = segments.place
        self.dumps, self.loads = codec.dumps, codec.loads
        self.lossy = codec.lossy
        """The fast encoder writes NaN as ``null``."""

    def encode(self, value):
        """(text, buffers, tagged). Raises `ValueRefused`."""
        try:
            text = self.dumps(value)
        except (TypeError, ValueError, RecursionError):
            return self.careful(value)
        if (self.lossy and b"null" in text) or b'"$floe"' in text:
            return self.careful(value)
        return _bounded(text), (), False

    def careful(self, value):
        """The same without the fast way."""
        buffers = []
        try:
            text = self.dumps(tag(value, buffers))
        except RecursionError:
            raise refused(value) from None
        except (TypeError, ValueError) as error:
            raise _why(value, error) from None
        return _bounded(text), tuple(map(self._place, buffers)), b'"$floe"' in text

    def settle(self, given, number):
        """(text, buffers, tagged) of a result; None for no output."""
        if given.results[number] is None:
            return None
        return given.texts[number], *given.rare.get(number, ((), False))

    def read(self, text, buffers, tagged):
        """The value; `Unreadable` when that fails."""
        value = self.loads(text)
        return self.untag(value, buffers) if tagged else value

    def untag(self, value, buffers):
        """The value with its tags replaced; `Unreadable` when that fails."""
        try:
            return untag(value, [view.view if type(view) is Placed else memoryview(view).toreadonly() for view in buffers])
        except ValueRefused as error:
            return Unreadable(error)


def _bounded(text):
    if len(text) > INLINE_LIMIT:
        raise ValueRefused(f"is {len(text):,} bytes of JSON, and {INLINE_LIMIT:,} is the limit; send large data as bytes or as "
                           "an array")
    return text


def _why(value, error):
    if "surrogate" in str(error):
        return ValueRefused("holds text that is no Unicode (a lone surrogate); send bytes, or "
                            "text.encode('utf-8', 'replace').decode()")
    return ValueRefused(f"cannot become JSON: {error}")
