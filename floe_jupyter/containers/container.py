"""One container of a runner: created, attached, started, and ended."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from typing import Any

from floe_jupyter.containers import hardening, images, packages
from floe_jupyter.containers.attached import AttachedStreams
from floe_jupyter.containers.ending import ContainerEnd, end_of
from floe_jupyter.core.flow.container_address import ContainerAddress
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire import processes


class RunnerContainer:
    """A running container, attached: its runner ends when this process ends, and the engine then removes the container."""

    def __init__(self, client: Any, address: ContainerAddress, sockets: str, arguments: Sequence[str]) -> None:
        """Start a container. Raises `EnvironmentFailed`."""
        import docker

        self._client = client
        self._since = time.time()
        image = images.find(client, address.image)
        packages.serve(packages.listen(sockets), image.id, address)
        hardening.open_to_container(sockets)
        owner = processes.identity(os.getpid())
        try:
            self._container = client.containers.create(
                image.id,
                ["python3", "-P", "-m", "floe_jupyter.runner", *arguments, "--lifeline", "0"],
                **hardening.options(address, sockets, owner),
            )
            attach = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self.streams = AttachedStreams(client.api.attach_socket(self._container.id, attach))
            self._container.start()
        except docker.errors.DockerException as error:
            raise EnvironmentFailed(f"the engine cannot start a container of {address.image}: {_text(error)}") from error

    @property
    def name(self) -> str:
        """Short id of the container, as the engine's own tools show it."""
        return str(self._container.short_id)

    def kill(self) -> None:
        """Kill all processes of the container, and have the container removed."""
        import docker

        with contextlib.suppress(docker.errors.DockerException, OSError):  # it has ended by itself
            self._container.remove(force=True)

    def end(self) -> ContainerEnd:
        """Return how the container ended, once its output has."""
        return end_of(self._client, self._container.id, self._since)


def sweep(client: Any) -> None:
    """Remove containers whose keeper has ended: of a paused or frozen container, the lifeline is of no use."""
    import docker

    with contextlib.suppress(docker.errors.DockerException, OSError):
        for found in client.containers.list(all=True, sparse=True, ignore_removed=True, filters={"label": hardening.OWNER_LABEL}):
            if processes.has_ended(found.attrs["Labels"][hardening.OWNER_LABEL]):
                with contextlib.suppress(docker.errors.DockerException):
                    found.remove(force=True)


def _text(error: Exception) -> str:
    return " ".join(str(getattr(error, "explanation", None) or error).split())[:400]
