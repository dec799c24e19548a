"""Thread in which the bridge talks to the dispatcher, in order: the server's event loop never waits for the dispatcher."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from tornado.log import app_log

Job = Callable[[], None]


class Worker:
    """Jobs one after another, in a daemon thread started with the first job.

    Exceptions of a job are logged and end no other job.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._lock = threading.Lock()

    def do(self, job: Job) -> None:
        """Queue a job."""
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()
        self._jobs.put(job)

    def end(self, within: float) -> None:
        """End the thread after the queued jobs; wait for the end, at most *within* seconds."""
        if self._thread.ident is not None:
            self._jobs.put(None)
            self._thread.join(within)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # noqa: BLE001 - one job must not end the jobs of all other pages; logged
                app_log.exception("a job of the floe bridge failed; please report this")
