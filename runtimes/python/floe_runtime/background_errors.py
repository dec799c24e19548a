"""Faults outside any message: in a thread, in `__del__`, in a callback; logged for the module of the raising line."""

import sys

from floe_runtime.failures import origin, trace


class BackgroundErrors:
    """Replaces Python's hooks for output to standard error; a module may install hooks of its own."""

    def __init__(self, logs):
        self._logs = logs
        sys.unraisablehook = self._unraisable

    def watch_threads(self, threading):
        """Hook into `threading` once imported."""
        threading.excepthook = self._thread

    def _unraisable(self, args):
        if args.exc_value is not None:
            self.report(args.err_msg or f"in {_name(args.object)}", args.exc_value)

    def _thread(self, args):
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            self.report(f"in thread {getattr(args.thread, 'name', 'unknown')}", args.exc_value)

    def report(self, what, error):
        """Write a fault to the log of the module of the raising line, or of the module at work."""
        source, line, behind = origin(error)
        if source is None:
            self._logs.write("stderr", f"Error {what}, which fails no message:\n{trace(error)}\n", 2)
            return
        error.__traceback__ = behind  # frames of the library that made the call say no more
        text = f"Error {what} of module {source.module} ({source.name}, line {line}), which fails no message:\n{trace(error)}\n"
        self._logs.write("stderr", text, 2, source.log)


def _name(thing):
    """Return the name of any object."""
    try:
        return str(getattr(thing, "__qualname__", None) or type(thing).__qualname__)
    except BaseException:
        return "an object"
