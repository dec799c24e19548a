"""The dispatcher's log: lines on the standard error output, which is a file. Of users' values and keys, nothing is written.

Not the `logging` of the standard library: importing it would be a tenth of the whole start.
"""

from __future__ import annotations

import sys
import time


def warn(text: str) -> None:
    """One line."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S")
    sys.stderr.write(f"{moment} {' '.join(text.split())}\n")
    sys.stderr.flush()


def fault(text: str) -> None:
    """One line and the trace of the exception that is being handled."""
    import traceback

    warn(text)
    traceback.print_exc()
    sys.stderr.flush()
