"""The arguments of the Runner API. The docstring of each is the documentation of its call."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from floe_jupyter.core.model import Flow, Module


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of a call; names are those of the wire."""


class ListRuntimes(Arguments, frozen=True):
    """Returns [{"id", "lang", "environment", "pid", "status", "version", "nodes", "restarts", "memory", "bad_frames"}]; memory in
    bytes.
    """


class ListFlowsForRuntime(Arguments, frozen=True):
    """Returns [{"id", "flow", "version", "status", "nodes"}]: whose modules are loaded in this runtime, and which."""

    runtimeId: str  # noqa: N815 - the name on the wire


class AddOrUpdateFlow(Arguments, frozen=True):
    """Give the runner a flow and its modules (those it has already may be left out). A running flow is rewired: nodes that
    stay keep queues, state and breakpoints. Returns {"flowId", "version", "running"}.
    """

    flow: Flow
    modules: tuple[Module, ...] = ()


class RemoveFlow(Arguments, frozen=True):
    """Stop a flow if it runs, and forget it. Returns {"flowId"}."""

    flowId: str  # noqa: N815 - the name on the wire


class StartFlow(Arguments, frozen=True):
    """Start a flow that stays up; if it runs already, nothing happens. Returns {"flowId", "status"}."""

    flowId: str  # noqa: N815 - the name on the wire
    debug: bool = False


class StopFlow(Arguments, frozen=True):
    """Cancel its runs and unload its modules; the runner keeps the flow. Returns {"flowId", "status"}."""

    flowId: str  # noqa: N815 - the name on the wire


class SetBreakPointAtModule(Arguments, frozen=True):
    """Hold messages in front of (or, side ``out``, behind) a module; also before its flow is started. Returns the breakpoint."""

    flowModuleId: str  # noqa: N815 - the name on the wire
    side: Literal["in", "out"] = "in"
    port: str = ""
    when: str = ""
    hits: int = 0
    log: str = ""
    enabled: bool = True
    id: str = ""


class RemoveBreakPointAtModule(Arguments, frozen=True):
    """Remove all breakpoints of a module; what they hold goes on with `continueFlow`. Returns what was removed."""

    flowModuleId: str  # noqa: N815 - the name on the wire


class ListBreakPoints(Arguments, frozen=True):
    """Returns the breakpoints of a flow, or of all, each with its "flow"."""

    flowId: str = ""  # noqa: N815 - the name on the wire


class SingleStepFlow(Arguments, frozen=True):
    """Every module that has a message takes exactly one; or one node, one message, one run.
    Returns {node: {"inputStates", "outputStates", "errors"}}.
    """

    flowId: str = ""  # noqa: N815 - the name on the wire
    node: str = ""
    message: str = ""
    run: int = 0


class PauseFlow(Arguments, frozen=True):
    """Hold every message; answered when no module is at work any more. Returns null."""

    flowId: str = ""  # noqa: N815 - the name on the wire


class ContinueFlow(Arguments, frozen=True):
    """Let go on what a pause or a breakpoint holds. Returns null."""

    flowId: str = ""  # noqa: N815 - the name on the wire


class Inject(Arguments, frozen=True):
    """Put a message in front of a module: in the newest open run, else in a run of its own. Returns {"run"}."""

    flowModuleId: str  # noqa: N815 - the name on the wire
    value: Any = None
    port: str = "in"


class Edit(Arguments, frozen=True):
    """Give a held message another value. Returns the message."""

    id: str
    value: Any = None
    flowId: str = ""  # noqa: N815 - the name on the wire


class Drop(Arguments, frozen=True):
    """Take a held message out. Returns null."""

    id: str
    flowId: str = ""  # noqa: N815 - the name on the wire


class ListDependencies(Arguments, frozen=True):
    """Returns [{"flow", "module", "lang", "deps", "environment", "lock"}]; the lock is the text of the language's own tool."""

    flowId: str = ""  # noqa: N815 - the name on the wire


class AddDependency(Arguments, frozen=True):
    """A new version of the node's module with one more dependency; it is swapped in once that is installed, and no other module
    is restarted. Returns the module's entry of `listDependencies`.
    """

    flowModuleId: str  # noqa: N815 - the name on the wire
    spec: str


class RemoveDependency(Arguments, frozen=True):
    """The reverse of `addDependency`. Returns the same."""

    flowModuleId: str  # noqa: N815 - the name on the wire
    spec: str


class Subscribe(Arguments, frozen=True):
    """Returns {flow: View} as it is now; later views follow as `Seen`, at most 20 a second."""

    flowId: str = ""  # noqa: N815 - the name on the wire
