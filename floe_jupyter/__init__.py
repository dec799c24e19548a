"""Flows of modules in any language, written in notebook cells.

``%load_ext floe_jupyter`` brings the magics; ``import floe_jupyter as floe`` brings the same as Python objects. Importing this
package imports no other module of the package: the rest is imported on first use.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from floe_jupyter._version import __version__

if TYPE_CHECKING:
    from floe_jupyter.client.failures import ModuleError
    from floe_jupyter.client.flows import Flow, flow
    from floe_jupyter.client.run import Run
    from floe_jupyter.client.runner_api import RunnerApi as Runner
    from floe_jupyter.client.stepping import Breakpoint, Held
    from floe_jupyter.client.workspaces import KnownWorkspace, remove, use, workspaces
    from floe_jupyter.errors import RunFailed

__all__ = [
    "Breakpoint",
    "Flow",
    "Held",
    "KnownWorkspace",
    "ModuleError",
    "Run",
    "RunFailed",
    "Runner",
    "__version__",
    "flow",
    "remove",
    "runner",
    "use",
    "workspaces",
]

_PLACES = {
    "Breakpoint": "client.stepping",
    "Flow": "client.flows",
    "Held": "client.stepping",
    "KnownWorkspace": "client.workspaces",
    "ModuleError": "client.failures",
    "Run": "client.run",
    "RunFailed": "errors",
    "Runner": "client.runner_api",
    "flow": "client.flows",
    "remove": "client.workspaces",
    "use": "client.workspaces",
    "workspaces": "client.workspaces",
}

_RENAMED = {"Runner": "RunnerApi"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "runner":
        return import_module("floe_jupyter.client.runner_api").runner
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_PLACES[name]}"), _RENAMED.get(name, name))
    if "ipykernel" in sys.modules:
        import_module(f"{__name__}.kernel.display.shown")  # makes flows and runs show widgets, also without %load_ext
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _RunnerPackage(ModuleType):
    """The package `floe_jupyter.runner`, callable by users: ``floe.runner("local:")``."""

    def __call__(self, url: str = "local:") -> Any:
        from floe_jupyter.client.runner_api import runner

        return runner(url)


class _Package(ModuleType):
    """Module class which keeps ``runner`` callable: importing the package ``runner`` binds its name in this module."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "runner" and isinstance(value, ModuleType):
            value.__class__ = _RunnerPackage
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def load_ipython_extension(ip: Any) -> None:
    """Load the magics: ``%load_ext floe_jupyter``."""
    from floe_jupyter.kernel.extension import load

    load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """Unload the magics: ``%unload_ext floe_jupyter``; undetached runs of this kernel end."""
    from floe_jupyter.kernel.extension import unload

    unload(ip)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Return the path of the JupyterLab extension in a checkout: for ``jupyter-builder develop``."""
    return [{"src": "labextension", "dest": "floe-jupyter"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Return the server extension: the bridge between pages and the dispatcher."""
    return [{"module": "floe_jupyter.server"}]
