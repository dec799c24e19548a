"""Starting a runtime's process. Imports little: the first runtime is started before the rest of the runner is imported."""

from __future__ import annotations

import os
import subprocess
from itertools import count

from floe_jupyter.runner.languages import Interpreter
from floe_jupyter.runner.pipes import Fifos
from floe_jupyter.runner.spawn import spawn

MEMORY = "/dev/shm"  # noqa: S108 - the machine's shared memory; names in it carry our process number
_numbers = count(1)


class Launched:
    """A process, our ends of its named pipes, and those of what it prints. `name` is the runtime's."""

    __slots__ = ("fifos", "interpreter", "name", "process", "stderr", "stdout")

    def __init__(self, interpreter: Interpreter) -> None:
        """Raises OSError when it cannot be started."""
        self.interpreter = interpreter
        self.name = f"floe-{os.getpid()}-{next(_numbers)}"
        self.fifos = Fifos()
        self.stdout, out = os.pipe()
        self.stderr, err = os.pipe()
        try:
            self.process: subprocess.Popen[bytes] = spawn(
                interpreter.command(self.fifos.to_runtime, self.fifos.from_runtime, MEMORY),
                {**os.environ, **interpreter.variables, "FLOE_RUNTIME": self.name}, out, err)
        except OSError:
            for fd in (self.stdout, self.stderr, self.fifos.read_fd, self.fifos.write_fd):
                os.close(fd)
            self.fifos.remove()
            raise
        finally:
            os.close(out)
            os.close(err)
