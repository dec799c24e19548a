"""A small table: rows of named values, as aligned text, as HTML, and as plain data."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any, overload

Row = dict[str, Any]
WIDE = 80
"""Maximum number of characters displayed of a cell; the data is not cut."""


class Table(Sequence[Row]):
    """Rows in order. *columns* names the displayed columns; the data keeps all."""

    def __init__(self, rows: Sequence[Row], columns: Sequence[str], empty: str = "nothing") -> None:
        self.rows, self.columns, self._empty = list(rows), list(columns), empty

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        return self.rows[index]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def cells(self) -> list[list[str]]:
        """Return the displayed texts, row by row."""
        return [[cell(row.get(column)) for column in self.columns] for row in self.rows]

    def __repr__(self) -> str:
        if not self.rows:
            return self._empty
        lines = [self.columns, *self.cells()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        right = [all(_number(row.get(column)) for row in self.rows) for column in self.columns]
        return "\n".join("  ".join(_pad(*column) for column in zip(line, widths, right, strict=True)).rstrip() for line in lines)

    def html(self) -> str:
        """Return the table as HTML, with everything escaped."""
        if not self.rows:
            return f"<p>{html.escape(self._empty)}</p>"
        head = "".join(f"<th>{html.escape(column)}</th>" for column in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in line) + "</tr>" for line in self.cells())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _repr_html_(self) -> str:
        return self.html()


def cell(value: Any) -> str:
    """Return a value as short text."""
    if value is None or (isinstance(value, (str, tuple, list)) and not value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= WIDE else text[: WIDE - 3] + "..."


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _pad(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
