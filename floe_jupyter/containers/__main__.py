"""Program that keeps a runner's container: ``python -m floe_jupyter.containers``.

The calls of an engine are slow and block, so they happen here and not in the dispatcher. Lines on the standard output tell the
dispatcher of progress, place and cause of the end; the standard error is the log, which gets the runner's output. The container
ends when the lifeline does, and when this process is killed.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from collections.abc import Sequence

from floe_jupyter.containers.attached import write_log
from floe_jupyter.containers.container import RunnerContainer, sweep
from floe_jupyter.containers.ending import words
from floe_jupyter.containers.engine import connect, is_here
from floe_jupyter.core.flow.container_address import parse
from floe_jupyter.errors import EnvironmentFailed, FloeError

BOUND_WITHIN = 5.0
"""Seconds until the dispatcher listens at the runner's address."""
ENDED_WITHIN = 10.0
"""Seconds that a killed container gets to end its output."""
USAGE = "usage: python -m floe_jupyter.containers --sockets DIRECTORY --url docker:IMAGE --connect ipc://PATH --lifeline FD [...]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep one container; return 0 after its end, 1 if it cannot be started, 2 for a wrong call."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = dict(zip(given[::2], given[1::2], strict=False))
    if not {"--sockets", "--url", "--connect", "--lifeline"} <= options.keys():
        sys.stderr.write(f"{USAGE}\n")
        return 2
    wake = _signals()
    try:
        _keep(options, int(options.pop("--lifeline")), wake)
    except FloeError as error:
        say("cause", str(error))
        return 1
    return 0


def say(word: str, text: str) -> None:
    """Write a line to the dispatcher, which may be gone."""
    try:
        os.write(1, f"{word} {' '.join(text.split())}\n".encode())
    except OSError:
        return


def _keep(options: dict[str, str], lifeline: int, wake: int) -> None:
    """Keep a container; options other than the sockets are the runner's."""
    sockets, address = options.pop("--sockets"), parse(options["--url"])
    if not is_here(address.engine):
        raise EnvironmentFailed(
            "the engine is on another machine, which cannot mount the sockets of this one: start the runner there (ssh:HOST)"
        )
    say("progress", f"starting a container of {address.image}")
    client = connect(address.engine)
    _wait_for(os.path.join(sockets, os.path.basename(options["--connect"])))
    container = RunnerContainer(client, address, sockets, [word for option in options.items() for word in option])
    say("where", f"container {container.name}")
    sweep(client)
    _supervise(container, lifeline, wake)
    say("cause", words(container.end(), address))


def _wait_for(path: str) -> None:
    """Wait until the dispatcher has bound a socket, which it does while this process starts."""
    deadline = time.monotonic() + BOUND_WITHIN
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise EnvironmentFailed(f"no dispatcher listens at {path}")
        time.sleep(0.005)


def _supervise(container: RunnerContainer, lifeline: int, wake: int) -> None:
    """Copy the output into the log until it ends; kill the container when the lifeline ends, or at a signal."""
    with selectors.DefaultSelector() as selector:
        for descriptor in (container.streams.descriptor, lifeline, wake):
            selector.register(descriptor, selectors.EVENT_READ)
        deadline = float("inf")
        while time.monotonic() < deadline:
            for key, _ in selector.select(None if deadline == float("inf") else ENDED_WITHIN):
                if key.fd != container.streams.descriptor:
                    selector.unregister(key.fd)
                    deadline = min(deadline, time.monotonic() + ENDED_WITHIN)
                    container.kill()
                    continue
                try:
                    write_log(2, container.streams.read())
                except EOFError:
                    return


def _signals() -> int:
    """Return a descriptor that becomes readable at a request to end."""
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the cell
    return woken


if __name__ == "__main__":
    sys.exit(main())
