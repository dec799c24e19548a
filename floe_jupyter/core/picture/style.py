"""Colours of the still picture: two palettes with enough contrast on their own backgrounds (texts 4.5 : 1, marks 3 : 1)."""

from __future__ import annotations

KINDS: dict[str, tuple[str, str, str]] = {
    "trigger": ("▸", "#6f42c1", "#ffffff"),
    "task": ("◆", "#57606a", "#ffffff"),
    "pub": ("▴", "#bf3989", "#ffffff"),
}
"""Badge by kind of a built-in: text, colour, colour of the text. Badges of languages are handed in."""

_LIGHT = {
    "page": "#ffffff",
    "edge": "#d0d7de",
    "box": "#f6f8fa",
    "border": "#7d8590",
    "ink": "#1f2328",
    "quiet": "#57606a",
    "line": "#7d8590",
    "used": "#0969da",
    "bad": "#b3261e",
    "full": "#8250df",
    "held": "#b07c00",
    "held_ink": "#1f1400",
    "idle": "#7d8590",
    "busy": "#0969da",
    "loading": "#0b8091",
}
_DARK = {
    "page": "#161b22",
    "edge": "#30363d",
    "box": "#21262d",
    "border": "#6e7681",
    "ink": "#e6edf3",
    "quiet": "#a3adb8",
    "line": "#6e7681",
    "used": "#58a6ff",
    "bad": "#ff8178",
    "full": "#bc8cff",
    "held": "#e3b341",
    "held_ink": "#1f1400",
    "idle": "#6e7681",
    "busy": "#58a6ff",
    "loading": "#79c0ff",
}

_FORM = """.floe-picture text{font-family:system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
.floe-picture .title{font-size:15px;font-weight:600}
.floe-picture .name{font-size:13px;font-weight:600}
.floe-picture .small{font-size:11px}
.floe-picture .badge{font-size:10px;font-weight:700;text-anchor:middle}
.floe-picture .pill{font-size:10px;font-weight:600;text-anchor:middle}
.floe-picture .port{font-size:10px;paint-order:stroke;stroke-width:3px;stroke-linejoin:round}
.floe-picture .port.end{text-anchor:end}
.floe-picture .count{font-size:10px;text-anchor:middle;paint-order:stroke;stroke-width:4px;stroke-linejoin:round}
.floe-picture .box{stroke-width:1.25}
.floe-picture .line{fill:none;stroke-width:1.5}
.floe-picture .used .line,.floe-picture .full .line{stroke-width:2}
.floe-picture .error .line{stroke-dasharray:5 4}
"""

_STATUSES = {"busy": "busy", "loading": "loading", "held": "held", "failed": "bad", "refused": "bad", "full": "full"}


def _palette(theme: str, colors: dict[str, str]) -> str:
    rules = [
        (".page", f"fill:{colors['page']};stroke:{colors['edge']}"),
        (".title", f"fill:{colors['ink']}"),
        (".name", f"fill:{colors['ink']}"),
        (".small", f"fill:{colors['quiet']}"),
        (".port", f"fill:{colors['quiet']};stroke:{colors['page']}"),
        (".small.bad", f"fill:{colors['bad']}"),
        (".count", f"fill:{colors['ink']};stroke:{colors['page']}"),
        (".box", f"fill:{colors['box']};stroke:{colors['border']}"),
        (".line", f"stroke:{colors['line']}"),
        (".tip", f"fill:{colors['line']}"),
        (".used .line", f"stroke:{colors['used']}"),
        (".used .tip", f"fill:{colors['used']}"),
        (".full .line", f"stroke:{colors['full']}"),
        (".full .tip", f"fill:{colors['full']}"),
        (".held", f"fill:{colors['held']}"),
        (".pill", f"fill:{colors['held_ink']}"),
        (".break", f"fill:{colors['bad']};stroke:{colors['page']};stroke-width:1.5"),
        (".status", f"fill:{colors['idle']}"),
    ]
    for status, color in _STATUSES.items():
        rules.append((f".{status}>.status", f"fill:{colors[color]}"))
        rules.append((f".{status}>.box", f"stroke:{colors[color]};stroke-width:2"))
    return "".join(f".{theme} {selector}{{{rule}}}\n" for selector, rule in rules)


def style(*, dark: bool | None) -> str:
    """Return the style sheet; with None the theme follows the reader's preference. The rules apply only to the picture."""
    if dark is None:
        return _FORM + _palette("floe-auto", _LIGHT) + "@media (prefers-color-scheme:dark){" + _palette("floe-auto", _DARK) + "}"
    return _FORM + (_palette("floe-dark", _DARK) if dark else _palette("floe-light", _LIGHT))
