"""Table of the calls of the Runner API, each with its arguments and handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from floe_jupyter.errors import DefinitionError, unknown
from floe_jupyter.runner.api import arguments as a
from floe_jupyter.runner.api import debugging, dependencies, flows
from floe_jupyter.runner.api.state import LATER, ApiRunner, ApiState, Done
from floe_jupyter.runner.driver import MachineDriver

CALLS: dict[str, tuple[type[a.Arguments], Callable[[ApiState, Any, Done], object]]] = {
    "listRuntimes": (a.ListRuntimes, flows.list_runtimes),
    "listFlowsForRuntime": (a.ListFlowsForRuntime, flows.list_flows),
    "addOrUpdateFlow": (a.AddOrUpdateFlow, flows.add_or_update_flow),
    "removeFlow": (a.RemoveFlow, flows.remove_flow),
    "startFlow": (a.StartFlow, flows.start_flow),
    "stopFlow": (a.StopFlow, flows.stop_flow),
    "setBreakPointAtModule": (a.SetBreakPointAtModule, debugging.set_break),
    "removeBreakPointAtModule": (a.RemoveBreakPointAtModule, debugging.remove_break),
    "listBreakPoints": (a.ListBreakPoints, debugging.list_breaks),
    "singleStepFlow": (a.SingleStepFlow, debugging.single_step),
    "pauseFlow": (a.PauseFlow, debugging.pause),
    "continueFlow": (a.ContinueFlow, debugging.resume),
    "inject": (a.Inject, flows.inject),
    "edit": (a.Edit, debugging.edit),
    "drop": (a.Drop, debugging.drop),
    "listDependencies": (a.ListDependencies, dependencies.list_dependencies),
    "lockDependencies": (a.LockDependencies, dependencies.lock_dependencies),
    "addDependency": (a.AddDependency, dependencies.add_dependency),
    "removeDependency": (a.RemoveDependency, dependencies.remove_dependency),
    "subscribe": (a.Subscribe, flows.subscribe),
}

_QUESTIONS: dict[str, tuple[str, ...]] = {
    "view": (),
    "latest": ("wire",),
    "held": ("limit", "id", "buffers"),
    "breaks": (),
    "history": ("node", "limit"),
    "dead": (),
    "states": (),
    "at": ("id",),
}


class Api:
    """The Runner API of one runner."""

    def __init__(self, runner: ApiRunner) -> None:
        self._state = ApiState(runner)

    def call(self, name: str, args: dict[str, Any], done: Done) -> None:
        """Carry out a call; *done* gets the answer now or later. Raises UnknownName or DefinitionError."""
        if name not in CALLS:
            raise unknown("call of the Runner API,", name, CALLS)
        struct, handler = CALLS[name]
        value = handler(self._state, _convert(name, struct, args), done)
        if value is not LATER:
            done(value, None)

    def ask(self, instance: MachineDriver, call: str, args: dict[str, Any]) -> Any:
        """Answer a question about an instance: ``view``, ``held``, ``breaks``, ``history``, ``dead``, ``states``, ``at``."""
        if call not in _QUESTIONS:
            raise unknown("question about an instance,", call, _QUESTIONS)
        try:
            return getattr(instance.machine, call)(**args)
        except TypeError as error:
            raise DefinitionError(f"{call}: {error}; it takes {', '.join(_QUESTIONS[call]) or 'no arguments'}") from None


def _convert(name: str, struct: type[a.Arguments], args: dict[str, Any]) -> a.Arguments:
    fields = struct.__struct_fields__
    for given in args:
        if given not in fields:
            raise unknown(f"argument of {name},", given, fields)
    try:
        return msgspec.convert(args, struct)
    except msgspec.ValidationError as error:
        raise DefinitionError(f"{name}: {error}") from None
