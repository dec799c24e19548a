"""Held messages, breakpoints and steps: what a flow and a run have in common, and the values that they give back."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.events import HeldMessage, Record, View
from floe_jupyter.core.messages import Batch, texts
from floe_jupyter.errors import DefinitionError
from floe_jupyter.kernel.readable import held_value, readable, step_values
from floe_jupyter.kernel.session import Session
from floe_jupyter.wire.values import decode, encode

NOT_GIVEN: Any = object()
"""Stands for "no value": None is one."""


def one(value: Any) -> Batch:
    """A value as a batch of one message."""
    return encode([value])


def text_of(value: Any) -> tuple[bytes, bool]:
    """The JSON text of an edited value, and whether it holds a tag."""
    batch = one(value)
    if batch.buffers:
        raise DefinitionError(
            f"an edited value cannot hold binary data ({type(value).__name__}); drop the message and inject the new value"
        )
    return texts(batch.payload)[0], batch.tagged


def port_of(text: str, default: str = "in") -> tuple[str, str]:
    """``clean`` -> (clean, in); ``clean.extra`` -> (clean, extra)."""
    node, _, port = text.partition(".")
    return node, port or default


class Held:
    """A message that a breakpoint, a pause, a step or a failure keeps in front of a node."""

    def __init__(self, session: Session, message: HeldMessage, flow: str) -> None:
        self._session, self._flow = session, flow
        self._take(message)

    def _take(self, message: HeldMessage) -> None:
        self.id, self.node, self.port, self._value = message.id, message.node, message.port, NOT_GIVEN
        self._message, self.json = message, message.value
        """As JSON has it: with tags for what that cannot say."""
        self.reason, self.side = message.reason, message.side
        self.error = "" if message.failure is None else message.failure.message

    def __repr__(self) -> str:
        return f"Held({self.id!r}, {self.node!r}, {self.port!r}, {short(self.value)})"

    @property
    def value(self) -> Any:
        """As Python has it. Bytes and arrays are fetched when this is looked at first."""
        if self._value is NOT_GIVEN:
            self._value = held_value(self._session, self._flow, self._message)
        return self._value

    def edit(self, value: Any) -> Held:
        """Give it another value; the value it has now is in ``.value`` afterwards."""
        self._take(edited(self._session, self.id, value, self._flow))
        return self

    def drop(self) -> None:
        """Take it out of the flow."""
        self._session.call("drop", id=self.id, flow=self._flow)

    def step(self) -> dict[str, Any]:
        """Let the node consume this message and hold what comes out."""
        _ = self.value  # it can still be looked at afterwards
        return step_values(self._session, self._flow, asked_step(self._session, self._flow, message=self.id))

    def retry(self) -> None:
        """Try it again, after its module failed on it."""
        self._session.call("retry", id=self.id, flow=self._flow)

    def duplicate(self) -> Held:
        """Put a copy behind it."""
        return Held(self._session, duplicated(self._session, self.id, self._flow), self._flow)


def asked_step(session: Session, flow: str, **given: str) -> dict[str, Any]:
    """What a step did, as JSON has it."""
    return session.ask(dict[str, Any], "step", flow=flow, **given)


def asked_back(session: Session, flow: str) -> dict[str, Any]:
    """What was undone, as JSON has it."""
    return session.ask(dict[str, Any], "back", flow=flow)


def edited(session: Session, id: str, value: Any, flow: str) -> HeldMessage:  # noqa: A002 - the word of the magic
    """Edit a held message; as it is held afterwards."""
    text, tagged = text_of(value)
    return session.ask(HeldMessage, "edit", id=id, text=text, tagged=tagged, flow=flow)


def duplicated(session: Session, id: str, flow: str) -> HeldMessage:  # noqa: A002
    """Put a copy behind a held message; the copy."""
    return session.ask(HeldMessage, "duplicate", id=id, flow=flow)


def flows_with(session: Session, node: str) -> list[str]:
    """The flows that have such a node, as far as they are known here."""
    return [name for name, flow in session.cached()[1].items() if any(n.id == node for n in flow.nodes)]


class Breakpoint:
    """A breakpoint on a node's port."""

    def __init__(self, session: Session, data: dict[str, Any], flow: str) -> None:
        self._session, self._data, self._flow = session, dict(data), flow

    def __repr__(self) -> str:
        when = f", when={self.when!r}" if self.when else ""
        flow = f", flow={self.flow!r}" if len(flows_with(self._session, self.node)) > 1 else ""
        return f"Breakpoint({self.id!r}, {self.node!r}{when}{flow}{'' if self._data.get('enabled', True) else ', off'})"

    @property
    def id(self) -> str:
        return str(self._data["id"])

    @property
    def node(self) -> str:
        return str(self._data["node"])

    @property
    def flow(self) -> str:
        return str(self._data["flow"])

    @property
    def when(self) -> str:
        return str(self._data.get("when", ""))

    @property
    def hits(self) -> int:
        """How many messages it has seen for which its condition held."""
        found = [b for b in self._session.ask(list[dict[str, Any]], "breaks", flow=self._flow) if b["id"] == self.id]
        return int(found[0].get("count", 0)) if found else 0

    @property
    def enabled(self) -> bool:
        return bool(self._data.get("enabled", True))

    @enabled.setter
    def enabled(self, on: bool) -> None:
        wish = {key: self._data[key] for key in ("id", "node", "side", "port", "when", "hits", "log") if key in self._data}
        self._data |= self._session.ask(dict[str, Any], "set_break", flow=self._flow, **wish, enabled=on) | {"enabled": on}

    def remove(self) -> None:
        self._session.call("clear_break", id=self.id, flow=self._flow)


class Paused(View, frozen=True):
    """How a flow stands that was paused; shows itself as one line, because as the last line of a cell it is shown."""

    def __repr__(self) -> str:
        return f"Flow {self.flow} is paused{_held(self)}"


class Resumed(View, frozen=True):
    """How a flow stands that goes on; one line, too."""

    def __repr__(self) -> str:
        return f"Flow {self.flow} goes on{_held(self)}"


def _held(view: View) -> str:
    return f"; {view.held:,} held" if view.held else ""


class Message:
    """A recorded step: a message that a node consumed, and what it made of it."""

    def __init__(self, record: Record) -> None:
        self.id, self.node, self.port, self.version = record.id, record.node, record.port, record.version
        self.value = decode(record.input)[0]
        self.outputs = [(port, value) for port, batch in record.outputs for value in decode(batch)]
        self.state = readable(record.after)
        self.error = record.failure.message if record.failure else ""

    def __repr__(self) -> str:
        made = f"error {self.error}" if self.error else ", ".join(f"{port}: {short(value)}" for port, value in self.outputs)
        return f"Message({self.id!r}, {self.node!r}, {short(self.value)} -> {made or 'nothing'})"


class Steppable:
    """What can be paused and stepped: a flow by its name, a run by its ref."""

    _session: Session

    def _target(self) -> str:
        raise NotImplementedError

    def breakpoint(
        self, node: str, *, when: str = "", hits: int = 0, log: str = "", enabled: bool = True, side: str = "", port: str = ""
    ) -> Breakpoint:
        """Hold messages in front of *node* where *when* is true, from the *hits*-th on.

        ``node.port`` means one port; that of an output, or ``side="out"``, holds what the node gave.
        """
        node, port = port_of(node, port)
        side = side or self._side(node, port)
        data = self._session.ask(
            dict[str, Any],
            "set_break",
            flow=self._target(),
            node=node,
            side=side,
            port=port,
            when=when,
            hits=hits,
            log=log,
            enabled=enabled,
        )
        return Breakpoint(self._session, data, self._target())

    def _side(self, node: str, port: str) -> str:
        """``out`` for the name of an output port that is not that of an input too."""
        modules, flows = self._session.modules(), self._session.flows()
        flow = flows.get(self._target().split(".", maxsplit=1)[0])
        module = next((modules.get(n.module) for n in (flow.nodes if flow else ()) if n.id == node), None)
        outputs, inputs = (module.outputs, module.inputs) if module else (("out",), ("in",))
        return "out" if port in (*outputs, "error") and port not in inputs else "in"

    @property
    def breakpoints(self) -> list[Breakpoint]:
        found = self._session.ask(list[dict[str, Any]], "breaks", flow=self._target())
        return [Breakpoint(self._session, data, self._target()) for data in found]

    def held(self) -> list[Held]:
        """The messages that wait, in order."""
        found = self._session.ask(list[HeldMessage], "held", flow=self._target())
        return [Held(self._session, message, self._target()) for message in found]

    def step(self, node: str = "", *, message: str = "", run: str = "") -> dict[str, Any]:
        """Every node with a deliverable message consumes exactly one (or only this node, message, run).
        Returns ``{node: {"inputStates", "outputStates", "errors"}}``.
        """
        found = asked_step(self._session, self._target(), node=node, message=message, run=run)
        return step_values(self._session, self._target(), found)

    def back(self) -> dict[str, Any]:
        """Undo the last step, from what was recorded; no module is called. Returns what was undone, like `step`."""
        return step_values(self._session, self._target(), asked_back(self._session, self._target()))

    def pause(self) -> Paused:
        """Hold every message; returns how it stands when no module is at work any more."""
        return msgspec.convert(self._session.call("pause", flow=self._target()), Paused, from_attributes=True)

    def resume(self) -> Resumed:
        """Let everything go on that a breakpoint, a step or a pause holds. Returns how it stands."""
        return msgspec.convert(self._session.call("resume", flow=self._target()), Resumed, from_attributes=True)

    def edit(self, id: str, value: Any) -> Held:  # noqa: A002 - the word of the magic
        """Give a held message another value."""
        return Held(self._session, edited(self._session, id, value, self._target()), self._target())

    def drop(self, id: str) -> None:  # noqa: A002
        """Take a held message out."""
        self._session.call("drop", id=id, flow=self._target())

    def retry(self, id: str) -> None:  # noqa: A002
        """Try a message again that failed."""
        self._session.call("retry", id=id, flow=self._target())

    def inject(self, to: str, value: Any) -> None:
        """Put a message in front of a node (``node`` or ``node.port``)."""
        node, port = port_of(to)
        self._session.call("inject", node=node, port=port, batch=one(value), flow=self._target())

    def snapshot(self) -> View:
        """Counts, queues and states of all nodes, now."""
        return self._session.ask(View, "view", flow=self._target())

    def messages(self, node: str = "", limit: int = 1_000) -> list[Message]:
        """Recorded steps, oldest first: those of a node, or of all. Recording is on while something is being debugged."""
        return [Message(r) for r in self._session.ask(list[Record], "history", flow=self._target(), node=node, limit=limit)]


def short(value: Any, most: int = 60) -> str:
    """The beginning of a value's repr."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."
