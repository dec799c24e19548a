"""Command ``floe run FILE [FLOW]``: a flow without a notebook, JSON lines in and out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from floe_jupyter.cli.input import piped, read
from floe_jupyter.cli.output import lines, plain, write
from floe_jupyter.cli.prints import Prints, to_stderr
from floe_jupyter.cli.progress import TerminalView
from floe_jupyter.cli.sessions import ending, opened
from floe_jupyter.client.durations import duration
from floe_jupyter.client.flows import Flow
from floe_jupyter.client.run import Run
from floe_jupyter.client.session import Session, session
from floe_jupyter.client.verbs import PendingResult, VerbResult
from floe_jupyter.client.verbs.files import cells, load
from floe_jupyter.client.verbs.running import info_data
from floe_jupyter.client.waiting import block
from floe_jupyter.errors import DefinitionError, EnvironmentFailed, unknown
from floe_jupyter.kernel.display.views import NoView, RunView
from floe_jupyter.wire.control.calls import ResultBatch


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
@click.option("--runner", default="", help="the URL of its runner, such as ssh:box (default: the flow's)")
@click.option("-q", "--quiet", is_flag=True, help="do not show what modules print, which goes to standard error")
@click.option("--detach", is_flag=True, help="end when everything is fed; the run goes on")
def run_file(
    file: Path,
    flow: str,
    source: str,
    *,
    to: str,
    as_json: bool,
    timeout: str,
    debug: bool,
    durable: bool,
    runner: str,
    quiet: bool,
    detach: bool,
) -> None:
    """Run a flow of a notebook or a .floe file. Other cells of the notebook are not executed.

    FLOW may be left out where the file defines one flow. Results are JSON lines on standard output.

    Standard input is fed to the flow where it is a pipe or a file, one message per JSON line. Where it is a terminal, empty
    or /dev/null, each source gets one null. A pipe has to give something within 20 s; with --input - it may take any time.
    Lines are UTF-8, in and out.

    What JSON cannot say is tagged, in and out alike, so that `floe run a | floe run b` is the flow a followed by b:
    {"$floe": ["bytes", "eA=="]}, ["array", [[1, 2]], "<i8", [1, 2]], ["frame", {...}] (a table of pandas), ["day", "2024-01-01"],
    ["date", ...], ["int", "1180591620717411303424"], ["float", "nan"]; a value of your own whose only key is "$floe" is written
    {"$floe": ["escape", {"$floe": ...}]}. For other programs, let a last module give frame.to_dict("records") or array.tolist().
    """
    with ending():
        options = {"to": to, "timeout": duration(timeout) if timeout else None, "debug": debug, "durable": durable}
        options["runner"] = runner
        named = read(source) if source else None
        _check(file)
        with opened(start=True, file=str(file)) as session:
            target = defined(session, file, flow)
            messages = piped() if named is None else named
            if detach:
                _detach(target, messages, options)
            else:
                _run(target, messages, options, as_json=as_json, quiet=quiet)


def _check(file: Path) -> None:
    """Raise DefinitionError for a file that cannot be read, before starting a process: the call is wrong."""
    try:
        cells(file)
    except EnvironmentFailed as error:
        raise DefinitionError(str(error)) from None


def defined(session: Session, file: str | Path, name: str) -> Flow:
    """Define a file's modules and flows; return the named or the only flow. Modules run in the folder of the file."""
    session.folder = os.path.dirname(os.path.abspath(file))
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
    write(plain(info_data(run.info)) + "\n")


def _run(target: Flow, given: Any, options: dict[str, Any], *, as_json: bool, quiet: bool) -> None:
    def steps(follow: Any) -> Any:
        run = target.open(given, **options)
        follow(run)
        run.feed_in_background()  # the input may be slow, and results are printed meanwhile
        return VerbResult((yield from run.steps(through_holds=True, raises=False)))

    finish(PendingResult(steps), as_json=as_json, quiet=quiet)


def finish(pending: PendingResult, *, as_json: bool, quiet: bool = False) -> None:
    """Wait for a run; print results, and the output of modules, as they come. Raises RunFailed."""
    printer = Printer(TerminalView() if sys.stderr.isatty() else NoView(), None if quiet else Prints(session()), as_json=as_json)
    try:
        run: Run = block(pending.steps(printer.follow), printer.tick).shown
    finally:
        printer.close()
    if as_json:
        write(plain(info_data(run.info) | {"outputs": printer.outputs()}) + "\n")
    else:
        _report_incomplete(run)
    run.wait()
    if run.status == "cancelled":
        raise SystemExit(1)


def _report_incomplete(run: Run) -> None:
    """Write a line to standard error about messages without a result, or the reason for a cancellation."""
    if run.info.unprocessed or run.why:
        click.echo(repr(run), err=True)


class Printer:
    """Printer of a run's results as they come, above the progress."""

    def __init__(self, view: RunView, prints: Prints | None, *, as_json: bool) -> None:
        self._view, self._prints, self._quiet = view, prints, as_json
        self._run: Run | None = None
        self._kept: list[ResultBatch] = []
        self._seen = 0

    def follow(self, run: Run) -> None:
        """Set the run to print."""
        self._run = run
        self._view.follow(run)

    def tick(self) -> None:
        """Print new results and update the progress."""
        self._print_new()
        self._view.tick()

    def close(self) -> None:
        """End the progress and print the rest."""
        self._view.close()
        self._print_new()
        if self._prints is not None:
            if self._run is not None and (text := self._prints.last(self._run)):
                to_stderr(text)
            self._prints.close()

    def _print_new(self) -> None:
        if self._prints is not None and self._run is not None and (text := self._prints.take(self._run)):
            end = self._prints.end_line() if sys.stderr.isatty() else ""
            self._aside(lambda: to_stderr(text + end))
        while self._run is not None and (new := self._run.result_batches(self._seen)):
            self._seen += len(new)
            if self._quiet:
                self._kept.extend(new)
            else:
                self._print("".join(f"{line}\n" for batch in new for line in lines(batch)))

    def _print(self, text: str) -> None:
        if sys.stdout.isatty():
            self._aside(lambda: write(text))
        else:
            write(text)

    def _aside(self, act: Callable[[], None]) -> None:
        """Write to the terminal in the place of the progress, which is drawn anew below."""
        if isinstance(self._view, TerminalView):
            self._view.aside(act)
        else:
            act()

    def outputs(self) -> dict[str, list[Any]]:
        """Return all kept results, by port."""
        import json

        found: dict[str, list[Any]] = {}
        for batch in self._kept:
            found.setdefault(f"{batch.node}.{batch.port}", []).extend(map(json.loads, lines(batch)))
        return found
