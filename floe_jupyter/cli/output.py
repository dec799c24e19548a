"""Output of the command line: tables, JSON, JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from floe_jupyter.cli.terminal import escaped, harmless, say
from floe_jupyter.client.tables import Table
from floe_jupyter.core.messages import texts
from floe_jupyter.errors import ValueRefused
from floe_jupyter.wire.control.calls import ResultBatch
from floe_jupyter.wire.inline import TAG, text_of
from floe_jupyter.wire.values import encode, parts


def show(value: Any) -> None:
    """Print a value for people: a table with lines on a terminal, aligned text elsewhere."""
    if isinstance(value, Table) and value.rows and sys.stdout.isatty():
        from rich.console import Console

        Console().print(rich_table(value))
    elif value is not None:
        say(repr(value))


def rich_table(table: Table) -> Any:
    """Return the table for rich, with escaped texts."""
    from rich import box
    from rich.table import Table as Lines
    from rich.text import Text

    lines = Lines(*table.columns, box=box.SIMPLE)
    for cells in table.cells():
        lines.add_row(*(Text(escaped(cell)) for cell in cells))
    return lines


def dumps(value: Any) -> str:
    """Return JSON text; values that JSON cannot express are tagged as in `floe run`, as is a key ``$floe`` of the value's own."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        text = ""
    return text if text and TAG not in text else json.dumps(_tagged(value), ensure_ascii=False, allow_nan=False)


def _tagged(value: Any) -> Any:
    """Return the value with tags; values without a tag are replaced by their repr."""
    try:
        [(text, views)] = parts(encode([value]))
        return json.loads(text_of(text, views))
    except ValueRefused:
        if isinstance(value, dict):
            return {str(key): _tagged(item) for key, item in value.items()}
        return list(map(_tagged, value)) if isinstance(value, (list, tuple)) else repr(value)


def plain(value: Any) -> str:
    """Return the JSON text of a value that is JSON already: tags stay tags."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=repr)


def write(text: str) -> None:
    """Write JSON to standard output, in UTF-8 for every locale; on a terminal the text commands nothing, and stays JSON."""
    text = harmless(text, sys.stdout)
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(text)
    else:
        sys.stdout.flush()
        binary.write(text.encode("utf-8", "replace"))
    sys.stdout.flush()


def lines(batch: ResultBatch) -> Iterator[str]:
    """Return the results of a batch as JSON texts, usable as input again: as the module gave them, with buffers inside."""
    if not batch.batch.buffers:
        return (text.decode() for text in texts(batch.batch.payload))
    return (text_of(text, views) if views else text.decode() for text, views in parts(batch.batch))
