"""Outputs leave within some milliseconds, although the function is still at work, or sleeps.

A second thread looks at the clock while data may wait to be sent, and handles no data. When data is overdue the thread sends a
signal to the main thread, where the handler runs between two steps of the user's code: also in the midst of a blocking call,
which Python resumes afterwards. Only the main thread ever touches users' functions and the pipe.
"""

import _signal as signal  # the module under `signal`, without the milliseconds for its enumerations
import sys
from _thread import allocate_lock, get_ident, start_new_thread
from time import perf_counter, sleep

OVERDUE = 0.005
"""Maximum seconds of an output's wait."""
TICK = 0.008
IDLE = 100
"""Number of ticks without work after which the thread sleeps until woken: an idle process costs no time."""
SIGNAL = signal.SIGURG  # processes that do not know the signal ignore it
IDLE_IN = "wait"
"""Name of the runtime's function in which the main thread sleeps, and in which the handler may act, too."""
IMPORTING = "<frozen importlib"


class FlushTimer:
    """`waits()` tells whether data waits to be sent, `act(caller)` sends the data; *ours* is the prefix of the runtime's own
    files.
    """

    def __init__(self, waits, act, ours):
        self._waits, self._act, self._ours = waits, act, ours
        self.since = 0.0
        """Time since data may be waiting; 0 for none."""
        self._parked, self._running = True, False
        self._main, self._lock = get_ident(), allocate_lock()
        self._lock.acquire()
        self._starting = allocate_lock()
        signal.signal(SIGNAL, self._overdue)  # here: only the main thread may

    def watch(self):
        """Start the clock: data may be waiting from now on."""
        if not self.since:
            self.since = perf_counter()
        if self._parked:
            self._wake()

    def stop(self):
        """Stop in a forked child, which has no second thread and no work for one."""
        self._parked = False

    def _wake(self):
        self._parked = False
        if not self._running:
            if self._starting.acquire(False):  # a thread of the user's may be the first to print
                self._running = True
                start_new_thread(self._serve, ())
        elif self._lock.locked():
            self._lock.release()

    def _serve(self):
        idle = 0
        while True:
            sleep(TICK)
            idle = 0 if self.since else idle + 1
            if idle > IDLE:
                self._park()
                idle = 0
            elif self.since and perf_counter() - self.since > OVERDUE and self._waits():
                signal.pthread_kill(self._main, SIGNAL)

    def _park(self):
        self._parked = True
        if not self.since:
            self._lock.acquire()
        self._parked = False

    def _overdue(self, number, frame):
        """Act in the main thread, unless the signal interrupted the runtime's code, or an import, which must not be seen half
        done.
        """
        if frame is None or sys.is_finalizing():
            return
        if frame.f_code.co_filename.startswith(self._ours) and frame.f_code.co_name != IDLE_IN:
            return
        while frame is not None and not frame.f_code.co_filename.startswith(self._ours):
            if frame.f_code.co_filename.startswith(IMPORTING):
                return
            frame = frame.f_back
        if frame is not None:
            self._act(frame.f_code.co_name)
