"""The Python runtime: ``python runtime.py PIPE_IN PIPE_OUT SHARED_MEMORY`` (see ``runtimes/README.md``).

Standard library only, and few modules of it before ``hello``: every first run pays for the start.
"""

import os
import sys


def main():
    """Serve until the pipe ends."""
    from floe_runtime.loop import Runtime
    from floe_runtime.pipe import Pipe

    runtime = Runtime(Pipe(sys.argv[1], sys.argv[2]), sys.argv[3])
    sys.path[0] = ""  # modules may import from the working directory, as in a notebook, but none of the runtime's files
    sys.path[:0] = _new_entries("FLOE_PATH_BEFORE")
    sys.path += _new_entries("FLOE_PATH_AFTER")
    sys.argv[1:] = []
    try:
        runtime.serve()
    except Exception:
        # modules own sys.stderr: tell errors of the runtime itself to the runner, which shows them with the crash
        import traceback

        os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        os._exit(1)


def _new_entries(variable):
    """Return the entries of the notebook's import path that this interpreter does not have by itself."""
    return [entry for entry in os.environ.pop(variable, "").split(os.pathsep) if entry and entry not in sys.path]


if __name__ == "__main__":
    main()
