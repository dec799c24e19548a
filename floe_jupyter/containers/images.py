"""Images of runners: their names, the version of floe-jupyter inside, and which are there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from floe_jupyter._version import __version__
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.shipped import runtimes_directory

DEFAULT_IMAGE = "floe-runner"
"""Name of the image with the default languages."""
VERSION_LABEL = "floe.version"
LANGUAGES_LABEL = "floe.languages"
_PARTS = ("__init__.py", "_version.py", "errors.py", "core", "wire", "runner")
"""Files and folders of the package in an image: what a runner imports."""


class RunnerImage(NamedTuple):
    """An image of runners known to the engine."""

    name: str
    version: str
    languages: tuple[str, ...]
    size: int
    """Bytes, layers shared with other images included."""


@cache
def code_version() -> str:
    """Return the version of the code that a runner needs: the release, and a digest of the files, which differ between releases
    in a checkout.
    """
    digest = hashlib.sha256()
    for name, path in files():
        digest.update(name.encode())
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def files() -> Iterator[tuple[str, Path]]:
    """Return the files of the package for an image with their names in the package, sorted."""
    package, runtimes = Path(__file__).parents[1], Path(runtimes_directory())
    roots = [(part, package / part) for part in _PARTS] + [("_runtimes", runtimes)]
    for name, root in roots:
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                inner = "" if path == root else f"/{path.relative_to(root).as_posix()}"
                yield f"{name}{inner}", path


def listed(client: Any) -> list[RunnerImage]:
    """Return the images of runners of an engine, by name."""
    found = client.images.list(filters={"label": VERSION_LABEL, "dangling": False})
    rows = [
        RunnerImage(
            tag.removesuffix(":latest"),
            image.labels[VERSION_LABEL],
            tuple(image.labels.get(LANGUAGES_LABEL, "").split()),
            int(image.attrs["Size"]),
        )
        for image in found
        for tag in image.tags
    ]
    return sorted(rows)


def find(client: Any, name: str) -> Any:
    """Return the engine's image of this name. Raises `EnvironmentFailed` for a missing image, or one of another version."""
    import docker

    try:
        image = client.images.get(name)
    except docker.errors.ImageNotFound:
        raise EnvironmentFailed(f"the engine has no image {name!r}; {_cure(name)}") from None
    version = (image.labels or {}).get(VERSION_LABEL)
    if version is None:
        raise EnvironmentFailed(
            f"the image {name!r} has no floe runner in it; {_cure(name)}, and begin yours with FROM {DEFAULT_IMAGE}"
        )
    if version != code_version():
        raise EnvironmentFailed(
            f"the image {name!r} was built by floe-jupyter {version}, and this is {code_version()}; `floe images build` builds "
            f"{DEFAULT_IMAGE} anew, then build your own images on it anew"
        )
    return image


def _cure(name: str) -> str:
    repository = name.partition(":")[0]
    languages = repository.removeprefix(DEFAULT_IMAGE).strip("-").replace("-", " ")
    if repository.startswith(DEFAULT_IMAGE):
        return f"build it: {f'floe images build {languages}'.strip()}"
    return "`floe images build` makes the image floe-runner, and `floe images` lists what there is"
