"""Where a cell stands, so that a module's error points at it."""

from __future__ import annotations

from typing import Any

from floe_jupyter.core.model import Place


def place_of_cell(ip: Any) -> Place:
    """The cell that is being executed; one line, the magic's, stands before its text.

    A cell that leaves no trace in the history (as programs that check notebooks run them) has no number.
    """
    raw = _raw(ip)
    name = ip.compile.get_code_name(raw, raw, 0)
    number = getattr(ip.compile, "_filename_map", {}).get(name, _newest(ip))
    return Place(cell=number, line=1 + _leading_blank(raw), file=name if number else "")


def _raw(ip: Any) -> str:
    """The text of the cell as the user typed it: of the request, in a kernel; else the newest of the history."""
    kernel = getattr(ip, "kernel", None)
    request = kernel.get_parent("shell").get("content", {}) if kernel is not None else {}
    return str(request.get("code") or (ip.history_manager.input_hist_raw[-1] if ip.history_manager else ""))


def _newest(ip: Any) -> int:
    """The number of the newest stored input: the shell's counter may already stand at the next."""
    return len(ip.history_manager.input_hist_raw) - 1 if ip.history_manager else 0


def _leading_blank(raw: str) -> int:
    """IPython drops blank lines before the first line of a cell; people count them."""
    lines = raw.splitlines()
    return next((at for at, line in enumerate(lines) if line.strip()), 0)
