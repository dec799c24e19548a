"""``floe run FILE [FLOW]``: a flow without a notebook, JSON lines in and out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from floe_jupyter.cli.commands import ending, opened
from floe_jupyter.cli.given import piped, read
from floe_jupyter.cli.output import dumps, lines
from floe_jupyter.cli.progress import TerminalView
from floe_jupyter.errors import DefinitionError, unknown
from floe_jupyter.kernel.arguments import duration
from floe_jupyter.kernel.files import load
from floe_jupyter.kernel.flows import Flow
from floe_jupyter.kernel.run import Run
from floe_jupyter.kernel.session import Session
from floe_jupyter.kernel.verbs import Answer, Waits
from floe_jupyter.kernel.verbs.running import info_data
from floe_jupyter.kernel.views import NoView, RunView
from floe_jupyter.kernel.waiting import block
from floe_jupyter.wire.control import ResultBatch


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("flow", default="")
@click.option(
    "--input",
    "source",
    default="",
    metavar="FILE|-",
    help="JSON lines to feed; - is standard input, which is read without this option too where it is a pipe or a file",
)
@click.option("--to", default="", help="feed this node instead of the sources (NODE or NODE.port)")
@click.option(
    "--json", "as_json", is_flag=True, help="one JSON object at the end, with the status and all results, instead of JSON lines"
)
@click.option("--timeout", default="", help="how long the run may take: 30s, 2m")
@click.option("--debug", is_flag=True, help="record, and hold a message whose module fails; step it from another terminal")
@click.option("--durable", is_flag=True, help="record every step, survive crashes")
@click.option("--detach", is_flag=True, help="end when everything is fed; the run goes on")
def run_file(
    file: Path, flow: str, source: str, *, to: str, as_json: bool, timeout: str, debug: bool, durable: bool, detach: bool
) -> None:
    """Run a flow of a notebook or a .floe file. Other cells of the notebook are not executed.

    FLOW may be left out where the file defines one flow. Results are JSON lines on standard output.

    Standard input is fed to the flow where it is a pipe or a file, one message per JSON line. Where it is a terminal, empty
    or /dev/null, each source gets one null. A pipe has to give something within 20 s; with --input - it may take any time.
    """
    with ending():
        options = {"to": to, "timeout": duration(timeout) if timeout else None, "debug": debug, "durable": durable}
        named = read(source) if source else None
        with opened(start=True) as session:
            target = defined(session, file, flow)
            messages = piped() if named is None else named
            if detach:
                _detach(target, messages, options)
            else:
                _run(target, messages, options, as_json=as_json)


def defined(session: Session, file: str | Path, name: str) -> Flow:
    """Define what the file holds; the flow that is named, or the only one."""
    found = [flow.name for flow in load(session, Path(file))]
    if name and name not in found:
        raise unknown(f"flow in {file}", name, found)
    if not name and len(found) != 1:
        raise DefinitionError(
            f"{file} defines {len(found)} flows; name one: {', '.join(found)}"
            if found
            else f"{file} defines no flow; write a `%%floe flow NAME` cell"
        )
    return Flow(session, name or found[0])


def _detach(target: Flow, given: Any, options: dict[str, Any]) -> None:
    run = target.open(given, detach=True, **options)
    block(run.feeding())
    click.echo(dumps(info_data(run.info)))


def _run(target: Flow, given: Any, options: dict[str, Any], *, as_json: bool) -> None:
    def steps(follow: Any) -> Any:
        run = target.open(given, **options)
        follow(run)
        run.feed_in_background()  # the input may be slow, and results are printed meanwhile
        return Answer((yield from run.steps(through_holds=True, raises=False)))

    finish(Waits(steps), as_json=as_json)


def finish(waits: Waits, *, as_json: bool) -> None:
    """Wait for a run, printing results as they come. Raises RunFailed."""
    printer = Printer(TerminalView() if sys.stderr.isatty() else NoView(), as_json=as_json)
    try:
        run: Run = block(waits.steps(printer.follow), printer.tick).shown
    finally:
        printer.close()
    if as_json:
        click.echo(dumps(info_data(run.info) | {"outputs": printer.outputs()}))
    run.wait()
    if run.status == "cancelled":
        raise SystemExit(1)


class Printer:
    """Prints the results of a run as they come, above its progress."""

    def __init__(self, view: RunView, *, as_json: bool) -> None:
        self._view, self._quiet = view, as_json
        self._run: Run | None = None
        self._kept: list[ResultBatch] = []
        self._seen = 0

    def follow(self, run: Run) -> None:
        self._run = run
        self._view.follow(run)

    def tick(self) -> None:
        self._print_new()
        self._view.tick()

    def close(self) -> None:
        self._view.close()
        self._print_new()

    def _print_new(self) -> None:
        while self._run is not None and (new := self._run.result_batches(self._seen)):
            self._seen += len(new)
            if self._quiet:
                self._kept.extend(new)
            else:
                self._write("".join(f"{line}\n" for batch in new for line in lines(batch)))

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def outputs(self) -> dict[str, list[Any]]:
        """Everything that was kept, by port."""
        import json

        found: dict[str, list[Any]] = {}
        for batch in self._kept:
            found.setdefault(f"{batch.node}.{batch.port}", []).extend(map(json.loads, lines(batch)))
        return found
