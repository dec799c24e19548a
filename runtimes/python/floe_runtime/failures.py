"""Failure reports of users' exceptions: the cell, the line, Python's own trace, and no frame of the runtime."""

import os

OURS = os.path.dirname(__file__) + os.sep
MAIN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "runtime.py")
MESSAGE_LIMIT = 1_000
TRACE_LIMIT = 32 * 1024
INPUT_LIMIT = 2_048
STATE_LIMIT = 64 * 1024
FRAMES = 20
"""Number of frames shown at both ends of a trace."""


class Source:
    """Text of a module as Python sees it: padded, to number lines as in the cell. Also the module's loader, for linecache."""

    def __init__(self, module):
        place = module.get("place") or {}
        self.cell = place.get("cell", 0)
        self.text = "\n" * place.get("line", 0) + _flush_left(module["source"].removeprefix("\ufeff"))
        self.lines = self.text.split("\n")
        self.module = module["name"]
        self.name = f"Cell In[{self.cell}]" if self.cell else place.get("file") or f"module {self.module}"
        self.log = None
        """Log for faults outside any message."""

    def get_source(self, name):
        """Return the source, under the method name expected of loaders."""
        return self.text

    def line(self, number):
        """Return the line with number *number*; empty if out of range."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""


def _flush_left(text):
    """Return the text without the indent of its first line, as IPython takes the body of a cell."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    return "\n".join(line.removeprefix(indent) for line in lines) if indent else text


def clean(text):
    """Return text accepted by every JSON reader."""
    return text.encode("utf-8", "replace").decode()


def describe(error):
    """Return ``ValueError: not a number``: a bounded line, safe for any exception of the user's."""
    try:
        text = str(error)
    except BaseException:
        text = "(its text cannot be shown: str() of it raises too)"
    name = type(error).__name__
    first = text.strip().split("\n", 1)[0][:MESSAGE_LIMIT]
    return clean(f"{name}: {first}" if first else name)


def failure(node, error, kind="raised"):
    """Return the `failure` object of a frame for an exception."""
    if isinstance(error, SyntaxError) and isinstance(getattr(error, "source_of", None), Source):
        return _syntax(node, error, error.source_of)
    frames = _frames(error.__traceback__)
    result = {"node": node, "message": describe(error), "kind": kind, "trace": trace(error)}
    place = next(((f, line) for f, line in reversed(frames) if _source(f) is not None), None)
    if place is not None:
        result["cell"], result["line"] = _source(place[0]).cell, place[1]
    return result


def origin(error):
    """Return (source, line) of the last module line passed by the error, and the traceback from the first module frame on."""
    found, first, tb = (None, 0), None, error.__traceback__
    while tb is not None:
        source = _source(tb.tb_frame)
        if source is not None:
            found, first = (source, tb.tb_lineno), first or tb
        tb = tb.tb_next
    return (*found, first)


def plain(node, message, kind):
    """Return a failure without an exception of the user's."""
    return {"node": node, "message": clean(message), "kind": kind, "trace": clean(message)}


def _syntax(node, error, source):
    line, column = error.lineno or 0, error.offset or 0
    text = source.line(line)
    message = describe(error).rsplit(" (Cell In", 1)[0]
    indent = len(text) - len(text.lstrip())
    caret = " " * max(0, column - 1 - indent) + "^"
    trace = f"  {source.name}, line {line}\n    {text.strip()}\n    {caret}\n{message}"
    return {"node": node, "message": message, "kind": "load", "trace": clean(trace), "cell": source.cell, "line": line}


def _source(frame):
    loader = frame.f_globals.get("__loader__")
    return loader if isinstance(loader, Source) and frame.f_code.co_filename == loader.name else None


def _frames(tb):
    """Return (frame, line) from the outermost to the raising frame, without the runtime's own."""
    frames = []
    while tb is not None:
        name = tb.tb_frame.f_code.co_filename
        if not name.startswith(OURS) and name != MAIN:
            frames.append((tb.tb_frame, tb.tb_lineno))
        tb = tb.tb_next
    return frames


def trace(error):
    """Return the trace as Python prints it, with causes, places in the notebook, and a bound."""
    parts, seen = [], set()
    _chain(error, parts, seen)
    text = clean("\n".join(parts))
    return text if len(text) <= TRACE_LIMIT else text[: TRACE_LIMIT // 2] + "\n  ...\n" + text[-TRACE_LIMIT // 2 :]


def _chain(error, parts, seen):
    if id(error) in seen or len(seen) > 10:
        return
    seen.add(id(error))
    if error.__cause__ is not None:
        _chain(error.__cause__, parts, seen)
        parts.append("\nThe above exception was the direct cause of the following exception:\n")
    elif error.__context__ is not None and not error.__suppress_context__:
        _chain(error.__context__, parts, seen)
        parts.append("\nDuring handling of the above exception, another exception occurred:\n")
    frames = _frames(error.__traceback__)
    if frames:
        parts.append("Traceback (most recent call last):")
        parts += _shown(frames)
    parts.append(_text(error))
    for inner in getattr(error, "exceptions", ())[:5] if isinstance(error, BaseExceptionGroup) else ():
        parts.append("  +---")
        _chain(inner, parts, seen)


def _shown(frames):
    if len(frames) > 2 * FRAMES:
        left = len(frames) - 2 * FRAMES
        head, tail = frames[:FRAMES], frames[-FRAMES:]
        return [*map(_entry, head), f"  ... {left} more frames ...", *map(_entry, tail)]
    return list(map(_entry, frames))


def _entry(at):
    frame, number = at
    code, source = frame.f_code, _source(frame)
    if source is not None:
        where, line = f"  {source.name}, line {number}", source.line(number)
    else:
        where, line = f'  File "{code.co_filename}", line {number}', _library_line(frame, number)
    name = "" if code.co_name == "<module>" else f", in {code.co_name}"
    return f"{where}{name}" + (f"\n    {line.strip()}" if line.strip() else "")


def _library_line(frame, number):
    import linecache

    return linecache.getline(frame.f_code.co_filename, number, frame.f_globals)


def _text(error):
    try:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return "\n".join([text, *(str(note) for note in getattr(error, "__notes__", ()))])
    except BaseException:
        return describe(error)
