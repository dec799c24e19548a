"""The dispatcher's process: ``python -m floe_jupyter.dispatcher --file CONNECTION_FILE``.

The runner is started before any heavy import: both start in parallel.
"""

from __future__ import annotations

import gc
import os
import sys

SWEEP_AFTER = 0.5
"""Seconds until the remains of killed runners are looked for: the first calls go first."""
USAGE = """usage: python -m floe_jupyter.dispatcher --file CONNECTION_FILE [--data DIRECTORY] [--foreground]

  --file        the connection file to write
  --data        for definitions, records and results (default: by the connection file)
  --foreground  stay a child of the process that starts it"""


def main(arguments: list[str]) -> int:
    """Run the dispatcher. Write ``ready``, or an error in one line, to the standard output."""
    sys.modules.setdefault("typing_extensions", None)  # type: ignore[arg-type] # msgspec can do without; a quarter of the start
    try:
        options = _options(arguments)
        path = options["--file"]
    except (KeyError, StopIteration):
        sys.stderr.write(f"{USAGE}\n")
        return 2
    if "--foreground" not in options and os.fork():
        os._exit(0)  # the starting process gets no child to wait for later
    from floe_jupyter.errors import FloeError

    try:
        _serve(path, options.get("--data", ""))
    except FloeError as error:
        _say(f"{error.kind} {' '.join(str(error).split())}")
        return 1
    return 0


def _options(arguments: list[str]) -> dict[str, str]:
    """Parse the options, by hand: importing a library would take longer than all other steps before the runner's start."""
    given = iter(arguments)
    return {option: "" if option == "--foreground" else next(given) for option in given}


def _serve(path: str, data: str) -> None:
    from floe_jupyter.dispatcher import socket_directory
    from floe_jupyter.dispatcher.runners.launchers.local import adopt_orphans, endpoint_in
    from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder
    from floe_jupyter.dispatcher.runners.launchers.registry import LAUNCHERS
    from floe_jupyter.wire import leftovers, processes
    from floe_jupyter.wire.transport import streams

    directory = socket_directory.make()
    order = LaunchOrder("local:", endpoint_in(directory), directory, epoch=1)
    listener = streams.listen(order.endpoint)  # the runner may be ready before the rest of the dispatcher
    process = LAUNCHERS["local"](order)
    try:
        from floe_jupyter.dispatcher.start import start

        dispatcher = start(path, directory, data, [(order, listener, process)])
    except BaseException:
        process.close()
        leftovers.sweep_memory(process=process.pid)
        leftovers.sweep_pipes(process.pid)
        leftovers.remove(directory)
        raise
    socket_directory.sweep()
    adopt_orphans()
    dispatcher.loop.after(SWEEP_AFTER, processes.sweep)
    gc.freeze()  # objects made by the start stay: collections need not examine them again
    gc.set_threshold(10_000, 20, 50)
    _say("ready")
    dispatcher.run()


def _say(line: str) -> None:
    """Write a line for the starting process; then close the dispatcher's end of the pipes."""
    with open(1, "w", closefd=False, encoding="utf-8") as out:
        out.write(f"{line}\n")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
