"""The journal: a thread beside the loop that writes to the store, because a flush to the disk may take many milliseconds.

Entries are applied in order, all waiting entries at once, and committed together. Entries that cannot be written are kept and
tried again until written: a full disk is temporary, and accepted changes must outlive the shortage.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from floe_jupyter.dispatcher import log
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores import Store

AGAIN_AFTER = 1.0
"""Seconds until a failed commit is tried again."""
LAST_TRIES = 1.0
"""Seconds that `close` continues to try to write remaining entries."""
TRIES = 3
"""Maximum number of tries of an entry that fails with an internal fault; then the entry is set aside and the rest written."""
Entry = Callable[[Store], None]


class Journal:
    """Writer of entries to a store, of which the journal is the only user until `close`.

    *marker* is the path of a file that exists while accepted entries are not written: the file tells the next dispatcher.
    """

    def __init__(self, store: Store, marker: str = "") -> None:
        self.former = "" if not marker else _left(marker)
        """Description of data known to be missing since a former dispatcher; empty if none."""
        self._store, self._marker = store, marker
        self._problem = ""
        self._aside = ""
        self._ended = ""
        self._tries = 0
        self._entries: deque[Entry] = deque()
        self._news = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Reason why an entry is not written; empty if all are written, or soon will be."""
        return self.ended or self._problem or self._aside

    @property
    def ended(self) -> str:
        """Reason why no entry will be written any more: the thread has ended. Empty while the thread runs."""
        if self._thread.is_alive() or (self._ending.is_set() and not self._ended):
            return ""
        return (
            f"nothing can be saved any more: the thread that writes has ended ({self._ended or 'it is gone'}); end this "
            "dispatcher (restart Jupyter), then define again what is missing"
        )

    @property
    def waiting(self) -> bool:
        """True if entries are waiting to be written."""
        return bool(self._entries)

    def put(self, entry: Entry) -> None:
        """Queue *entry* to be applied to the store and committed soon. An entry must tolerate being applied twice."""
        self._entries.append(entry)
        self._news.set()

    def close(self) -> str:
        """Write the remaining entries, then close the store. Returns why an entry is not written, empty if all are."""
        self._ending.set()
        self._news.set()
        self._thread.join()
        problem = self.problem if self._entries or self._aside else ""
        try:
            self._store.close()
        except Exception as error:  # noqa: BLE001 - the rest of the dispatcher's end does not depend on it
            log.fault("the store could not be closed")
            problem = problem or str(error)
        return problem

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - every cause of the thread's end must be shown
            self._ended = f"{type(error).__name__}: {error}"  # before all that may fail: `problem` shows it
            log.fault("the journal ended; please report this")

    def _work(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            while self._entries and not self._write() and not self._ending.wait(AGAIN_AFTER):
                pass
            if self._ending.is_set() and not self._news.is_set():
                self._write_the_last()
                return

    def _write_the_last(self) -> None:
        deadline = time.monotonic() + LAST_TRIES
        while self._entries and not self._write() and time.monotonic() < deadline:
            time.sleep(LAST_TRIES / 5)

    def _write(self) -> bool:
        """Write all waiting entries; return False on failure."""
        n, done = len(self._entries), 0
        try:
            for done in range(n):
                self._entries[done](self._store)
            self._store.commit()
        except EnvironmentFailed as error:
            self._trouble(str(error))
            return False
        except Exception as error:  # noqa: BLE001 - an internal fault in one entry: the others must be written nevertheless
            self._trouble(f"{type(error).__name__}: {error}; please report this")
            self._fault(done, str(error))
            return False
        for _ in range(n):
            self._entries.popleft()
        self._written()
        return True

    def _trouble(self, problem: str) -> None:
        """Show the problem, then log it and leave the marker: the latter may fail on the same disk."""
        before, self._problem = self._problem, problem
        if before != problem:
            log.warn(problem)
            if self._marker:
                with suppress(OSError):
                    os.close(os.open(self._marker, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _fault(self, at: int, text: str) -> None:
        self._tries += 1
        if self._tries >= TRIES and at < len(self._entries):
            self._tries = 0
            del self._entries[at]
            self._aside = f"one change cannot be saved: {text}; please report this, and define again what is missing"
            log.warn(self._aside)

    def _written(self) -> None:
        self._tries = 0
        if self._problem:
            self._problem = ""
            if self._marker and not self._aside:
                with suppress(OSError):
                    os.unlink(self._marker)


def _left(marker: str) -> str:
    """Remove the marker of a former dispatcher, and return the message for users, given once; empty without marker."""
    try:
        os.unlink(marker)
    except OSError:
        return ""
    return (
        "the dispatcher before ended before its newest changes were saved (its disk was full, or could not be written); run "
        "the cells of your newest definitions again"
    )
