"""Descriptions of instances and of the dependencies of modules, as the Runner API returns them."""

from __future__ import annotations

from typing import Any

from floe_jupyter.core.flow.model import Module
from floe_jupyter.runner.driver import MachineDriver
from floe_jupyter.runner.environments.cache import locked
from floe_jupyter.runner.environments.tools import has_packages, tool_of
from floe_jupyter.wire.process_context import ProcessContext


def about(instance: MachineDriver) -> dict[str, Any]:
    """Return id, flow, version and status of an instance."""
    return {
        "id": instance.name,
        "flow": instance.flow.name,
        "version": instance.flow.version,
        "status": "stopping" if instance.stopping else "started",
    }


def dependencies(flow: str, module: Module, context: ProcessContext) -> dict[str, Any]:
    """Return the declared dependencies of a module, with its environment and what its lock holds."""
    managed = module.deps and has_packages(module.lang)
    known = locked(module.lang, module.deps, context, build=module.build_deps) if managed else None
    environment = known["hash"] if known else "" if module.deps else "default"
    lock = known["lock"] if known else ""
    return {
        "flow": flow,
        "module": module.name,
        "lang": module.lang,
        "deps": list(module.deps),
        "environment": environment,
        "lock": lock,
        "locked": tool_of(module.lang).packages(lock) if lock else [],
    }
