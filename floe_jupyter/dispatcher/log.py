"""The dispatcher's log: lines on the standard error output, which is a file. Users' values and keys are never written.

The `logging` module of the standard library is not used: its import would be a tenth of the whole start. No function raises: the
log is on the same disk whose failures its lines report, and an error while reporting would end the reporting code.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress

lost = 0
"""Number of lines that could not be written; the newest are missing from the log."""


def warn(text: str) -> None:
    """Write one line. Never raises."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S")
    _write(f"{moment} {' '.join(text.split())}\n")


def fault(text: str) -> None:
    """Write one line and the trace of the exception being handled. Never raises."""
    warn(text)
    trace = ""
    with suppress(Exception):  # an exception's own text may raise
        import traceback

        trace = traceback.format_exc()
    if trace:
        _write(trace)


def callback_failed() -> None:
    """Log the exception of a callback of the loop; the loop goes on, as one fault must not end the runs of all clients."""
    fault("a callback failed; please report this")


def _write(text: str) -> None:
    global lost
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:  # noqa: BLE001 - a full disk, a closed or missing stream: the reporting code must go on
        lost += 1
