"""Start of a runtime's process. Imports little: the first runtime is started before the rest of the runner is imported."""

from __future__ import annotations

import os
import subprocess
from itertools import count

from floe_jupyter.runner.runtimes import descendants
from floe_jupyter.runner.runtimes.languages import Interpreter
from floe_jupyter.runner.runtimes.pipes import Fifos
from floe_jupyter.runner.runtimes.spawn import spawn
from floe_jupyter.wire import descriptors, leftovers

NEEDED = 12
"""Number of descriptors taken by the start of a runtime, half of them only during the start."""
MEMORY = leftovers.MEMORY
NO_MEMORY = os.devnull
"""Path in which no file can be made: a runtime then puts all buffers into its frames."""
_numbers = count(1)


class Launched:
    """Started process, with the runner's ends of the named pipes and of the output. `name` is the name of the runtime."""

    __slots__ = ("fifos", "interpreter", "name", "process", "stderr", "stdout")

    def __init__(self, interpreter: Interpreter) -> None:
        """Start the process. Raises OSError if the process cannot be started."""
        descriptors.require(NEEDED)
        self.interpreter = interpreter
        self.name = f"{leftovers.maker()}-{next(_numbers)}"
        self.fifos = Fifos()
        self.stdout, out = os.pipe()
        self.stderr, err = os.pipe()
        try:
            self.process: subprocess.Popen[bytes] = spawn(
                interpreter.command(self.fifos.to_runtime, self.fifos.from_runtime, MEMORY if interpreter.shares else NO_MEMORY),
                {**interpreter.all_variables, **descendants.marks(self.name)},
                out,
                err,
                interpreter.context.folder or None,
            )
        except OSError:
            for fd in (self.stdout, self.stderr, self.fifos.read_fd, self.fifos.write_fd):
                os.close(fd)
            self.fifos.remove()
            raise
        else:
            descendants.started(self.process.pid, self.name)
        finally:
            os.close(out)
            os.close(err)
