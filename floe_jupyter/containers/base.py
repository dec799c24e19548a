"""Base images of runners: pulled, or made on this machine where no registry answers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.shipped import runtimes_directory

HUB_BASE = "debian:bookworm-slim"
"""Official image that runner images begin with."""
LOCAL_BASE = "floe-base"
"""Name of the base made on this machine; never the name of an official image."""

Report = Callable[[str], None]


def base_image(client: Any, wanted: str, report: Report) -> str:
    """Return the name of a base that the engine has: *wanted*, else the official image, else one made here.

    Raises `EnvironmentFailed` if none of them can be had.
    """
    for name in [wanted] if wanted else [HUB_BASE, LOCAL_BASE]:
        if _has(client, name):
            return name
    name = wanted or HUB_BASE
    report(f"pulling {name}")
    problem = _pull(client, name)
    if not problem:
        return name
    if wanted:
        raise EnvironmentFailed(f"the base {name!r} cannot be pulled: {problem}; name one that the engine has (docker images)")
    report(f"no registry has it ({problem}); making {LOCAL_BASE} from this machine's apt source (about 30 s)")
    _make(client)
    return LOCAL_BASE


def _has(client: Any, name: str) -> bool:
    return bool(client.images.list(name))


def _pull(client: Any, name: str) -> str:
    """Pull an image; return the problem, or nothing."""
    import docker

    try:
        client.images.pull(name if ":" in name else f"{name}:latest")
    except docker.errors.DockerException as error:
        return " ".join(str(getattr(error, "explanation", None) or error).split())[:200]
    return ""


def _make(client: Any) -> None:
    program = os.path.join(runtimes_directory(), "make-base")
    with subprocess.Popen(["sh", program, "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as making:
        assert making.stdout is not None
        assert making.stderr is not None
        archive = making.stdout.read()
        said = making.stderr.read().decode("utf-8", "replace")
    if making.returncode:
        raise EnvironmentFailed(f"no registry answers, and no base image can be made here: {' '.join(said.split())[-300:]}")
    client.api.import_image_from_data(archive, repository=LOCAL_BASE, tag="latest")
