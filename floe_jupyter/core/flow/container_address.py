"""Addresses of runners in containers: ``docker:IMAGE[@ENGINE][?memory=512m&cpus=2&pids=128&network=on]``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from floe_jupyter.errors import DefinitionError, unknown

SCHEME = "docker:"
OPTIONS = ("memory", "cpus", "pids", "network")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:-]*(?:@sha256:[0-9a-f]{64})?", re.ASCII)
_MEMORY = re.compile(r"([1-9][0-9]{0,9})([kmg])b?\Z", re.IGNORECASE | re.ASCII)
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_MIB = 1 << 20
LEAST_MEMORY = 64 * _MIB
"""Minimum bytes of memory of a container: the runner and one runtime of Python take about 50 MB."""
LEAST_PIDS = 16


class ContainerAddress(NamedTuple):
    """Image, engine and limits of a runner in a container."""

    image: str
    engine: str = ""
    """Name of a docker context, or URL of an engine; empty for the engine that this machine's docker command uses."""
    memory: int = 256 * _MIB
    """Maximum bytes of memory, files in temporary directories and shared memory included."""
    cpus: float = 1.0
    """Maximum number of processors."""
    pids: int = 64
    """Maximum number of threads."""
    network: bool = False
    """True for the engine's default network, False for no network but the container's own loopback."""

    @property
    def memory_text(self) -> str:
        """Memory limit for users."""
        return f"{self.memory // _MIB} MB"


def parse(url: str) -> ContainerAddress:
    """Return the parts of a ``docker:`` URL. Raises `DefinitionError`, naming the wrong part."""
    place, mark, query = url.removeprefix(SCHEME).partition("?")
    found = _IMAGE.match(place)
    rest = place[found.end() :] if found else place
    if found is None or (rest and not rest.startswith("@")) or rest == "@":
        raise DefinitionError(f"{url!r} names no image; write docker:IMAGE or docker:IMAGE@ENGINE, such as docker:floe-runner")
    if mark and not query:
        raise DefinitionError(f"{url!r} ends with a question mark; write an option behind it, such as ?memory=512m")
    given = dict(_option(url, part) for part in query.split("&")) if query else {}
    return ContainerAddress(found[0], rest[1:], **given)


def _option(url: str, part: str) -> tuple[str, Any]:
    name, _, text = part.partition("=")
    if name not in _READ:
        raise unknown("option of a container", name, OPTIONS)
    try:
        return name, _READ[name](text)
    except (ValueError, KeyError):
        raise DefinitionError(f"{url!r}: {name}={text} is no {_MEANT[name]}") from None


def _memory(text: str) -> int:
    found = _MEMORY.match(text)
    if found is None or (size := int(found[1]) * _UNITS[found[2].lower()]) < LEAST_MEMORY:
        raise ValueError(text)
    return size


def _cpus(text: str) -> float:
    count = float(text)
    if not 0.01 <= count <= 1024:
        raise ValueError(text)
    return count


def _pids(text: str) -> int:
    count = int(text)
    if not LEAST_PIDS <= count <= 1 << 22:
        raise ValueError(text)
    return count


def _network(text: str) -> bool:
    return {"on": True, "off": False}[text]


_READ: dict[str, Callable[[str], Any]] = {"memory": _memory, "cpus": _cpus, "pids": _pids, "network": _network}
_MEANT = {
    "memory": "amount of memory; write a number with k, m or g, at least 64m, such as memory=512m",
    "cpus": "number of processors; write a number such as cpus=2 or cpus=0.5",
    "pids": f"number of threads; write a whole number of at least {LEAST_PIDS}, such as pids=128",
    "network": "state of the network; write network=on or network=off",
}
