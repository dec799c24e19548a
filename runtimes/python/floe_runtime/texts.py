"""Values of messages to JSON texts and back: the fast encoder where safe, otherwise the careful one (`floe_runtime.values`)."""

from floe_runtime.segments import Placed
from floe_runtime.values import ValueRefused, refused, tag, told, untag

INLINE_LIMIT = 16 * 1024 * 1024
"""Maximum bytes of the JSON text of a message."""


class Unreadable:
    """Stand-in for an unreadable message, which fails when its turn comes."""

    def __init__(self, error):
        self.error = error


class Values:
    """`encode` and `read` convert single values; `dumps` and `loads` are the codec's."""

    def __init__(self, codec, segments):
        self._place = segments.place
        self.dumps, self.loads = codec.dumps, codec.loads
        self.lossy = codec.lossy
        """True if the fast encoder writes NaN as ``null``."""

    def encode(self, value):
        """Return (text, buffers, tagged). Raises `ValueRefused`."""
        try:
            text = self.dumps(value)
        except (TypeError, ValueError, RecursionError, MemoryError):
            return self.careful(value)
        if (self.lossy and b"null" in text) or b'"$floe"' in text:
            return self.careful(value)
        return _bounded(text), (), False

    def careful(self, value):
        """Return the same as `encode`, without the fast encoder."""
        buffers = []
        try:
            text = _bounded(self.dumps(tag(value, buffers)))
            return text, tuple(map(self._place, buffers)), b'"$floe"' in text
        except RecursionError:
            raise refused(value) from None
        except MemoryError:
            raise ValueRefused("is larger than the memory that is left; send it in parts") from None
        except (TypeError, ValueError) as error:
            raise _why(value, error) from None

    def settle(self, given, number):
        """Return (text, buffers, tagged) of a result; None for no output."""
        if given.results[number] is None:
            return None
        return given.texts[number], *given.rare.get(number, ((), False))

    def read(self, text, buffers, tagged):
        """Return the value; `Unreadable` on failure."""
        value = self.loads(text)
        return self.untag(value, buffers) if tagged else value

    def untag(self, value, buffers):
        """Return the value with tags replaced; `Unreadable` on failure."""
        try:
            return untag(value, [view.view if type(view) is Placed else memoryview(view).toreadonly() for view in buffers])
        except ValueRefused as error:
            return Unreadable(error)
        except (RecursionError, MemoryError) as error:
            return Unreadable(ValueRefused(f"cannot be read here: {told(error)}"))


def _bounded(text):
    if len(text) > INLINE_LIMIT:
        raise ValueRefused(
            f"is {len(text):,} bytes of JSON, and {INLINE_LIMIT:,} is the limit; send large data as bytes or as an array"
        )
    return text


def _why(value, error):
    if "surrogate" in str(error):
        return ValueRefused(
            "holds text that is no Unicode (a lone surrogate); send bytes, or text.encode('utf-8', 'replace').decode()"
        )
    return ValueRefused(f"cannot become JSON: {error}")
