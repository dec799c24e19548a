"""What a verb is: a name, its arguments, what it does, and one line for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from floe_jupyter.core.model import Place
from floe_jupyter.kernel.arguments import Argument
from floe_jupyter.kernel.session import Session
from floe_jupyter.kernel.waiting import Steps

NOWHERE = Place()


class Request:
    """One use of a verb, from a magic or from the command line."""

    def __init__(
        self,
        session: Session,
        arguments: dict[str, Any],
        *,
        evaluate: Callable[[str], Any],
        body: str | None = None,
        place: Place = NOWHERE,
    ) -> None:
        self.session, self.arguments, self.evaluate, self.body, self.place = session, arguments, evaluate, body, place

    def __getitem__(self, key: str) -> Any:
        return self.arguments[key]

    @property
    def flow(self) -> str:
        """The flow that is meant; empty: the one the dispatcher ran last."""
        return str(self.arguments.get("flow") or self.session.last_flow)

    @property
    def used(self) -> str:
        """The flow that is looked at and stepped: the one named, else the one run or started last, else the one defined last."""
        return str(self.arguments.get("flow") or self.session.last_run or self.session.last_flow)


class Answer(NamedTuple):
    """What a verb gives back: a value to show, and the same as plain data for programs."""

    shown: Any
    data: Any = None


class Waits(NamedTuple):
    """A verb that takes its time: steps to drive, which end with an `Answer`; what they are given is told the run."""

    steps: Callable[[Callable[[Any], None]], Steps[Answer]]


class Note(str):
    """One line for the user; shows itself without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Verb(NamedTuple):
    name: str
    doc: str
    handler: Callable[[Request], Answer | Waits]
    arguments: tuple[Argument, ...] = ()
    cell: Literal["never", "may", "must"] = "never"
    """Whether the cell's text belongs to it."""


FLOW = Argument("flow", "the flow; without it the one used last is meant", names="flow")
OF_FLOW = Argument("--flow", "the flow; without it the one used last is meant", names="flow")
MESSAGE = Argument("id", "the message's id; a unique beginning will do", required=True)
JSON = Argument("--json", "plain data, for programs", kind="flag")
