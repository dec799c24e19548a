"""Limits of a runner's container: what its processes may use, see and do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from floe_jupyter.containers.uv import find_uv
from floe_jupyter.core.flow.container_address import ContainerAddress

SOCKETS = "/floe"
"""Directory of the container with the sockets of its runner, read-only."""
BUILDER_SOCKET = "packages"
"""Name of the socket of the builder of packages, beside those of the dispatcher."""
PACKAGES = "/packages"
"""Directory of the container with packages of modules, read-only but for the builder."""
OWNER_LABEL = "floe.owner"
"""Label with the identity of the process that keeps the container."""
NOBODY = 65532
"""User and group of the container's processes if the kernel runs as root."""
_PIPES = "/run/floe"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_THEIR_CERTIFICATES = "/run/certificates.pem"
_TOOLS = ("uv_", "npm_config_")
"""Beginnings of variables with settings of the tools that install packages."""
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_SCRATCH = "/tmp"  # noqa: S108 - of the container alone


def user() -> tuple[int, int]:
    """Return user and group of a container's processes: this process's, whose files they may then reach, but never root."""
    return (os.getuid(), os.getgid()) if os.getuid() else (NOBODY, NOBODY)


def options(address: ContainerAddress, sockets: str, owner: str) -> dict[str, Any]:
    """Return the engine's options for a runner; *sockets* is the directory of the runner's sockets on this machine."""
    volumes = {sockets: {"bind": SOCKETS, "mode": "ro"}, packages_directory(): {"bind": PACKAGES, "mode": "ro"}}
    variables = {
        "FLOE_BUILDER": f"{SOCKETS}/{BUILDER_SOCKET}",
        "FLOE_KILLED_HINT": f"often: out of memory; the container has {address.memory_text}, memory= in its URL gives it more",
    }
    return _options(address, owner, volumes, variables)


def builder_options(address: ContainerAddress, owner: str) -> dict[str, Any]:
    """Return the engine's options for a builder of packages: uv, certificates and settings of this machine's tools."""
    uv, certificates = find_uv(), os.environ.get("SSL_CERT_FILE", _CERTIFICATES)
    volumes = {packages_directory(): {"bind": PACKAGES, "mode": "rw"}, uv: {"bind": "/usr/local/bin/uv", "mode": "ro"}}
    variables = {name: value for name, value in os.environ.items() if name.lower().startswith(_TOOLS) or name.lower() in _PROXIES}
    variables |= {"UV_CACHE_DIR": f"{PACKAGES}/uv", "npm_config_cache": f"{PACKAGES}/npm"}
    if os.path.exists(certificates):
        volumes[certificates] = {"bind": _THEIR_CERTIFICATES, "mode": "ro"}
        variables |= dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), _THEIR_CERTIFICATES)
    return _options(address, owner, volumes, variables)


def packages_directory() -> str:
    """Return this user's directory for packages of containers, made if missing."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    directory = os.path.join(base, "floe-jupyter", "containers")
    os.makedirs(directory, mode=0o700, exist_ok=True)
    if user()[0] != os.getuid():
        os.chown(directory, *user())
    return directory


def _options(
    address: ContainerAddress, owner: str, volumes: dict[str, dict[str, str]], variables: dict[str, str]
) -> dict[str, Any]:
    uid, gid = user()
    return {
        "entrypoint": ["tini", "--"],  # in the image, since Podman has none of its own
        "stdin_open": True,  # the lifeline: it ends with the process that attached to it
        "auto_remove": True,
        "labels": {OWNER_LABEL: owner},
        "volumes": volumes,
        "environment": {"HOME": _SCRATCH, "XDG_RUNTIME_DIR": _PIPES, "XDG_CACHE_HOME": PACKAGES, **variables},
        "working_dir": _SCRATCH,
        **_bounds(address),
        **_rights(uid, gid),
        **({} if address.network else {"network_mode": "none"}),  # none but the container's own loopback, unless asked for
        "tmpfs": {
            _SCRATCH: "rw,nosuid,nodev,exec,mode=1777,size=64m",  # exec: compiled modules run from there
            _PIPES: f"rw,nosuid,nodev,noexec,mode=0700,uid={uid},gid={gid},size=16m",
        },
    }


def _bounds(address: ContainerAddress) -> dict[str, Any]:
    from docker.types import LogConfig, Ulimit

    return {
        "mem_limit": address.memory,
        "memswap_limit": address.memory,
        "nano_cpus": int(address.cpus * 1e9),
        "pids_limit": address.pids,
        "shm_size": address.memory // 2,
        "ulimits": [Ulimit(name="nofile", soft=1024, hard=4096), Ulimit(name="core", soft=0, hard=0)],
        "log_config": LogConfig(type="json-file", config={"max-size": "1m", "max-file": "2"}),
    }


def _rights(uid: int, gid: int) -> dict[str, Any]:
    return {
        "user": f"{uid}:{gid}",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"seccomp={Path(__file__).with_name('seccomp.json').read_text('utf-8')}"],
        "ipc_mode": "private",
    }


def open_to_container(sockets: str) -> None:
    """Let the container's user reach the sockets. Their parent directory stays closed to all other users of this machine."""
    if user()[0] == os.getuid():
        return
    os.chmod(sockets, 0o711)  # noqa: S103 - see above
    for name in os.listdir(sockets):
        path = os.path.join(sockets, name)
        if not os.path.isfile(path):
            os.chmod(path, 0o666)  # noqa: S103
