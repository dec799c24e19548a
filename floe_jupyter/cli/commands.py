"""Commands made from the table of verbs, and their exit statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from floe_jupyter import __version__
from floe_jupyter.cli.output import dumps, show, write
from floe_jupyter.cli.run import defined, finish, run_file
from floe_jupyter.cli.runner import runner
from floe_jupyter.cli.sessions import ending, fail, opened
from floe_jupyter.client.durations import duration
from floe_jupyter.client.session import Session
from floe_jupyter.client.verbs import VERBS, Verb, VerbCall, VerbResult
from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.verbs.running import given_value
from floe_jupyter.errors import unknown

NOTEBOOK_ONLY = ("module", "flow", "run", "help")
"""Verbs of the notebook that the command line has in another form: in files, as `floe run FILE`, as ``--help``."""


class Commands(click.Group):
    """Command group that names the nearest command for an unknown command."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command, or exit naming the nearest command."""
        if args and self.get_command(ctx, args[0]) is None:
            fail(unknown("command", args[0], self.commands), 2)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
@click.option("--workspace", default="", metavar="NOTEBOOK", help="the notebook whose names are meant: its name or path")
@click.pass_context
def floe(context: click.Context, workspace: str) -> None:
    """Run flows from files, and look at, stop and step what runs."""
    context.obj = workspace


def option(argument: VerbArgument) -> click.Parameter:
    """Return an argument of the table as a parameter of click."""
    if argument.kind == "flag":
        return click.Option([argument.name], is_flag=True, help=argument.doc)
    kind: Any = click.IntRange(min=0) if argument.kind == "whole" else str
    if not argument.option:
        nargs = -1 if argument.kind == "texts" else 1
        return click.Argument([argument.key], required=argument.required, type=kind, nargs=nargs)
    names = [argument.name, argument.key, *([argument.short] if argument.short else [])]
    return click.Option(names, type=kind, required=argument.required, multiple=argument.kind == "texts", help=argument.doc)


def command(verb: Verb, run: Callable[[Verb, dict[str, Any]], None]) -> click.Command:
    """Return a verb as a command of click, executed by *run*."""

    def callback(**given: Any) -> None:
        with ending():
            arguments = {a.key: _value(a, given[a.key]) for a in verb.arguments}
            if "workspace" in arguments and not arguments["workspace"]:
                arguments["workspace"] = click.get_current_context().find_object(str) or ""
            run(verb, arguments)

    places = "\n\n".join(f"{a.key.upper()}: {a.doc}." for a in verb.arguments if not a.option)
    return click.Command(verb.name, callback=callback, params=[option(a) for a in verb.arguments], help=f"{verb.doc}\n\n{places}")


def _value(argument: VerbArgument, given: Any) -> Any:
    """Return the value as the parser of the magic does."""
    if given is None:
        return "" if argument.kind in ("text", "condition") else None
    if argument.kind == "duration":
        return duration(given)
    return list(given) if argument.kind == "texts" else given


def perform(verb: Verb, arguments: dict[str, Any]) -> None:
    """Perform a verb at the running dispatcher."""
    with opened(start=False) as session:
        print_answer(verb.handler(request(session, arguments)), arguments)


def request(session: Session, arguments: dict[str, Any]) -> VerbCall:
    """Return the use of a verb with *arguments*."""
    return VerbCall(session, arguments, evaluate=lambda text: given_value(text, f"{text!r}"))


def print_answer(answer: Any, arguments: dict[str, Any]) -> None:
    """Print the result of a verb; wait first if the verb takes time."""
    if not isinstance(answer, VerbResult):
        finish(answer, as_json=bool(arguments.get("json")))
    elif arguments.get("json"):
        write(dumps(answer.data) + "\n")
    else:
        show(answer.shown)


def _stay_up(verb: Verb, arguments: dict[str, Any]) -> None:
    """Perform `start`: this process ends at once, so the flow is started detached; a file may define the flow first."""
    with opened(start=True, file=arguments["file"]) as session:
        if arguments["file"]:
            arguments["flow"] = defined(session, arguments["file"], arguments["flow"]).name
        print_answer(verb.handler(request(session, arguments | {"detach": True})), arguments)


def _without_dispatcher(verb: Verb, arguments: dict[str, Any]) -> None:
    """Perform a verb in which no dispatcher takes part."""
    print_answer(verb.handler(request(Session(), arguments)), arguments)


def _attach(verb: Verb, arguments: dict[str, Any]) -> None:
    """Perform `attach` and wait, because a terminal is for waiting."""
    perform(verb, arguments | {"wait": True})


def _add_all() -> None:
    floe.add_command(run_file)
    floe.add_command(runner)
    for verb in VERBS.values():
        if verb.name == "start":
            arguments = tuple(a for a in verb.arguments if a.name != "--detach")
            file = VerbArgument("--file", "define what this notebook or .floe file holds first", names="file")
            floe.add_command(command(verb._replace(arguments=(*arguments, file)), _stay_up))
        elif verb.name == "attach":
            floe.add_command(command(verb._replace(arguments=tuple(a for a in verb.arguments if a.name != "--wait")), _attach))
        elif verb.name == "images":
            floe.add_command(command(verb, _without_dispatcher))
        elif verb.name not in NOTEBOOK_ONLY:
            floe.add_command(command(verb, perform))


_add_all()
