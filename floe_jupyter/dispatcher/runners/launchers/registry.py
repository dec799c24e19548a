"""Launchers by the scheme of a runner's URL; a launcher's module is imported when first used."""

from __future__ import annotations

from importlib import import_module

from floe_jupyter.dispatcher.runners.launchers.local import launch_local
from floe_jupyter.dispatcher.runners.launchers.model import LaunchedRunner, Launcher, LaunchOrder
from floe_jupyter.errors import unknown


def _imported(name: str) -> Launcher:
    """Return a launcher that imports the module *name*, beside this one, and calls its ``launch``."""

    def launch(order: LaunchOrder) -> LaunchedRunner:
        found: Launcher = import_module(f"floe_jupyter.dispatcher.runners.launchers.{name}").launch
        return found(order)

    return launch


LAUNCHERS: dict[str, Launcher] = {"local": launch_local, "ssh": _imported("ssh"), "docker": _imported("docker")}


def launcher_of(url: str, launchers: dict[str, Launcher] = LAUNCHERS) -> Launcher:
    """Return the launcher of a URL. Raises `UnknownName` if no launcher is registered for its scheme."""
    scheme = url.partition(":")[0]
    if scheme not in launchers:
        raise unknown("kind of runner", scheme, launchers)
    return launchers[scheme]
