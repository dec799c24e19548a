"""Places of cells, so that errors of modules point at the source."""

from __future__ import annotations

from typing import Any

from floe_jupyter.core.flow.model import Place


def place_text(place: Place, line: int) -> str:
    """Return ``Cell In[3], line 4`` for the *line*-th line of a source (from 1); with the file name outside of cells."""
    where = f"Cell In[{place.cell}]" if place.cell else place.file
    return f"{where}, line {place.line + line}" if where else f"line {place.line + line}"


def place_of_cell(ip: Any) -> Place:
    """Return the place of the cell that is executed; one line, the magic's, precedes its text.

    A cell that leaves no trace in the history (as executed by programs that check notebooks) has no number.
    """
    raw = _raw(ip)
    name = ip.compile.get_code_name(raw, raw, 0)
    number = getattr(ip.compile, "_filename_map", {}).get(name, _newest(ip))
    return Place(cell=number, line=1 + _leading_blank(raw), file=name if number else "")


def _raw(ip: Any) -> str:
    """Return the text of the cell as the user typed: of the request, in a kernel; else the newest of the history."""
    kernel = getattr(ip, "kernel", None)
    request = kernel.get_parent("shell").get("content", {}) if kernel is not None else {}
    return str(request.get("code") or (ip.history_manager.input_hist_raw[-1] if ip.history_manager else ""))


def _newest(ip: Any) -> int:
    """Return the number of the newest stored input: the shell's counter may already be at the next input."""
    return len(ip.history_manager.input_hist_raw) - 1 if ip.history_manager else 0


def _leading_blank(raw: str) -> int:
    """Return the number of blank lines before the first line of a cell: IPython drops the lines, people count them."""
    lines = raw.splitlines()
    return next((at for at, line in enumerate(lines) if line.strip()), 0)
