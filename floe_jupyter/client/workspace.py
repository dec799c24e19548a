"""Workspace of a kernel: the notebook's, where the notebook is known, else a separate workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from floe_jupyter.wire.control.workspaces import Workspace

GIVEN, SESSION, VSCODE = "FLOE_WORKSPACE", "JPY_SESSION_NAME", "__vsc_ipynb_file__"
"""Variables that name the notebook: of the user and of Jupyter (both environment), of VS Code (in the kernel's namespace)."""
NOTEBOOK = ".ipynb"


def of_kernel(names: Mapping[str, Any], program: str, same: str) -> Workspace:
    """Return the workspace of a kernel with these *names* in its namespace; without a notebook, the workspace of *program*, with
    an identity *same* that survives restarts.
    """
    path = notebook(names)
    if path:
        return Workspace("", os.path.basename(path), "notebook", path)
    return Workspace("", program, "program", same or str(os.getpid()))


def notebook(names: Mapping[str, Any]) -> str:
    """Return the absolute path of the notebook; empty if unknown.

    >>> notebook({"__vsc_ipynb_file__": "/nb/shop.ipynb"})
    '/nb/shop.ipynb'
    """
    given = os.environ.get(GIVEN, "")
    if given:
        return os.path.realpath(given)
    path = names.get(VSCODE) or _of_session()
    return os.path.realpath(path) if isinstance(path, str) and path.endswith(NOTEBOOK) else ""


def _of_session() -> str:
    """Return the path in Jupyter's session name: absolute; older servers give a path relative to the root, and run the kernel
    beside the notebook.
    """
    path = os.environ.get(SESSION, "")
    if not path or _inherited(path):
        return ""
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), os.path.basename(path))


def _inherited(path: str) -> bool:
    """Return True if the parent process has the variable, too: then a notebook's cell started a program, and this process is
    the kernel of that program.
    """
    try:
        with open(f"/proc/{os.getppid()}/environ", "rb") as file:
            return f"{SESSION}={path}".encode() in file.read().split(b"\0")
    except OSError:
        return False
