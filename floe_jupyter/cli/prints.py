"""Output of modules while `floe run` waits, on standard error as it comes."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from floe_jupyter.cli.terminal import harmless
from floe_jupyter.client.run import Run
from floe_jupyter.client.session import Session
from floe_jupyter.wire.control import topics
from floe_jupyter.wire.control.topics import HERE

LAST = 2.0
"""Maximum seconds for the last lines of a run."""
KEPT = 16 * 1024 * 1024
"""Maximum bytes waiting to be written; beyond the maximum, the oldest pieces are dropped."""
OVERHEAD = 500
"""Bytes of a piece besides its text."""


class Prints:
    """Output of the modules of a run, collected from before the run begins; `take` returns new text, each line with its node."""

    def __init__(self, session: Session) -> None:
        self._client = session.client
        self._heard: deque[tuple[str, dict[str, Any]]] = deque()
        self._size = self._lost = 0
        self._lock = threading.Lock()
        self._end: Callable[[], None] = self._client.subscribe(topics.LOG, self.hear)
        self._open = ""
        """Node whose last line has not ended."""

    def hear(self, topic: str, line: dict[str, Any]) -> None:
        """Keep a piece until taken; safe in any thread."""
        with self._lock:
            self._heard.append((topic, line))
            self._size += sys.getsizeof(line["text"]) + OVERHEAD
            while self._size > KEPT and len(self._heard) > 1:
                _, oldest = self._heard.popleft()
                self._size -= sys.getsizeof(oldest["text"]) + OVERHEAD
                self._lost += 1

    def take(self, run: Run) -> str:
        """Return the text since the last call."""
        topic = f"{topics.LOG}{run.info.instance or run.ref}"
        with self._lock:
            heard, lost = self._heard, self._lost
            self._heard, self._size, self._lost = deque(), 0, 0
        gap = f"{self.end_line()}... {lost:,} pieces came faster than they could be written, and were left out\n" if lost else ""
        found = [gap] + [self._shown(line["node"], line["text"]) for came, line in heard if came == topic]
        return "".join(found)

    def _shown(self, node: str, text: str) -> str:
        if not text:
            return ""
        goes_on = self._open == node
        start = "" if goes_on or not self._open else "\n"
        ended = text.endswith("\n")
        self._open = "" if ended else node
        lines = text.removesuffix("\n").split("\n")
        told = [line if goes_on and not at else f"{node}: {line}" for at, line in enumerate(lines)]
        return start + "\n".join(told) + "\n" * ended

    def end_line(self) -> str:
        """Return the end of a line that is open: on a terminal other output follows."""
        end, self._open = "\n" * bool(self._open), ""
        return end

    def last(self, run: Run) -> str:
        """Return the rest, when the run is over: earlier output comes before the answer to a subscription of now."""
        here = threading.Event()
        end = self._client.subscribe(f"{HERE}prints/{os.getpid()}", lambda _topic, _value: here.set())
        here.wait(LAST)
        end()
        text = self.take(run)
        return text + self.end_line()

    def close(self) -> None:
        """End the subscription."""
        self._end()


def to_stderr(text: str) -> None:
    """Write text to standard error, also with characters that the encoding of the terminal lacks."""
    sys.stderr.write(harmless(text, sys.stderr))
    sys.stderr.flush()
