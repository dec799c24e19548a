"""Required contents of frames. A bad frame is refused whole, before any part has an effect."""


class BadFrame(Exception):
    """Reason why a frame cannot be taken."""


_FIELDS = {
    "load": {"slot": int, "node": str, "module": dict},
    "activate": {"slot": int, "state": dict},
    "unload": {"slot": int},
    "route": {"slot": int, "routes": dict},
    "call": {"call": int, "slot": int, "port": str, "batch": dict},
    "more": {"call": int},
    "recall": {"slot": int},
    "free": {},
    "exit": {},
}
_OPTIONAL = {
    "load": {"prefix": str, "state": dict, "on_error": str, "commit_each": bool, "lane": int},
    "call": {"skip": int, "first": int, "state": dict},
    "free": {"segments": list, "remove": list},
}
_OF_BATCH = {"run": int, "runs": list, "ids": list, "tagged": bool, "buffers": list, "counts": list}


def is_plain_call(head, size):
    """Return whether the frame is a valid call of the commonest shape: a single part, and a batch with a run at most."""
    batch = head.get("batch")
    return (
        head.get("t") == "call"
        and type(batch) is dict
        and len(batch) <= 2
        and type(batch.get("n")) is int
        and batch["n"] > 0
        and type(batch.get("run", 0)) is int
        and (len(batch) == 1 or "run" in batch)
        and type(head.get("call")) is int
        and type(head.get("slot")) is int
        and type(head.get("port")) is str
        and head.get("parts") == [size]
        and (len(head) == 6 or (len(head) == 7 and type(head.get("first")) is int))
    )


def check(head):
    """Return the kind of the frame. Raises `BadFrame`."""
    if type(head) is not dict:
        raise BadFrame("the head is no JSON object")
    kind = head.get("t")
    if type(kind) is not str or kind not in _FIELDS:
        raise BadFrame(f"no frame is called {kind!r}"[:200])
    _fields(head, kind, _FIELDS[kind], needed=True)
    _fields(head, kind, _OPTIONAL.get(kind, {}), needed=False)
    if kind == "load":
        _module(head["module"])
    elif kind == "call":
        _batch(head["batch"])
    elif kind == "route":
        _routes(head["routes"])
    elif kind == "free" and not all(_texts(head.get(name) or []) for name in ("segments", "remove")):
        raise BadFrame("free: the names of segments are texts")
    return kind


def _fields(value, name, types, needed):
    for field, kind in types.items():
        given = value.get(field)
        if given is None and not needed:
            value.pop(field, None)
        elif type(given) is not kind:
            raise BadFrame(f"{name}: {field} is no {kind.__name__}")


def _module(module):
    _fields(module, "module", {"name": str, "source": str}, needed=True)
    _fields(module, "module", {"outputs": list, "place": dict}, needed=False)
    if not _texts(module.get("outputs", [])):
        raise BadFrame("module: the names of ports are texts")
    _fields(module.get("place", {}), "place", {"cell": int, "line": int, "file": str}, needed=False)
    if not 0 <= module.get("place", {}).get("line", 0) < 1_000_000:
        raise BadFrame("place: line is out of range")


def _batch(batch):
    _fields(batch, "batch", {"n": int}, needed=True)
    _fields(batch, "batch", _OF_BATCH, needed=False)
    n, counts = batch["n"], batch.get("counts", [])
    if n < 1 or any(len(batch[name]) != n for name in ("runs", "ids", "counts") if name in batch):
        raise BadFrame(f"a batch of {n} whose runs, ids or counts differ from it")
    if not _numbers(counts) or not _numbers(batch.get("runs", [])) or not _texts(batch.get("ids", [])):
        raise BadFrame("a batch whose runs, ids or counts are of another type")
    for buffer in batch.get("buffers", []):
        if type(buffer) is not dict or type(buffer.get("size")) is not int or type(buffer.get("segment", "")) is not str:
            raise BadFrame("a buffer without its size")
    if sum(counts) != len(batch.get("buffers", [])):
        raise BadFrame("a batch whose counts and buffers differ")


def _texts(values):
    return all(type(value) is str for value in values)


def _numbers(values):
    return all(type(value) is int and value >= 0 for value in values)


def _routes(routes):
    for targets in routes.values():
        if type(targets) is not list or not all(_route(target) for target in targets):
            raise BadFrame("route: a target is [wire, slot, input port]")


def _route(target):
    return type(target) is list and list(map(type, target)) == [str, int, str]


def parts_of(head, body):
    """Return the parts behind the head, by the lengths in the head. Raises `BadFrame`."""
    lengths = head.get("parts") or []
    if type(lengths) is not list or not _numbers(lengths) or sum(lengths) != len(body):
        raise BadFrame(f"the parts do not make up the {len(body)} bytes behind the head")
    parts, at = [], 0
    for length in lengths:
        parts.append(body[at : at + length])
        at += length
    return parts


def check_parts(head, parts):
    """Check a call for payload and inline buffers. Raises `BadFrame`."""
    inline = [b["size"] for b in head["batch"].get("buffers", []) if not b.get("segment")]
    if [len(part) for part in parts[1:]] != inline or not parts:
        raise BadFrame("a batch whose parts are not its payload and its buffers")
