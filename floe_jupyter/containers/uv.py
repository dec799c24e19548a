"""The program uv of this machine."""

from __future__ import annotations

import os

from floe_jupyter.errors import EnvironmentFailed


def find_uv() -> str:
    """Return the path of uv. Raises `EnvironmentFailed`."""
    try:
        from uv import find_uv_bin

        return os.path.realpath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        raise EnvironmentFailed("uv is missing, which fetches packages for containers: pip install uv") from None
