"""`ctx.state`: a dictionary that knows the top-level keys touched since the last commit.

A key counts as touched when written, or when a mutable value was read. Only touched keys are encoded at a commit and compared
with the values committed before. State is plain JSON: any other value is refused when assigned.
"""

from floe_runtime.values import PLAIN, ValueRefused, tag, told, untag


class State(dict):
    """Dictionary with `commit` and `undo`."""

    __slots__ = ("_codec", "_texts", "_touched")

    def __init__(self, codec, values=()):
        super().__init__()
        self._codec, self._texts, self._touched = codec, {}, {}
        self.replace(values)

    def replace(self, values):
        """Take JSON values (with tags) as the committed state."""
        dict.clear(self)
        self._touched.clear()
        self._texts = {key: self._codec.dumps(value) for key, value in dict(values).items()}
        for key, text in self._texts.items():
            dict.__setitem__(self, key, untag(self._codec.loads(text), ()))

    @property
    def touched(self):
        """True if any value may have changed since the last commit."""
        return bool(self._touched)

    @property
    def nested(self):
        """True if some value is mutable."""
        return any(type(value) not in PLAIN for value in dict.values(self))

    def peek(self):
        """Return the pairs, untouched."""
        return dict.items(self)

    def commit(self):
        """Return (changed keys with JSON texts, removed keys). Raises `ValueRefused` for a value that is no JSON."""
        changed, removed = {}, []
        for key in self._touched:
            if dict.__contains__(self, key):
                text = self._encode(key, dict.__getitem__(self, key))
                if self._texts.get(key) != text:
                    changed[key] = text
            elif key in self._texts:
                removed.append(key)
        self._texts.update(changed)
        for key in removed:
            del self._texts[key]
        self._touched.clear()
        return changed, removed

    def undo(self):
        """Restore the state of the last commit."""
        for key in self._touched:
            if key in self._texts:
                dict.__setitem__(self, key, untag(self._codec.loads(self._texts[key]), ()))
            else:
                dict.pop(self, key, None)
        self._touched.clear()

    def text(self):
        """Return the JSON text of the whole committed state."""
        pairs = (self._codec.dumps(key) + b":" + text for key, text in self._texts.items())
        return b"{" + b",".join(pairs) + b"}"

    def _encode(self, key, value):
        try:
            text = self._codec.dumps(value)
        except (TypeError, ValueError, RecursionError, MemoryError):
            return self._encode_tagged(key, value)
        return self._encode_tagged(key, value) if b"null" in text or b'"$floe"' in text else text

    def _encode_tagged(self, key, value):
        try:
            return self._codec.dumps(tag(value, None))
        except ValueRefused as error:
            raise error.inside(key) from error.__cause__
        except (TypeError, ValueError, RecursionError, MemoryError) as error:
            raise ValueRefused(f"cannot become JSON: {told(error)}").inside(key) from None

    # --- reading: mutable values that were read may have changed ---------------------------------------------------------

    def __getitem__(self, key):
        value = dict.__getitem__(self, key)
        if type(value) not in PLAIN:
            self._touched[key] = None
        return value

    def get(self, key, default=None):
        """Return a value, or *default*; touch the key."""
        return self[key] if key in self else default

    def _touch_all(self):
        for key, value in dict.items(self):
            if type(value) not in PLAIN:
                self._touched[key] = None

    def values(self):
        """Return the values; touch all mutable values."""
        self._touch_all()
        return dict.values(self)

    def items(self):
        """Return the pairs; touch all mutable values."""
        self._touch_all()
        return dict.items(self)

    def __iter__(self):
        self._touch_all()
        return dict.__iter__(self)

    def copy(self):
        """Return a plain dictionary."""
        self._touch_all()
        return dict(dict.items(self))

    def __reduce__(self):
        return dict, (self.copy(),)

    # --- writing ---------------------------------------------------------------------------------------------------------

    def __setitem__(self, key, value):
        if type(key) is not str:
            raise TypeError(f"ctx.state[{key!r}]: keys of the state are text; use str({key!r})")
        if type(value) not in PLAIN:
            try:
                self._encode(key, value)
            except ValueRefused as error:
                raise TypeError(f"ctx.state{error.path} {error.text}") from error.__cause__
        self._touched[key] = None
        dict.__setitem__(self, key, value)

    def __delitem__(self, key):
        dict.__delitem__(self, key)
        self._touched[key] = None

    def setdefault(self, key, default=None):
        """Return the value of *key*, set to *default* if missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key, *default):
        """Remove a key and return the value."""
        if key in self:
            value = dict.__getitem__(self, key)
            del self[key]
            return value
        return dict.pop(self, key, *default)

    def popitem(self):
        """Remove and return the newest pair."""
        key, value = dict.popitem(self)
        self._touched[key] = None
        return key, value

    def update(self, *others, **more):
        """Set several keys."""
        for key, value in dict(*others, **more).items():
            self[key] = value

    def __ior__(self, other):
        self.update(other)
        return self

    def clear(self):
        """Remove all keys."""
        for key in list(dict.keys(self)):
            del self[key]
