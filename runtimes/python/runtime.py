"""The Python runtime: ``python runtime.py PIPE_IN PIPE_OUT SHARED_MEMORY`` (see ``runtimes/README.md``).

Standard library only, and little of it before ``hello``: what a start costs is paid at every first run.
"""

import os
import sys


def main():
    """Serve until the pipe ends."""
    from floe_runtime.loop import Runtime
    from floe_runtime.pipe import Pipe

    runtime = Runtime(Pipe(sys.argv[1], sys.argv[2]), sys.argv[3])
    sys.path[0] = ""  # modules may import what lies in the working directory, as in a notebook, but nothing of ours
    sys.argv[1:] = []
    try:
        runtime.serve()
    except Exception:
        # modules own sys.stderr; what ends the runtime itself is told to the runner, which shows it with the crash
        import traceback

        os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        os._exit(1)


if __name__ == "__main__":
    main()
