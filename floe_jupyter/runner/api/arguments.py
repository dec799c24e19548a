"""Arguments of the Runner API. The docstring of each struct is the documentation of its call."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.wire.process_context import ProcessContext


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of a call; field names are the names on the wire."""


class ListRuntimes(Arguments, frozen=True):
    """List the runtimes.

    Returns [{"id", "name", "lang", "environment", "pid", "status", "version", "nodes", "restarts", "memory", "bad_frames"}];
    memory in bytes.
    """


class ListFlowsForRuntime(Arguments, frozen=True):
    """List the flows with modules loaded in a runtime, and the nodes of these modules.

    Returns [{"id", "flow", "version", "status", "nodes"}].
    """

    runtimeId: str  # noqa: N815 - the name on the wire


class AddOrUpdateFlow(Arguments, frozen=True):
    """Give the runner a flow and its modules (modules that the runner already has may be left out).

    A running flow is rewired: surviving nodes keep queues, state and breakpoints. Returns true; false if the runner has the same
    flow and modules already.
    """

    flow: Flow
    modules: tuple[Module, ...] = ()


class RemoveFlow(Arguments, frozen=True):
    """Stop a flow if it runs, and forget the flow. Returns true; false if the runner has no such flow."""

    flowId: str  # noqa: N815 - the name on the wire


class StartFlow(Arguments, frozen=True):
    """Start a flow that stays up. Returns true; false if the flow runs already."""

    flowId: str  # noqa: N815 - the name on the wire
    debug: bool = False
    context: ProcessContext | None = None
    """Process context in which the modules of the flow run; null: the context of the runner."""


class StopFlow(Arguments, frozen=True):
    """Cancel the runs and unload the modules of a flow; the runner keeps the flow. Returns true; false if the
    flow does not run.
    """

    flowId: str  # noqa: N815 - the name on the wire


class SetBreakPointAtModule(Arguments, frozen=True):
    """Hold messages in front of (or, side ``out``, behind) a module, also of a flow not started yet. Returns true;
    false if the same breakpoint is set already.
    """

    flowModuleId: str  # noqa: N815 - the name on the wire
    side: Literal["in", "out"] = "in"
    port: str = ""
    when: str = ""
    hits: int = 0
    log: str = ""
    enabled: bool = True
    id: str = ""


class RemoveBreakPointAtModule(Arguments, frozen=True):
    """Remove all breakpoints of a module; messages held by the breakpoints go on with `continueFlow`.

    Returns true; false if the module has no breakpoint.
    """

    flowModuleId: str  # noqa: N815 - the name on the wire


class ListBreakPoints(Arguments, frozen=True):
    """List the breakpoints of a flow, or of all flows. Returns the breakpoints, each with its "flow"."""

    flowId: str = ""  # noqa: N815 - the name on the wire


class SingleStepFlow(Arguments, frozen=True):
    """Let every module with a waiting message take exactly one message; or step one node, one message or one run.

    Without arguments all flows are stepped. Returns {flowModuleId: {"inputStates", "outputStates", "errors"}}; the flowModuleId
    is the node's id, and ``flow/node`` where several flows were stepped.
    """

    flowId: str = ""  # noqa: N815 - the name on the wire
    node: str = ""
    message: str = ""
    run: int = 0


class PauseFlow(Arguments, frozen=True):
    """Hold every message of a flow, or of all flows; answered when no module is at work any more. Returns null."""

    flowId: str = ""  # noqa: N815 - the name on the wire


class ContinueFlow(Arguments, frozen=True):
    """Release all messages of a flow, or of all flows, held by a pause or a breakpoint. Returns null."""

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
    """Remove a held message. Returns null."""

    id: str
    flowId: str = ""  # noqa: N815 - the name on the wire


class ListDependencies(Arguments, frozen=True):
    """List the dependencies of the modules of running flows, or of *modules*.

    Returns [{"flow", "module", "lang", "deps", "environment", "lock", "locked"}]; `lock` is the text of the language's own tool,
    `locked` lists the packages in the lock. Both are empty until the environment has been made.
    """

    flowId: str = ""  # noqa: N815 - the name on the wire
    modules: tuple[Module, ...] | None = None
    context: ProcessContext | None = None


class LockDependencies(Arguments, frozen=True):
    """Make the missing environments of *modules*.

    Returns {module: text of its lock}, without the modules that have no dependencies.
    """

    modules: tuple[Module, ...]
    context: ProcessContext | None = None


class AddDependency(Arguments, frozen=True):
    """Add a dependency to the module of a node, as a new version of the module.

    The new version is swapped in once the dependency is installed, and no other module is restarted. Returns the module's entry
    of `listDependencies`.
    """

    flowModuleId: str  # noqa: N815 - the name on the wire
    spec: str


class RemoveDependency(Arguments, frozen=True):
    """Remove a dependency from the module of a node; otherwise as `addDependency`. Returns the module's entry of
    `listDependencies`.
    """

    flowModuleId: str  # noqa: N815 - the name on the wire
    spec: str


class Subscribe(Arguments, frozen=True):
    """Subscribe to the views of a flow, or of all flows.

    Returns {flow: View} as of now; later views follow as `Seen`, at most 20 a second.
    """

    flowId: str = ""  # noqa: N815 - the name on the wire
