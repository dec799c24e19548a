"""Held messages, breakpoints and steps: the common part of flows and runs, and the values that their methods return."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.client.readable import held_value, readable, step_values
from floe_jupyter.client.session import Session
from floe_jupyter.core.machine.events import HeldMessage, Record, View
from floe_jupyter.core.messages import Batch, texts
from floe_jupyter.errors import DefinitionError
from floe_jupyter.wire.values import decode, encode

NOT_GIVEN: Any = object()
"""Marker for a missing value, because None is a value."""


def one(value: Any) -> Batch:
    """Return a batch whose only message is *value*."""
    return encode([value])


def text_of(value: Any) -> tuple[bytes, bool]:
    """Return the JSON text of an edited value, and whether the text holds a tag. Raises DefinitionError for binary data."""
    batch = one(value)
    if batch.buffers:
        raise DefinitionError(
            f"an edited value cannot hold binary data ({type(value).__name__}); drop the message and inject the new value"
        )
    return texts(batch.payload)[0], batch.tagged


def port_of(text: str, default: str = "in") -> tuple[str, str]:
    """Split ``clean`` into (clean, in) and ``clean.extra`` into (clean, extra)."""
    node, _, port = text.partition(".")
    return node, port or default


class Held:
    """A message that a breakpoint, a pause, a step or a failure holds in front of a node."""

    def __init__(self, session: Session, message: HeldMessage, flow: str) -> None:
        self._session, self._flow = session, flow
        self._take(message)

    def _take(self, message: HeldMessage) -> None:
        self.id, self.node, self.port, self._value = message.id, message.node, message.port, NOT_GIVEN
        self._message, self.json = message, message.value
        """Value as plain JSON: with tags for values that JSON cannot express."""
        self.reason, self.side = message.reason, message.side
        self.error = "" if message.failure is None else message.failure.message

    def __repr__(self) -> str:
        return f"Held({self.id!r}, {self.node!r}, {self.port!r}, {short(self.value)})"

    @property
    def value(self) -> Any:
        """Value as a Python object. Bytes and arrays are fetched at the first access."""
        if self._value is NOT_GIVEN:
            self._value = held_value(self._session, self._flow, self._message)
        return self._value

    def edit(self, value: Any) -> Held:
        """Give the message another value, which is in ``.value`` afterwards. Returns this message."""
        self._take(request_edit(self._session, self.id, value, self._flow))
        return self

    def drop(self) -> None:
        """Take the message out of the flow."""
        self._session.call("drop", id=self.id, flow=self._flow)

    def step(self) -> dict[str, Any]:
        """Let the node consume this message, and hold the outputs. Returns the step, like `Steppable.step`."""
        _ = self.value  # fetched now, to stay readable after the step
        return step_values(self._session, self._flow, request_step(self._session, self._flow, message=self.id))

    def retry(self) -> None:
        """Try the message again, after its module failed."""
        self._session.call("retry", id=self.id, flow=self._flow)

    def duplicate(self) -> Held:
        """Put a copy behind the message and return the copy."""
        return Held(self._session, request_duplicate(self._session, self.id, self._flow), self._flow)


def request_step(session: Session, flow: str, **given: str) -> dict[str, Any]:
    """Make a step and return the result as plain JSON."""
    return session.ask(dict[str, Any], "step", flow=flow, **given)


def request_back(session: Session, flow: str) -> dict[str, Any]:
    """Undo the last step and return the undone step as plain JSON."""
    return session.ask(dict[str, Any], "back", flow=flow)


def request_edit(session: Session, id: str, value: Any, flow: str) -> HeldMessage:  # noqa: A002 - the word of the magic
    """Edit a held message and return the message as held afterwards."""
    text, tagged = text_of(value)
    return session.ask(HeldMessage, "edit", id=id, text=text, tagged=tagged, flow=flow)


def request_duplicate(session: Session, id: str, flow: str) -> HeldMessage:  # noqa: A002
    """Put a copy behind a held message and return the copy."""
    return session.ask(HeldMessage, "duplicate", id=id, flow=flow)


def flows_with(session: Session, node: str) -> list[str]:
    """Return the names of the known flows with a node called *node*."""
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
        """Id of the breakpoint."""
        return str(self._data["id"])

    @property
    def node(self) -> str:
        """Id of the node."""
        return str(self._data["node"])

    @property
    def flow(self) -> str:
        """Name of the flow."""
        return str(self._data["flow"])

    @property
    def when(self) -> str:
        """Condition on messages; empty if every message counts."""
        return str(self._data.get("when", ""))

    @property
    def hits(self) -> int:
        """Number of messages seen for which the condition held."""
        found = [b for b in self._session.ask(list[dict[str, Any]], "breaks", flow=self._flow) if b["id"] == self.id]
        return int(found[0].get("count", 0)) if found else 0

    @property
    def enabled(self) -> bool:
        """True if the breakpoint is on; assign True or False to switch."""
        return bool(self._data.get("enabled", True))

    @enabled.setter
    def enabled(self, on: bool) -> None:
        """Switch the breakpoint on or off."""
        fields = {key: self._data[key] for key in ("id", "node", "side", "port", "when", "hits", "log") if key in self._data}
        self._data |= self._session.ask(dict[str, Any], "set_break", flow=self._flow, **fields, enabled=on) | {"enabled": on}

    def remove(self) -> None:
        """Remove the breakpoint."""
        self._session.call("clear_break", id=self.id, flow=self._flow)


class Paused(View, frozen=True):
    """State of a flow that was paused; displays as a single line, because the last value of a cell is displayed."""

    def __repr__(self) -> str:
        return f"Flow {self.flow} is paused{_held(self)}"


class Resumed(View, frozen=True):
    """State of a flow that goes on, or in which no message was held; displays as a single line, too."""

    was_held: bool = True
    """True if a message was held, or the flow was paused."""

    def __repr__(self) -> str:
        if self.was_held:
            return f"Flow {self.flow} goes on{_held(self)}"
        states = ", ".join(dict.fromkeys(str(status) for status in self.runs.values()))
        return f"No message of flow {self.flow} is held{f'; its run is {states}' if len(self.runs) == 1 else ''}"


def _held(view: View) -> str:
    return f"; {view.held:,} held" if view.held else ""


class Message:
    """A recorded step: a message that a node consumed, with outputs, state and error."""

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
    """Base of objects that can be paused and stepped: a flow by name, a run by ref."""

    _session: Session

    def _target(self) -> str:
        raise NotImplementedError

    def breakpoint(
        self, node: str, *, when: str = "", hits: int = 0, log: str = "", enabled: bool = True, side: str = "", port: str = ""
    ) -> Breakpoint:
        """Hold messages in front of *node* where *when* is true, from the *hits*-th on. Returns the breakpoint.

        ``node.port`` means a single port; an output port, or ``side="out"``, holds the outputs of the node.
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
        """Return ``out`` for the name of an output port, unless an input port has the same name; else ``in``."""
        modules, flows = self._session.modules(), self._session.flows()
        flow = flows.get(self._target().split(".", maxsplit=1)[0])
        module = next((modules.get(n.module) for n in (flow.nodes if flow else ()) if n.id == node), None)
        outputs, inputs = (module.outputs, module.inputs) if module else (("out",), ("in",))
        return "out" if port in (*outputs, "error") and port not in inputs else "in"

    @property
    def breakpoints(self) -> list[Breakpoint]:
        """Breakpoints of the flow or run."""
        found = self._session.ask(list[dict[str, Any]], "breaks", flow=self._target())
        return [Breakpoint(self._session, data, self._target()) for data in found]

    def held(self) -> list[Held]:
        """Return the messages that are held, in order."""
        found = self._session.ask(list[HeldMessage], "held", flow=self._target())
        return [Held(self._session, message, self._target()) for message in found]

    def step(self, node: str = "", *, message: str = "", run: str = "") -> dict[str, Any]:
        """Let every node with a deliverable message consume exactly one message (or only this node, message, run).
        Returns ``{node: {"inputStates", "outputStates", "errors"}}``.
        """
        found = request_step(self._session, self._target(), node=node, message=message, run=run)
        return step_values(self._session, self._target(), found)

    def back(self) -> dict[str, Any]:
        """Undo the last step from the record, without calling a module. Returns the undone step, like `step`."""
        return step_values(self._session, self._target(), request_back(self._session, self._target()))

    def pause(self) -> Paused:
        """Hold every message. Returns the state once no module is at work any more."""
        return msgspec.convert(self._session.call("pause", flow=self._target()), Paused, from_attributes=True)

    def resume(self) -> Resumed:
        """Release everything that a breakpoint, a step or a pause holds. Returns the state."""
        before = self._session.ask(View, "view", flow=self._target())
        after = msgspec.convert(self._session.call("resume", flow=self._target()), Resumed, from_attributes=True)
        return msgspec.structs.replace(after, was_held=bool(before.held or before.paused))

    def edit(self, id: str, value: Any) -> Held:  # noqa: A002 - the word of the magic
        """Give a held message another value. Returns the message."""
        return Held(self._session, request_edit(self._session, id, value, self._target()), self._target())

    def drop(self, id: str) -> None:  # noqa: A002
        """Take a held message out of the flow."""
        self._session.call("drop", id=id, flow=self._target())

    def retry(self, id: str) -> None:  # noqa: A002
        """Try a failed message again."""
        self._session.call("retry", id=id, flow=self._target())

    def inject(self, to: str, value: Any) -> None:
        """Put a message in front of a node (``node`` or ``node.port``)."""
        node, port = port_of(to)
        self._session.call("inject", node=node, port=port, batch=one(value), flow=self._target())

    def snapshot(self) -> View:
        """Return the current counts, queues and states of all nodes."""
        return self._session.ask(View, "view", flow=self._target())

    def messages(self, node: str = "", limit: int = 1_000) -> list[Message]:
        """Return recorded steps, oldest first, of a node or of all nodes. Recording is on while something is being debugged."""
        return [Message(r) for r in self._session.ask(list[Record], "history", flow=self._target(), node=node, limit=limit)]


def short(value: Any, most: int = 60) -> str:
    """Return the repr of a value, cut to *most* characters."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."
