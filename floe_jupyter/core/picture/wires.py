"""The wires of the still picture, and the labels beside the wires."""

from __future__ import annotations

from collections.abc import Mapping

from floe_jupyter.core.flow.model import Flow, Wire
from floe_jupyter.core.machine.snapshots import WireView
from floe_jupyter.core.picture.geometry import Box, Layout, WirePath
from floe_jupyter.core.picture.text import cut, length, number, safe, tag

_MANY = 500
"""Maximum number of wires for which labels avoid boxes and each other; with more, numbers stand at the first position."""
_PLACES = (0.5, 0.64, 0.36, 0.76, 0.24)


def wire_line(wire: Wire, route: WirePath, seen: WireView | None) -> str:
    """Return a wire with its tip; the colour shows whether messages passed, dashes mark a wire of errors."""
    kind = "wire" + (" full" if seen and seen.full else " used" if seen and seen.sent else "")
    kind += " error" if wire.source_port == "error" else ""
    x, y = route.points[-1]
    content = [
        tag("title", safe(wire.name)),
        tag("path", kind="line", d=_cornered(route) if route.back else _curved(route)),
        tag("path", kind="tip", d=_path("M", (x - 7, y - 4)) + _path("L", (x, y), (x - 7, y + 4)) + "Z"),
    ]
    return tag("g", "".join(content), kind=kind)


def _path(command: str, *points: tuple[float, float]) -> str:
    return command + " ".join(f"{number(x)} {number(y)}" for x, y in points)


def _curved(route: WirePath) -> str:
    points = route.points
    path = _path("M", points[0])
    for i in range(0, len(points) - 1, 2):
        (x, y), (end_x, end_y) = points[i + 1], points[i + 2]
        middle = (x + end_x) / 2
        path += _path("L", (x, y)) + _path("C", (middle, y), (middle, end_y), (end_x, end_y))
    return path


def _cornered(route: WirePath, radius: float = 8.0) -> str:
    points = route.points
    path = _path("M", points[0])
    for before, corner, behind in zip(points, points[1:], points[2:], strict=False):
        path += _path("L", _toward(corner, before, radius)) + _path("Q", corner, _toward(corner, behind, radius))
    return path + _path("L", points[-1])


def _toward(start: tuple[float, float], end: tuple[float, float], most: float) -> tuple[float, float]:
    far = abs(end[0] - start[0]) + abs(end[1] - start[1])
    part = min(most, far / 2) / max(far, 1.0)
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


class Labels:
    """Placement of port names and message numbers, to cover neither boxes nor each other."""

    def __init__(self, flow: Flow, plan: Layout, seen: Mapping[str, WireView]) -> None:
        self.flow, self.plan, self.seen = flow, plan, seen
        self.taken: list[Box] = list(plan.boxes.values()) if len(flow.wires) <= _MANY else []
        self.texts: list[str] = []

    def draw(self) -> str:
        """Return the labels of all wires as SVG."""
        for wire, route in zip(self.flow.wires, self.plan.routes, strict=True):
            self._ports(wire, route)
        for wire, route in zip(self.flow.wires, self.plan.routes, strict=True):
            seen = self.seen.get(wire.name)
            if seen and (seen.sent or seen.depth):
                self._number(f"{seen.sent:,}" + (f" ({seen.depth:,} waiting)" if seen.depth else ""), route)
        return "".join(self.texts)

    def _ports(self, wire: Wire, route: WirePath) -> None:
        (x, y), (end_x, end_y) = route.points[0], route.points[-1]
        if wire.source_port != "out":
            self._put("port", cut(wire.source_port, 12), x + 5, y - 4)
        if wire.target_port != "in":
            text = cut(wire.target_port, 12)
            self._put("port", text, end_x - 10 - length(text, 9), end_y - 5)

    def _put(self, kind: str, text: str, x: float, y: float) -> None:
        label = tag("text", safe(text), kind=kind, x=x, y=y)
        if label not in self.texts:  # two wires of one port
            self.texts.append(label)
            self._take(x, y, length(text, 10))

    def _take(self, x: float, y: float, width: float) -> None:
        if len(self.flow.wires) <= _MANY:
            self.taken.append(Box(x, y - 9, width, 12))

    def _number(self, text: str, route: WirePath) -> None:
        width = length(text, 10)
        places = [(x - width / 2, y + 3.5 + aside) for aside in (0, -10, 10) for x, y in _beside(route)]
        x, y = next((place for place in places if self._free(*place, width)), places[0])
        self.texts.append(tag("text", text, kind="count", x=x + width / 2, y=y))
        self._take(x, y, width)

    def _free(self, x: float, y: float, width: float) -> bool:
        top = y - 9
        return not any(
            x < box.x + box.width and box.x < x + width and top < box.y + box.height and box.y < top + 12 for box in self.taken
        )


def _beside(route: WirePath) -> list[tuple[float, float]]:
    """Return positions on a wire, the best first: in the middle of a gutter, the last gutter before the others."""
    points = route.points
    if route.back:
        (x, y), (end_x, _) = points[2], points[3]
        return [(x + (end_x - x) * part, y) for part in _PLACES]
    gutters = [(points[i], points[i + 1]) for i in range(1, len(points) - 1, 2)]
    return [_on(start, end, part) for start, end in reversed(gutters) for part in _PLACES]


def _on(start: tuple[float, float], end: tuple[float, float], part: float) -> tuple[float, float]:
    """Return the point of the curve drawn by `_curved`."""
    bent = 3 * part**2 - 2 * part**3
    across = 1.5 * part * (1 - part) + part**3  # (3 t (1-t)^2 + 3 t^2 (1-t)) / 2 + t^3
    return start[0] + (end[0] - start[0]) * across, start[1] + (end[1] - start[1]) * bent
