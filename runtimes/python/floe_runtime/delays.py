"""Time of a thread that was ready to run but without a processor, because other processes had it."""

import fcntl
import os
from _thread import get_native_id

from floe_runtime.pipe import HIGH


class Delays:
    """Delays of the creating thread. (Counts of waits do not tell sleep from waits for the runtime's second thread.)"""

    def __init__(self):
        try:
            low = os.open(f"/proc/self/task/{get_native_id()}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
            self._file = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, HIGH)  # as the pipes: modules may close files they did not open
            os.close(low)
        except OSError:
            self._file = -1

    def seconds(self):
        """Return the total until now; 0 if unknown to the system, in which case time without a processor counts as work."""
        try:
            return int(os.pread(self._file, 80, 0).split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0
