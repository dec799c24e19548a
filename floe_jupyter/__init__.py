"""Flows of modules in any language, written in notebook cells.

``%load_ext floe_jupyter`` brings the magics; ``import floe_jupyter as floe`` brings the same as Python objects.
Importing this package imports nothing else: the rest comes when it is used.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from floe_jupyter._version import __version__

if TYPE_CHECKING:
    from floe_jupyter.errors import RunFailed
    from floe_jupyter.kernel.debugging import Breakpoint, Held
    from floe_jupyter.kernel.failures import ModuleError
    from floe_jupyter.kernel.flows import Flow, flow
    from floe_jupyter.kernel.run import Run

__all__ = ["Breakpoint", "Flow", "Held", "ModuleError", "Run", "RunFailed", "__version__", "flow", "runner"]

_PLACES = {
    "Breakpoint": "kernel.debugging",
    "Flow": "kernel.flows",
    "Held": "kernel.debugging",
    "ModuleError": "kernel.failures",
    "Run": "kernel.run",
    "RunFailed": "errors",
    "flow": "kernel.flows",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "runner":
        return import_module("floe_jupyter.kernel.runner_api").runner
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _RunnerPackage(ModuleType):
    """`floe_jupyter.runner` is a package on disk, and what users call: ``floe.runner("local:")``."""

    def __call__(self, url: str = "local:") -> Any:
        from floe_jupyter.kernel.runner_api import runner

        return runner(url)


class _Package(ModuleType):
    """Importing the package ``runner`` binds its name here; it must stay callable then."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "runner" and isinstance(value, ModuleType):
            value.__class__ = _RunnerPackage
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def load_ipython_extension(ip: Any) -> None:
    """``%load_ext floe_jupyter``."""
    from floe_jupyter.kernel.extension import load

    load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """``%unload_ext floe_jupyter``; undetached runs of this kernel end."""
    from floe_jupyter.kernel.extension import unload

    unload(ip)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where a checkout has the JupyterLab extension: for ``jupyter-builder develop``."""
    return [{"src": "labextension", "dest": "floe-jupyter"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """The server extension: the bridge between pages and the dispatcher."""
    return [{"module": "floe_jupyter.server"}]
