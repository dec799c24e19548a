"""The launcher of ``docker:IMAGE[@ENGINE]``: a runner in a container, kept by a helper process that speaks to the engine."""

from __future__ import annotations

import contextlib
import os
import select
import signal

from floe_jupyter.containers.address import parse
from floe_jupyter.dispatcher.runners.launchers.helper import HelpedRunner, start_helper
from floe_jupyter.dispatcher.runners.launchers.local import runner_arguments
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder

CLOSED_WITHIN = 2.0
"""Maximum seconds that a helper gets to have its container removed when the dispatcher ends."""


class ContainerRunner(HelpedRunner):
    """A runner in a container. Its helper is asked to end, and never killed while it can still have the container removed."""

    version_cure = "build the image anew with `floe images build`"

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
    return start_helper(ContainerRunner, "floe_jupyter.containers", order, "a container", runner_arguments(order))
