"""Types of a verb: its name, arguments, handler, and documentation line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from floe_jupyter.client.session import Session
from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.waiting import Steps
from floe_jupyter.core.flow.model import Place

NOWHERE = Place()
NO_NAMES: Mapping[str, Any] = {}


class VerbCall:
    """A use of a verb, from a magic or from the command line."""

    def __init__(
        self,
        session: Session,
        arguments: dict[str, Any],
        *,
        evaluate: Callable[[str], Any],
        body: str | None = None,
        place: Place = NOWHERE,
        names: Mapping[str, Any] = NO_NAMES,
    ) -> None:
        if session.connected:
            session.follow()
        other = arguments.get("workspace")
        self.session, self.arguments = session.scoped(other) if other else session, arguments
        self.evaluate, self.body, self.place, self.names = evaluate, body, place, names

    def __getitem__(self, key: str) -> Any:
        return self.arguments[key]

    @property
    def flow(self) -> str:
        """The flow to use; empty for the flow that the dispatcher ran last."""
        return str(self.arguments.get("flow") or self.session.last_flow)

    @property
    def used(self) -> str:
        """The flow to look at and step: the named flow, else the flow run or started last, else the flow defined last."""
        return str(self.arguments.get("flow") or self.session.last_run or self.session.last_flow)


class VerbResult(NamedTuple):
    """Result of a verb: a value to display, and the same as plain data for programs."""

    shown: Any
    data: Any = None


class PendingResult(NamedTuple):
    """A verb that takes time: *steps* receives a function to call with the run, and gives steps that end with a `VerbResult`."""

    steps: Callable[[Callable[[Any], None]], Steps[VerbResult]]


class Note(str):
    """A line for the user, displayed without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Verb(NamedTuple):
    """A verb of ``%floe`` and of the command line."""

    name: str
    doc: str
    handler: Callable[[VerbCall], VerbResult | PendingResult]
    arguments: tuple[VerbArgument, ...] = ()
    cell: Literal["never", "may", "must"] = "never"
    """Whether the cell's text belongs to the verb."""


FLOW = VerbArgument("flow", "the flow; without it the one used last is meant", names="flow")
WORKSPACE = VerbArgument("--workspace", "the notebook whose names are meant: its name or path", names="workspace")
ALL_WORKSPACES = VerbArgument("--all", "of all notebooks and programs", kind="flag")
OF_FLOW = VerbArgument("--flow", "the flow; without it the one used last is meant", names="flow")
MESSAGE = VerbArgument("id", "the message's id; a unique beginning will do", required=True, names="message")
JSON = VerbArgument("--json", "plain data, for programs", kind="flag")
