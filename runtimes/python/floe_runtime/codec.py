"""JSON text of users' values: the fast encoder if the runner offers one, otherwise the standard library's.

Encoding takes plain values only (None, bool, int of 64 bits, float, str, list, tuple and dict with str keys, exactly) and raises
for all others, which `floe_runtime.values` then examines singly. With orjson NaN and infinities become ``null``: a text with
``null`` must be checked again.
"""

import os
import sys

TESTED = ((3, 10), (3, 13))
"""Versions of orjson known to start with the stand-ins of `_stand_ins`."""


class Codec:
    """`encode(value, None, options)` and `loads(text)`; `name` is the name of the library.

    `lossy`: NaN and infinities become ``null``; otherwise both raise.
    """

    def __init__(self, name, encode, options, loads, lossy):
        self.name, self.encode, self.options, self.loads, self.lossy = name, encode, options, loads, lossy

    def dumps(self, value):
        """Return the JSON text of a plain value, as bytes."""
        return self.encode(value, None, self.options)


def choose(directory):
    """Return the orjson of *directory*, or the standard library's json."""
    if directory:
        try:
            return _fast(directory)
        except (ImportError, OSError, AttributeError, StopIteration):
            pass
    return _plain()


def _fast(directory):
    folder = os.path.join(directory, "orjson")
    import _imp

    suffixes = _imp.extension_suffixes()
    name = next(n for n in sorted(os.listdir(folder)) if any(n == "orjson" + s for s in suffixes))
    path = os.path.join(folder, name)
    module = _apart(path) if _tested(directory) else _load(path)
    options = module.OPT_PASSTHROUGH_SUBCLASS | module.OPT_PASSTHROUGH_DATACLASS | module.OPT_PASSTHROUGH_DATETIME
    return Codec("orjson", module.dumps, options, module.loads, lossy=True)


def _tested(directory):
    for name in os.listdir(directory):
        if name.startswith("orjson-") and name.endswith(".dist-info"):
            version = tuple(int(x) for x in name[7:-10].split(".")[:2] if x.isdigit())
            return TESTED[0] <= version <= TESTED[1]
    return False


def _load(path):
    import _imp
    from importlib.machinery import ExtensionFileLoader, ModuleSpec

    loader = ExtensionFileLoader("orjson", path)
    module = _imp.create_dynamic(ModuleSpec("orjson", loader, origin=path))
    loader.exec_module(module)
    return module


def _apart(path):
    """Load a copy of the library, not shared with the user's imports, with stand-ins for the library's own imports.

    The library asks for enum, uuid, dataclasses and others only to encode their values by itself, changing them silently; without
    the real types the values are handed to the runtime, and starting is five times as fast.
    """
    fd = os.memfd_create("floe-codec")
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        while os.fstat(fd).st_size < size:
            os.sendfile(fd, file.fileno(), None, size)
    stand_ins = _stand_ins()
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        return _load(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _stand_ins():
    class Nobody:
        """Type without values."""

    class JSONDecodeError(ValueError):
        """Base of the library's own error."""

    def module(name, **names):
        result = type(sys)(name)
        result.__dict__.update(names)
        return result

    decoder = module("json.decoder", JSONDecodeError=JSONDecodeError)
    return {
        "enum": module("enum", EnumMeta=Nobody, Enum=Nobody),
        "uuid": module("uuid", UUID=Nobody, NAMESPACE_DNS=Nobody()),
        "dataclasses": module("dataclasses", _FIELD=Nobody(), _FIELD_CLASSVAR=Nobody()),
        "zoneinfo": module("zoneinfo", ZoneInfo=Nobody),
        "json": module("json", JSONDecodeError=JSONDecodeError, decoder=decoder),
        "json.decoder": decoder,
    }


def _plain():
    import json

    from floe_runtime.values import is_plain

    write = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

    def encode(value, _default, _options):
        if not is_plain(value):
            raise TypeError("not plain")
        return write(value).encode()

    def constant(name):
        raise ValueError(f"{name} is no JSON")

    decode = json.JSONDecoder(parse_constant=constant).decode

    def loads(text):
        return decode(text if isinstance(text, str) else str(text, "utf-8"))

    return Codec("json", encode, 0, loads, lossy=False)
