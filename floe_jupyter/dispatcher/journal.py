"""The one thread beside the loop: it writes to the store, because a flush to the disk may take many milliseconds.

What is handed over is applied in order, everything that waits at once, and committed together.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from floe_jupyter.dispatcher import log
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores import Store

AGAIN_AFTER = 1.0
"""Seconds until a commit that failed is tried again."""
Entry = Callable[[Store], None]


class Journal:
    """Writes entries to a store, of which it is the only user until `close`."""

    def __init__(self, store: Store) -> None:
        self.problem = ""
        """Why the store cannot be written at present; what is not written is kept and tried again."""
        self._store = store
        self._entries: deque[Entry] = deque()
        self._news = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Have this done to the store, and made durable, soon. It must bear to be done twice."""
        self._entries.append(entry)
        self._news.set()

    def close(self) -> None:
        """Write what is left; then close the store."""
        self._ending.set()
        self._news.set()
        self._thread.join()
        self._store.close()

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            while self._entries and not self._write() and not self._ending.wait(AGAIN_AFTER):
                pass
            if self._ending.is_set() and not self._news.is_set():
                return

    def _write(self) -> bool:
        """Write everything that waits; false when that failed."""
        n = len(self._entries)
        try:
            for i in range(n):
                self._entries[i](self._store)
            self._store.commit()
        except EnvironmentFailed as error:
            if self.problem != str(error):
                log.warn(str(error))
            self.problem = str(error)
            return False
        for _ in range(n):
            self._entries.popleft()
        self.problem = ""
        return True
