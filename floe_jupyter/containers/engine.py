"""Connection to a container engine: Docker, or Podman through its compatible socket."""

from __future__ import annotations

import os
import socket
import stat
from typing import Any

from floe_jupyter.errors import EnvironmentFailed

ANSWER_WITHIN = 60
"""Seconds that the engine gets for an answer: removing a container may take long on a busy machine."""
_SOCKETS = ("/var/run/docker.sock", "{runtime}/docker.sock", "{runtime}/podman/podman.sock", "/run/podman/podman.sock")


def connect(engine: str = "") -> Any:
    """Return a client of an engine (a context or URL; empty for the default). Raises `EnvironmentFailed`, naming the cure."""
    docker = _library()
    url = url_of(engine)
    try:
        _probe(url)
        client = docker.DockerClient(base_url=url, version="auto", timeout=ANSWER_WITHIN)
        client.ping()
    except (docker.errors.DockerException, OSError, ValueError) as error:
        raise EnvironmentFailed(_no_answer(url, error)) from error
    return client


def _probe(url: str) -> None:
    """Connect to a socket once. Raises OSError with a clear cause, where the library wraps it and leaves a socket open."""
    if url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(ANSWER_WITHIN)
            probe.connect(url.removeprefix("unix://"))


def is_here(engine: str) -> bool:
    """Return whether the engine is on this machine, where it can mount directories of this machine."""
    return url_of(engine).startswith("unix://")


def url_of(engine: str) -> str:
    """Return the URL of an engine. Raises `EnvironmentFailed` for an unknown context."""
    if "://" in engine:
        return engine
    if engine:
        return _of_context(engine)
    return os.environ.get("DOCKER_HOST") or _of_context("") or _first_socket()


def _of_context(name: str) -> str:
    """Return the URL of a docker context, without *name* of the current one; empty for the default engine."""
    context = _library().context.ContextAPI
    try:
        found = context.get_context(name) if name else context.get_current_context()
    except Exception as error:  # the library raises many kinds for files that it cannot read
        raise EnvironmentFailed(f"the docker context {name or 'in use'!r} cannot be read: {error}") from error
    if found is None:
        raise EnvironmentFailed(f"there is no docker context {name!r}; `docker context ls` lists them")
    return "" if found.Name == "default" and not name else str(found.Host)


def _first_socket() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "/run")
    paths = [path.format(runtime=runtime) for path in _SOCKETS]
    return f"unix://{next((path for path in paths if _is_socket(path)), paths[0])}"


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _library() -> Any:
    try:
        import docker
        import docker.context
    except ImportError:
        raise EnvironmentFailed(
            "runners in containers need the Python package docker: pip install 'floe-jupyter[docker]'"
        ) from None
    return docker


def _no_answer(url: str, error: BaseException) -> str:
    text = str(error)
    if isinstance(error, PermissionError):
        return (
            f"no permission for the container engine at {url}: add your user to its group (sudo usermod -aG docker $USER, then "
            "log in again), or use Podman's socket: systemctl --user start podman.socket"
        )
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return (
            f"no container engine answers at {url}: start one (sudo systemctl start docker), install one "
            "(apt-get install docker.io, or podman), or name one in DOCKER_HOST"
        )
    return f"the container engine at {url} cannot be used: {' '.join(text.split())[:300]}; see that `docker -H {url} info` works"
