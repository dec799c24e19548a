"""State not shared by the modules of a process: the output streams and the working folder."""

import os
import sys


class Isolation:
    """Keeps output streams and working folder of each module: call `enter` before a module works and `leave` afterwards.

    `alone()` returns whether the caller is at work alone: neither in a thread nor beside an asynchronous function.
    """

    def __init__(self, alone):
        self._alone = alone
        self._streams = sys.stdout, sys.stderr
        self._home, self._folders, self._outputs = None, {}, {}
        self._slot = None
        self._chdir, self._fchdir = os.chdir, os.fchdir
        os.chdir = self._move
        os.fchdir = self._move_to_descriptor

    def _move(self, path):
        """Change the folder of the module at work only. Raises RuntimeError where other modules would move too."""
        self._leave_home()
        self._chdir(path)

    def _move_to_descriptor(self, fd):
        self._leave_home()
        self._fchdir(fd)

    def _leave_home(self):
        if not self._alone():
            raise RuntimeError(
                "os.chdir() in a thread or in an async function would move all modules that share this process; "
                "use absolute paths"
            )
        if self._home is None:
            self._home = os.getcwd()

    _move.__name__, _move_to_descriptor.__name__ = "chdir", "fchdir"

    def enter(self, slot):
        """Enter the slot before its work; return the slot waiting inside meanwhile, for `leave`."""
        before, self._slot = self._slot, slot
        if before is not None:
            self._keep(before)
        self._restore(slot)
        return before

    def leave(self, slot, before=None):
        """Leave the slot after its work; *before* goes on."""
        self._keep(slot)
        self._slot = before
        if before is not None:
            self._restore(before)

    def go_home(self):
        """Restore the process's own streams and folder before code with no need of others."""
        if self._home is not None:
            self._go(self._home)
        if sys.stdout is not self._streams[0] or sys.stderr is not self._streams[1]:
            sys.stdout, sys.stderr = self._streams

    def step_in(self, number):
        """Put the outputs of an async module in place while a task of it runs; return the outputs in place before, for
        `step_out`.
        """
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self._outputs.get(number, self._streams)
        return before

    def step_out(self, number, before):
        """Keep the outputs of a task that waits, and put the outputs *before* back."""
        self._keep_outputs(number)
        sys.stdout, sys.stderr = before

    def moved(self):
        """Return whether the module at work has changed folders; move back home if so."""
        moved = self._home is not None and os.getcwd() != self._home
        if moved:
            self._go(self._home)
        return moved

    def _restore(self, slot):
        stdout, stderr = self._outputs.get(slot.number, self._streams) if self._outputs else self._streams
        if sys.stdout is not stdout or sys.stderr is not stderr:
            sys.stdout, sys.stderr = stdout, stderr
        if self._home is not None:
            self._go(self._folders.get(slot.number, self._home))

    def _keep_outputs(self, number):
        if sys.stdout is not self._streams[0] or sys.stderr is not self._streams[1]:
            self._outputs[number] = sys.stdout, sys.stderr
        elif self._outputs:
            self._outputs.pop(number, None)

    def _keep(self, slot):
        self._keep_outputs(slot.number)
        if self._home is not None:
            try:
                self._folders[slot.number] = os.getcwd()
            except OSError:  # the folder is gone
                self._folders.pop(slot.number, None)

    def forget(self, number):
        """Forget an unloaded slot."""
        self._folders.pop(number, None)
        self._outputs.pop(number, None)

    def _go(self, folder):
        try:
            if os.getcwd() == folder:
                return
        except OSError:  # the folder is gone
            pass
        try:
            self._chdir(folder)
        except OSError:
            self._chdir(self._home)
