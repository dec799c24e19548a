"""The Runner API with Python names: ``floe.runner("local:").list_runtimes()`` is the wire's ``listRuntimes``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from floe_jupyter.client.session import Session, session
from floe_jupyter.core.messages import values
from floe_jupyter.errors import DefinitionError, ValueRefused, unknown
from floe_jupyter.wire.values import encode

CALLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "list_runtimes": ("listRuntimes", ()),
    "list_flows_for_runtime": ("listFlowsForRuntime", ("runtimeId",)),
    "add_or_update_flow": ("addOrUpdateFlow", ("flow",)),
    "remove_flow": ("removeFlow", ("flowId",)),
    "start_flow": ("startFlow", ("flowId",)),
    "stop_flow": ("stopFlow", ("flowId",)),
    "set_break_point_at_module": ("setBreakPointAtModule", ("flowModuleId",)),
    "remove_break_point_at_module": ("removeBreakPointAtModule", ("flowModuleId",)),
    "list_break_points": ("listBreakPoints", ("flowId",)),
    "single_step_flow": ("singleStepFlow", ("flowId",)),
    "pause_flow": ("pauseFlow", ("flowId",)),
    "continue_flow": ("continueFlow", ("flowId",)),
    "inject": ("inject", ("flowModuleId", "value")),
    "edit": ("edit", ("id", "value")),
    "drop": ("drop", ("id",)),
    "list_dependencies": ("listDependencies", ("flowId",)),
    "lock_dependencies": ("lockDependencies", ("modules",)),
    "add_dependency": ("addDependency", ("flowModuleId", "spec")),
    "remove_dependency": ("removeDependency", ("flowModuleId", "spec")),
    "subscribe": ("subscribe", ("flowId",)),
}
"""Python name -> (name on the wire, names of positional arguments)."""


def camel(name: str) -> str:
    """Return ``flowId`` for ``flow_id``."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


class RunnerApi:
    """A runner, by its URL. Every call takes and returns plain JSON-able values.

    ``floe_jupyter.Runner`` for users, also in programs without IPython: the calls travel to the dispatcher, which is started if
    none serves yet, and from there to the runner.
    """

    def __init__(self, url: str = "local:", through: Session | None = None) -> None:
        self._session, self.url = through or session(), url

    def __repr__(self) -> str:
        return f"Runner({self.url!r})"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *CALLS]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in CALLS:
            raise AttributeError(str(unknown("call of a runner", name, CALLS)))
        wire, names = CALLS[name]

        def call(*values: Any, **named: Any) -> Any:
            if len(values) > len(names):
                raise DefinitionError(
                    f"{name}() takes {len(names)} arguments without a name ({', '.join(names) or 'none'}), got {len(values)}"
                )
            args = _arguments(names, values, named)
            return self._session.call("runner_api", call=wire, url=self.url, args=args)

        call.__name__ = name
        call.__doc__ = f"``{wire}({', '.join(names)})`` of the Runner API."
        return call


def _arguments(names: tuple[str, ...], values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments by their names on the wire. A flow object brings its modules along."""
    args = dict(zip(names, values, strict=False)) | {camel(key): value for key, value in named.items()}
    flow: Any = args.get("flow")
    if hasattr(flow, "definition"):  # a `client.flows.Flow`, a class from a layer above
        args = {"modules": flow.modules} | args | {"flow": flow.definition}
    if "value" in args:
        args["value"] = _plain(args["value"])
    return {key: msgspec.to_builtins(value) for key, value in args.items()}


def _plain(value: Any) -> Any:
    """Return a message's value as the Runner API takes values: tagged where JSON lacks a type. Raises ValueRefused."""
    batch = encode([value])
    if batch.buffers:
        raise ValueRefused("the Runner API takes JSON only; send bytes, arrays and tables with flow.send")
    [plain] = values(batch)
    return plain


def runner(url: str = "local:") -> RunnerApi:
    """Return the runner with this URL."""
    return RunnerApi(url)
