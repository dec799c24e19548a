"""What the command line prints: tables, JSON, JSON lines."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from floe_jupyter.core.messages import texts
from floe_jupyter.kernel.tables import Table
from floe_jupyter.wire.control import ResultBatch
from floe_jupyter.wire.values import decode


def show(value: Any) -> None:
    """A value for people: a table with lines on a terminal, aligned text elsewhere."""
    if isinstance(value, Table) and value.rows and sys.stdout.isatty():
        from rich.console import Console

        Console().print(rich_table(value))
    elif value is not None:
        click.echo(repr(value))


def rich_table(table: Table) -> Any:
    from rich import box
    from rich.table import Table as Lines
    from rich.text import Text

    lines = Lines(*table.columns, box=box.SIMPLE)
    for cells in table.cells():
        lines.add_row(*map(Text, cells))
    return lines


def dumps(value: Any) -> str:
    """JSON text; what JSON cannot say is tagged as between runtimes."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$floe": ["bytes", base64.b64encode(value).decode()]}
    return value.tolist() if hasattr(value, "tolist") else repr(value)


def lines(batch: ResultBatch) -> Iterator[str]:
    """The results of a batch, one JSON text each: as the module gave them, without decoding where nothing binary is in them."""
    if batch.batch.buffers:
        return map(dumps, decode(batch.batch))
    return (text.decode() for text in texts(batch.batch.payload))
