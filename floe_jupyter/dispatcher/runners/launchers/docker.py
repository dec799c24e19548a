"""The launcher of ``docker:IMAGE[@ENGINE]``: a runner in a container, kept by a helper process that speaks to the engine."""

from __future__ import annotations

import contextlib
import os
import select
import signal

from floe_jupyter.containers.hardening import SOCKETS
from floe_jupyter.dispatcher.runners.launchers.helper import HelpedRunner, start_helper_of
from floe_jupyter.dispatcher.runners.launchers.local import runner_arguments
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder
from floe_jupyter.wire.container_address import parse

LEASE = 15.0
"""Seconds without a word of the dispatcher after which a runner in a container ends itself, if its lifeline has not ended it."""
CLOSED_WITHIN = 2.0
"""Maximum seconds that a helper gets to have its container removed when the dispatcher ends."""


class ContainerRunner(HelpedRunner):
    """A runner in a container. Its helper is asked to end, and never killed while it can still have the container removed."""

    def kill(self) -> None:
        """Have the engine kill the container: the helper ends once that is done."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def close(self) -> None:
        """Have the container removed, and release what belongs to the runner."""
        self.stop()
        if not self.ended():
            select.select([self.descriptor], [], [], CLOSED_WITHIN)
        super().kill()
        super().close()


def launch(order: LaunchOrder) -> ContainerRunner:
    """Start a runner in a container. Raises `DefinitionError` for a wrong URL, `EnvironmentFailed`."""
    parse(order.url)
    arguments = runner_arguments(order, f"ipc://{SOCKETS}/{os.path.basename(order.endpoint)}", memory="none")
    given = ["--sockets", order.directory, "--lease", f"{LEASE:g}", *arguments]
    cure = "build the image anew with `floe images build`"
    return start_helper_of(ContainerRunner, "floe_jupyter.containers", order, "a container", given, version_cure=cure)
