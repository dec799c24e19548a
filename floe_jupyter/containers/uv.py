"""The program uv of this machine, which is lent to containers."""

from __future__ import annotations

import os

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.uv_program import find_uv


def required_uv() -> str:
    """Return the path of uv, links resolved. Raises `EnvironmentFailed`."""
    found = find_uv()
    if not found:
        raise EnvironmentFailed("uv is missing, which fetches packages for containers: pip install uv")
    return os.path.realpath(found)
