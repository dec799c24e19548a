"""The dispatcher's process: ``python -m floe_jupyter.dispatcher --file CONNECTION_FILE``.

The runner is started before anything heavy is imported: both start side by side.
"""

from __future__ import annotations

import gc
import os
import sys

USAGE = """usage: python -m floe_jupyter.dispatcher --file CONNECTION_FILE [--data DIRECTORY] [--foreground]

  --file        where to say how we are found
  --data        for definitions, records and results (default: by the connection file)
  --foreground  stay the child of whoever started us"""


def main(arguments: list[str]) -> int:
    """Serve. Says ``ready`` or what is wrong in one line on the standard output."""
    sys.modules.setdefault("typing_extensions", None)  # type: ignore[arg-type] # msgspec can do without; a quarter of the start
    try:
        options = _options(arguments)
        path = options["--file"]
    except (KeyError, StopIteration):
        sys.stderr.write(f"{USAGE}\n")
        return 2
    if "--foreground" not in options and os.fork():
        os._exit(0)  # whoever started us has nothing to wait for later
    from floe_jupyter.errors import FloeError

    try:
        _serve(path, options.get("--data", ""))
    except FloeError as error:
        _say(f"{error.kind} {' '.join(str(error).split())}")
        return 1
    return 0


def _options(arguments: list[str]) -> dict[str, str]:
    """By hand: a library for it would take longer than all else before the runner's start."""
    given = iter(arguments)
    return {option: "" if option == "--foreground" else next(given) for option in given}


def _serve(path: str, data: str) -> None:
    from floe_jupyter.dispatcher import place
    from floe_jupyter.dispatcher.launch import LAUNCHERS, endpoint_in
    from floe_jupyter.wire import leftovers, streams

    directory = place.make()
    endpoint = endpoint_in(directory)
    listener = streams.listen(endpoint)  # the runner may be quicker than the rest of us
    process = LAUNCHERS["local"]("local:", endpoint, directory)
    try:
        from floe_jupyter.dispatcher.start import start

        dispatcher = start(path, directory, data, {"local:": (endpoint, listener, process)})
    except BaseException:
        process.close()
        leftovers.remove(directory)
        raise
    place.sweep()
    gc.freeze()  # what the start made stays: no collection needs to look at it again
    gc.set_threshold(10_000, 20, 50)
    _say("ready")
    dispatcher.run()


def _say(line: str) -> None:
    """One line to whoever started us; then let go of its pipes."""
    with open(1, "w", closefd=False, encoding="utf-8") as out:
        out.write(f"{line}\n")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
