"""Process of the runner: ``python -m floe_jupyter.runner --connect URL --url local: --lifeline FD``.

A runtime of the kernel's language is started before most of the runner is imported: both start at the same time.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.lease import Lease
from floe_jupyter.runner.runtimes import descendants
from floe_jupyter.runner.runtimes.languages import interpreter
from floe_jupyter.runner.runtimes.launch import Launched
from floe_jupyter.runner.runtimes.spawn import wake_with_parent
from floe_jupyter.wire.process_context import ProcessContext
from floe_jupyter.wire.transport.loop import Loop

USAGE = """usage: python -m floe_jupyter.runner --connect URL [--url NAME] [--lifeline FD] [--folder PATH] [--interpreter PATH]
                                    [--load-limit SECONDS] [--epoch NUMBER] [--memory shared|none] [--lease SECONDS]
                                    [--key FILE]

  --connect      the dispatcher's address
  --url          what this runner is called (default: local:)
  --lifeline     a descriptor that ends when the dispatcher is gone
  --folder       where its modules run (default: here)
  --interpreter  the Python of its first runtime (default: its own)
  --load-limit   seconds that a module may take to load (default: 60)
  --epoch        number of this launch, given by the dispatcher (default: 0)
  --memory       none: the dispatcher is on another machine, or does not see this one's shared memory (default: shared)
  --lease        seconds without a word of the dispatcher after which the runner ends itself (default: 0, never)
  --key          the join file with the keys for the dispatcher of another machine"""
DEFAULTS = {
    "--connect": "",
    "--url": "local:",
    "--lifeline": "-1",
    "--folder": "",
    "--interpreter": "",
    "--load-limit": "60",
    "--epoch": "0",
    "--memory": "shared",
    "--lease": "0",
    "--key": "",
}
YOUNG = 10_000
"""Number of new objects before a garbage collection: few objects of a runner are ever part of a cycle."""
PATIENCE = 0.3
"""Seconds given to runtimes to finish when the runner is asked to end.

The dispatcher kills a runner after half a second. By then the runner must have ended the processes started by modules, since no
other process ends them.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the dispatcher ends the runner or is gone. Return the exit code."""
    try:
        options = _options(sys.argv[1:] if arguments is None else arguments)
        lease = float(options["--lease"])
        lifeline, load_limit, epoch = int(options["--lifeline"]), float(options["--load-limit"]), int(options["--epoch"])
    except ValueError as error:
        sys.stderr.write(f"{USAGE}\n\n{error}\n")
        return 2
    if options["--folder"]:
        with contextlib.suppress(OSError):  # reported when a module is run there
            os.chdir(options["--folder"])
    descendants.adopt_orphans()
    wake_with_parent()
    warm = _warm(options["--interpreter"])
    with _hidden("typing_extensions"):  # a tenth of the start; optional for msgspec
        from floe_jupyter.runner.runner import Runner
        from floe_jupyter.runner.transports import JoinAddress

    loop = Loop()
    ends = _Ends(loop, lifeline)
    shared = options["--memory"] == "shared"
    runner = Runner(
        loop,
        options["--connect"],
        options["--url"],
        warm,
        options["--interpreter"],
        load_limit,
        epoch,
        same_memory=shared,
        joining=JoinAddress(options["--key"], epoch) if options["--key"] else None,
    )
    if lease:
        ends.lease(lease, lambda: runner.uplink.heard)
    gc.freeze()  # objects made by the start stay: no collection needs to look at them again
    gc.set_threshold(YOUNG, 20, 50)
    loop.run()
    loop.stopped = False
    runner.close(0.0 if ends.orphaned else PATIENCE)
    return 0


@contextlib.contextmanager
def _hidden(name: str) -> Iterator[None]:
    """Make the import of a module fail, unless the module was imported before."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def _options(arguments: Sequence[str]) -> Mapping[str, str]:
    """Read the command line by hand: argparse takes 12 ms, which the first runtime would wait for. Raises ValueError."""
    given = dict(zip(arguments[::2], arguments[1::2], strict=False))
    if unknown := [name for name in arguments[::2] if name not in DEFAULTS]:
        raise ValueError(f"no option is called {unknown[0]!r}")
    if len(arguments) % 2:
        raise ValueError(f"{arguments[-1]} needs a value")
    if "--connect" not in given:
        raise ValueError("--connect is missing")
    return {**DEFAULTS, **given}


def _warm(python: str) -> Launched | None:
    try:
        return Launched(interpreter(DEFAULT_LANGUAGE, context=ProcessContext(interpreter=python)))
    except (EnvironmentFailed, OSError):
        return None  # reported by the first module that needs the runtime


class _Ends:
    """Sources of the end of a runner besides the dispatcher's message: signals, and the end of the lifeline."""

    def __init__(self, loop: Loop, lifeline: int) -> None:
        self.orphaned = False
        self._loop, self._lifeline = loop, lifeline
        if lifeline >= 0:
            fcntl.fcntl(lifeline, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
            fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_NONBLOCK)
            loop.watch(lifeline, self._lifeline_ready)
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: loop.stop())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the cell, not for processes started by the cell
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop
        loop.watch(self._woken, self._signalled)

    def lease(self, seconds: float, heard: Callable[[], float]) -> None:
        """End also when nothing of the dispatcher was heard for *seconds*."""
        Lease(self._loop, seconds, heard, self._desert)

    def _desert(self) -> None:
        self.orphaned = True
        self._loop.stop()

    def _signalled(self, _: int) -> None:
        _drain(self._woken)
        descendants.reap()

    def _lifeline_ready(self, _: int) -> None:
        if not _drain(self._lifeline):
            self._loop.forget(self._lifeline)
            self._desert()


def _drain(fd: int) -> bool:
    """Read the available bytes; return False when the other end is closed."""
    try:
        return bool(os.read(fd, 4096))
    except BlockingIOError:
        return True


if __name__ == "__main__":
    sys.exit(main())
