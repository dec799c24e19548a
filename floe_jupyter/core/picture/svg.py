"""Still pictures of flows as SVG: for notebooks read without a kernel, and for every front end without scripts.

The same flow and view give the same bytes. All text is escaped. The picture has a background and is legible on light and dark
pages; by default the theme follows the reader's preference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.core.machine.snapshots import HeldMessage, NodeView, View
from floe_jupyter.core.picture.fold import MOST, fold
from floe_jupyter.core.picture.geometry import MARGIN, Box, Size
from floe_jupyter.core.picture.layout import layout
from floe_jupyter.core.picture.ports import port_counts
from floe_jupyter.core.picture.style import KINDS, style
from floe_jupyter.core.picture.text import counted, cut, length, number, safe, tag
from floe_jupyter.core.picture.wires import Labels, wire_line
from floe_jupyter.core.run_life import is_over

HEADER = 34.0
WIDEST = 1_280.0
"""Maximum pixels of a flow drawn in one row; wider flows are drawn in rows, so texts can be read in a page of 1,400 pixels."""


def svg(
    flow: Flow,
    view: View | None = None,
    held: Sequence[HeldMessage] = (),
    dark: bool | None = None,
    modules: Mapping[str, Module] | None = None,
    badges: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Return the picture of a flow; with a *view* also the activity of nodes and wires, with *held* the waiting messages.

    A flow of more than `MOST` nodes is folded, and the picture shows the number of nodes without a separate box. ``dark``: True
    or False forces a theme, None follows the reader. ``modules`` tell languages where there is no view. ``badges`` has
    letters, background and colour by language.
    """
    # The parts of the picture in the order in which they are drawn over each other.
    whole, hidden = (flow, view), 0
    if len(flow.nodes) > MOST:
        small = fold(flow, view, {message.node for message in held})
        flow, view, hidden = small.flow, small.view, small.hidden
    seen = {node.id: node for node in view.nodes} if view else {}
    waiting, ports = Counter(message.node for message in held), port_counts(flow)
    known: Mapping[str, Sequence[str]] = {**KINDS, **(badges or {})}
    cards = [_Card(node, seen.get(node.id), waiting[node.id], ports[node.id], modules or {}, known) for node in flow.nodes]
    plan = layout(flow, {card.node.id: card.size for card in cards}, WIDEST)
    summary = _summary(*whole, held) + (f"; {hidden:,} nodes are folded" if hidden else "")
    width = max(plan.width, length(flow.name, 15) + length(summary, 11) + 16) + 2 * MARGIN
    height = plan.height + HEADER + 2 * MARGIN - 8
    sent = {wire.name: wire for wire in view.wires} if view else {}
    drawn = [
        *(wire_line(wire, route, sent.get(wire.name)) for wire, route in zip(flow.wires, plan.routes, strict=True)),
        *(card.draw(plan.boxes[card.node.id]) for card in cards),
        Labels(flow, plan, sent).draw(),
    ]
    parts = [
        tag("style", style(dark=dark)),
        tag("rect", kind="page", x=0.5, y=0.5, width=width - 1, height=height - 1, rx=10),
        tag("text", safe(flow.name), kind="title", x=MARGIN, y=30),
        tag("text", safe(summary), kind="small", x=MARGIN + length(flow.name, 15) + 12, y=30),
        tag("g", "".join(drawn), transform=f"translate({number(MARGIN)} {number(HEADER + MARGIN - 10)})"),
    ]
    label = f"the flow {flow.name} with {counted(len(whole[0].nodes), 'node')} and {counted(len(whole[0].wires), 'wire')}"
    return (
        tag(
            "svg",
            "".join(parts),
            xmlns="http://www.w3.org/2000/svg",
            kind=f"floe-picture {_THEMES[dark]}",
            width=width,
            height=height,
            viewBox=f"0 0 {number(width)} {number(height)}",
            role="img",
            aria_label=label,
        )
        + "\n"
    )


_THEMES = {True: "floe-dark", False: "floe-light", None: "floe-auto"}


def _summary(flow: Flow, view: View | None, held: Sequence[HeldMessage]) -> str:
    if view is None:
        return f"{counted(len(flow.nodes), 'node')}, {counted(len(flow.wires), 'wire')}"
    # a picture is kept in notebooks: a passing status must not appear as final
    statuses = [s if is_over(s) else f"{s} when drawn" for s in dict.fromkeys(view.runs.values())]
    waiting = max(view.held, len(held))
    failed = sum(node.failed for node in view.nodes)
    parts = [f"version {view.version}", *statuses, counted(view.results, "result")]
    parts += [f"{waiting:,} held"] * bool(waiting) + [f"{failed:,} failed"] * bool(failed) + ["paused"] * view.paused
    for word, n in (("dropped", sum(n.dropped for n in view.nodes)), ("unfinished", sum(n.unfinished for n in view.nodes))):
        parts += [f"{n:,} {word}"] * bool(n)
    return ", ".join(parts)


# --- nodes ---------------------------------------------------------------------------------------------------------------


class _Card:
    """The box of one node: a badge, its name, lines below, and marks."""

    def __init__(
        self,
        node: Node,
        seen: NodeView | None,
        held: int,
        ports: int,
        modules: Mapping[str, Module],
        badges: Mapping[str, Sequence[str]],
    ) -> None:
        self.node = node
        self.seen: NodeView = seen or NodeView(node.id, "", "", 0)
        lang = self.seen.lang or (modules[node.module].lang if node.module in modules else "")
        self.badge = badges.get(lang) or badges.get(node.kind)
        self.indent = 40.0 if self.badge else 12.0
        self.held = max(self.seen.held, held)
        self.lines = [cut(node.id), *(cut(line) for line in (self._about(), self._counts()) if line)]
        self.size = self._size(ports)

    def _about(self) -> str:
        node = self.node
        parts = [node.module] if node.module != node.id else []
        parts += [f"join {node.join}"] * (node.join not in {"each", node.module})
        parts += [f"{node.workers} workers"] * (node.workers > 1)
        parts += [f"on error {node.on_error}"] * (node.on_error != "fail")
        parts += [f"in {self.seen.runner or node.runner}"] * bool(self.seen.runner or node.runner)
        return ", ".join(parts)

    def _counts(self) -> str:
        seen = self.seen
        others = {"failed": seen.failed, "waiting": seen.depth, "dropped": seen.dropped, "unfinished": seen.unfinished}
        if not (seen.taken or seen.given or any(others.values())):
            return ""
        return ", ".join([f"{seen.taken:,} in, {seen.given:,} out", *(f"{n:,} {word}" for word, n in others.items() if n)])

    def _size(self, ports: int) -> Size:
        texts = [length(self.lines[0], 13) + 18, *(length(line, 11) for line in self.lines[1:])]
        height = max(19.0 + 15 * len(self.lines), 16.0 + 18 * ports)
        return Size(round(max(96.0, self.indent + max(texts) + 14)), height)

    def draw(self, box: Box) -> str:
        """Return the card as an SVG group in the given box."""
        status = re.sub(r"[^a-z]", "", self.seen.status) or "idle"
        first = box.y + (box.height - 15 * len(self.lines)) / 2 + 12
        left = box.x + self.indent
        lines = [
            tag("text", safe(line), kind="small bad" if " failed" in line else "small", x=left, y=first + 15 * i)
            for i, line in enumerate(self.lines[1:], 1)
        ]
        content = [
            tag("title", safe(self._tooltip())),
            tag("rect", kind="box", x=box.x, y=box.y, width=box.width, height=box.height, rx=8),
            self._badge(box.x + 8, first - 13),
            tag("text", safe(self.lines[0]), kind="name", x=left, y=first),
            *lines,
            self._marks(box, first - 4.5),
        ]
        return tag("g", "".join(content), kind=f"node {status}")

    def _badge(self, x: float, y: float) -> str:
        if self.badge is None:
            return ""
        text, color, ink = self.badge
        return tag("rect", x=x, y=y, width=24, height=18, rx=5, fill=color) + tag(
            "text", text, kind="badge", x=x + 12, y=y + 13, fill=ink
        )

    def _marks(self, box: Box, line: float) -> str:
        marks = ""
        if self.seen.status:
            marks += tag("circle", kind="status", cx=box.x + box.width - 12, cy=line, r=4)
        if self.seen.breaks:
            marks += tag("circle", kind="break", cx=box.x, cy=box.y, r=6)
        if self.held:
            text = f"{self.held:,} held"
            width = length(text, 10) + 14
            x, y = box.x + box.width - width - 6, box.y + box.height - 7
            marks += tag("rect", kind="held", x=x, y=y, width=width, height=15, rx=7.5)
            marks += tag("text", text, kind="pill", x=x + width / 2, y=y + 11)
        return marks

    def _tooltip(self) -> str:
        node, seen = self.node, self.seen
        parts = [f"{node.id} ({node.module})"]
        parts += [seen.status] * bool(seen.status) + [seen.error] * bool(seen.error)
        parts += [f"breakpoints: {', '.join(seen.breaks)}"] * bool(seen.breaks)
        return "\n".join(parts)
