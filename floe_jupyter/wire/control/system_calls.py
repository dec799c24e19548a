"""Calls of the control API about runners, logs, dependencies and the dispatcher itself."""

from __future__ import annotations

from typing import Any

from floe_jupyter.wire.control.args import Args, Named


class logs(Named):  # noqa: N801
    """Read the newest kept lines of logs. Returns [{"node", "stream", "text", "time"}]."""

    repeatable = True

    flow: str = ""
    node: str = ""
    limit: int = 200


class runners(Args):  # noqa: N801
    """List the runners. Returns [{"url", "host", "pid", "status", "runtimes": n, "workspace": title}]."""

    repeatable = True


class end_runner(Args):  # noqa: N801
    """End a runner at once, with all runs in it: for a runner that does not answer. Returns {"url", "pid"}."""

    pid: int


class runtimes(Args):  # noqa: N801
    """List the runtimes. Returns [{"id", "runner", "lang", "environment", "pid", "status", "nodes", "restarts"}]."""

    repeatable = True


class status(Args):  # noqa: N801
    """Describe the dispatcher. Returns {"pid", "clients", "instances", "runs", "runners", "refused_frames", "directory"}."""

    repeatable = True


class deps(Named):  # noqa: N801
    """Manage the dependencies of modules. Returns, for ``list``: [{"module", "lang", "deps", "environment", "locked": [..]}];
    ``add`` / ``remove``: changes a module's dependencies (a new version of the module); ``lock``: {module: the text of its
    lock}, made if missing.
    """

    action: str = "list"
    module: str = ""
    specs: tuple[str, ...] = ()
    timeout: float = 300.0


class runner_api(Args):  # noqa: N801
    """Make a call of the Runner API under its own name: ``singleStepFlow`` with its arguments. Returns the runner's answer."""

    call: str
    url: str = "local:"
    args: dict[str, Any] = {}  # noqa: RUF012 - a field, which msgspec copies


class shutdown(Args):  # noqa: N801
    """Stop all flows, runs and runners, also detached ones; answered when only the dispatcher is left. Returns null."""

    closed_through_kernels = "it would end the session of the kernel that the page asks through"
