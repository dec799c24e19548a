"""Folders shipped with the package: beside the code in an installation, at the top in a checkout."""

from __future__ import annotations

import os
from functools import cache


@cache
def shipped(name: str, checkout: str) -> str:
    """Return the folder called *name* in the installed package, or *checkout* in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, name)
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), checkout)


def runtimes_directory() -> str:
    """Return the folder of the runtimes, each in a folder named after its language."""
    return shipped("_runtimes", "runtimes")
