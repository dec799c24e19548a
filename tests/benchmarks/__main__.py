"""``python -m tests.benchmarks [NAME ...]``: the table of our figures, baselines and ratios.

Latencies depend on where the processes run: the scheduler places them here, as it does for users.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

from floe_jupyter.wire.client.client import Client
from tests.benchmarks import flows, large, rows, updates
from tests.benchmarks.rows import Row

WITH_CLIENT: dict[str, Callable[[Client], Row | list[Row]]] = {
    "memory": updates.weights,
    "same": rows.same_runtime,
    "view": rows.view_open,
    "three": rows.three_runtimes,
    "js": rows.python_javascript,
    "request": rows.request_reply,
    "hop": rows.hop,
    "arrays": rows.arrays,
    "fan": rows.fan_out,
    "warm": rows.warm_start,
    "step": rows.step,
    "gap_python": lambda c: updates.gap(c, "python"),
    "gap_js": lambda c: updates.gap(c, "js"),
    "large": lambda c: large.start(c, "python"),
    "large_js": lambda c: large.start(c, "js"),
}
ALONE: dict[str, Callable[[], Row]] = {"cold": rows.cold_start}


def measure(names: Iterable[str]) -> Iterable[Row]:
    """The rows of these names, each as soon as it is measured."""
    wanted = list(names) or [*WITH_CLIENT, *ALONE]
    with flows.dispatcher() as client:
        if "view" in wanted and "same" not in wanted:
            rows.same_runtime(client, 1_000)
        if "step" in wanted and "request" not in wanted:
            rows.request_reply(client, 10)
        for name in wanted:
            if name in WITH_CLIENT:
                found = WITH_CLIENT[name](client)
                yield from found if isinstance(found, list) else [found]
    for name in wanted:
        if name in ALONE:
            yield ALONE[name]()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join([*WITH_CLIENT, *ALONE])}; none: all")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {*WITH_CLIENT, *ALONE}
    if unknown:
        parser.error(f"no benchmark {sorted(unknown)}")
    console, found = Console(), []
    for row in measure(arguments.names):
        found.append(row)
        if arguments.json:
            print(json.dumps({**row._asdict(), "ratio": row.ratio, "met": row.met}), flush=True)
        else:
            console.print(f"{row.name}: {row.ours:,.1f} {row.unit}, baseline {row.base:,.1f}, ratio {row.ratio:.2f}")
    if not arguments.json:
        console.print(_table(found))
    return 0


def _table(found: list[Row]) -> Table:
    table = Table(title="Ours beside the least program that does the work, measured in turn in this run")
    for heading in ("work", "ours", "baseline", "unit", "ratio", "must be", ""):
        table.add_column(heading, justify="left" if heading in {"work", "unit"} else "right")
    for row in found:
        bound = f"{'>=' if row.better == 'more' else '<='} {row.must:.2f}"
        figures = (f"{row.ours:,.1f}", f"{row.base:,.1f}", row.unit, f"{row.ratio:.2f}")
        table.add_row(row.name, *figures, bound, "met" if row.met else "not met")
    return table


if __name__ == "__main__":
    sys.exit(main())
