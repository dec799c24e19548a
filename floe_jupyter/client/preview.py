"""The first results of a run, as a notebook shows values: tables with columns, arrays with their shape, pictures as pictures."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

from floe_jupyter.client.tables import Table, cell
from floe_jupyter.errors import FloeError
from floe_jupyter.wire.control.calls import ResultBatch, RunInfo
from floe_jupyter.wire.values import decode

if TYPE_CHECKING:
    from floe_jupyter.client.session import Session

MOST = 20
"""Maximum number of results shown."""
COLUMNS = 12
"""Maximum number of columns of results that are objects."""
ROWS = 5
"""Maximum number of rows shown of a table that is a result."""
ITEMS = 6
"""Maximum number of items shown of an array."""
RICH = 4
"""Maximum number of tables and pictures shown whole."""
PICTURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}
PICTURE_BYTES = 2 * 1024 * 1024


class Preview:
    """The first results of a run, by output port."""

    def __init__(self, ref: str, total: int, values: list[tuple[str, Any]]) -> None:
        self.ref, self.total, self.values = ref, total, values

    @classmethod
    def of(cls, session: Session, info: RunInfo) -> Preview:
        """Fetch the first results of the run, and no more than are displayed."""
        values: list[tuple[str, Any]] = []
        place = 0
        while len(values) < MOST:
            batches = session.ask(list[ResultBatch], "results", ref=info.ref, start=place, limit=1)
            if not batches:
                break
            place += 1
            values += [(f"{b.node}.{b.port}", value) for b in batches for value in decode(b.batch)]
        return cls(info.ref, info.results, values[:MOST])

    def __bool__(self) -> bool:
        return bool(self.values)

    def __repr__(self) -> str:
        return f"{self._title()}\n{self._table()!r}"

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """Return the results as HTML; all text of the user is escaped, except the HTML that a pandas table makes."""
        if not self.values:
            return ""
        whole = [shown for _, value in self.values if (shown := shown_whole(value))][:RICH]
        plain = self._table() if len(whole) < len(self.values) or len(self.values) > RICH else None
        return f"<p><b>{html.escape(self._title())}</b></p>{''.join(whole)}{plain.html() if plain is not None else ''}"

    def _title(self) -> str:
        shown = (
            f"the first {len(self.values)} of {self.total:,} results"
            if self.total > len(self.values)
            else (f"{self.total:,} result{'' if self.total == 1 else 's'}")
        )
        return f"{shown} (all: run.results; as a table: run.dataframe())"

    def _table(self) -> Table:
        # Values decide the columns and rows decide their cells: two passes over at most 20 values.
        ports = {port for port, _ in self.values}
        objects = all(isinstance(value, dict) for _, value in self.values)
        names = dict.fromkeys(str(key) for _, value in self.values for key in value) if objects else {}
        columns = list(names)[:COLUMNS] if objects and names else ["value"]
        rows = []
        for port, value in self.values:
            row = {str(key): short(part) for key, part in value.items()} if columns != ["value"] else {"value": short(value)}
            rows.append({"from": port, **row} if len(ports) > 1 else row)
        return Table(rows, [*(["from"] if len(ports) > 1 else []), *columns], "no results")


def preview_of(session: Session, info: RunInfo) -> Preview | None:
    """Return the preview of a run; None without results, or if the results cannot be fetched or displayed."""
    try:
        found = Preview.of(session, info)
        found.html()
    except (FloeError, ImportError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return None  # users' values may fail to display; run.results has the values all the same
    return found or None


def shown_whole(value: Any) -> str:
    """Return the HTML of a table or a picture, as a notebook shows values; empty for other values."""
    if is_table(value):
        return f"<p>{html.escape(described(value))}</p>{value.iloc[:ROWS, :COLUMNS].to_html(max_rows=ROWS)}"
    if isinstance(value, (bytes, bytearray)) and len(value) <= PICTURE_BYTES:
        kind = next((kind for sign, kind in PICTURES.items() if value.startswith(sign)), "")
        if kind:
            return f'<img alt="a result" src="data:image/{kind};base64,{base64.b64encode(value).decode()}">'
    return ""


def is_table(value: Any) -> bool:
    """Return True if the value is a pandas table."""
    return _is(value, "pandas", "DataFrame")


def described(table: Any) -> str:
    """Return the shape and the column types of a pandas table."""
    dtypes = ", ".join(f"{name}: {dtype}" for name, dtype in list(table.dtypes.items())[:COLUMNS])
    return f"{short(table)}; {dtypes}"


def short(value: Any) -> str | int | float | bool | None:
    """Return a value for a cell of the table: tables and arrays by shape."""
    if value is None:
        return "null"
    if isinstance(value, (bool, int, float, str)):
        return value
    if is_table(value):
        return f"table of {value.shape[0]:,} rows, {value.shape[1]:,} columns"
    if _is(value, "numpy", "ndarray"):
        more = ", ..." if value.size > ITEMS else ""
        return f"array {value.dtype} {value.shape}: {cell(value.ravel()[:ITEMS].tolist())}{more}"
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value):,} bytes"
    return cell(value) if isinstance(value, (list, tuple)) else str(value)


def _is(value: Any, package: str, name: str) -> bool:
    """Return True if the value is of the named class, without importing the package."""
    return any(c.__name__ == name and c.__module__.partition(".")[0] == package for c in type(value).__mro__)
