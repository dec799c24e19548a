"""Commands made from the table of verbs, and how they end."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import click

from floe_jupyter import __version__
from floe_jupyter.cli.output import dumps, show
from floe_jupyter.errors import DefinitionError, FloeError, RunFailed, unknown
from floe_jupyter.kernel.arguments import Argument, duration
from floe_jupyter.kernel.session import Session, use
from floe_jupyter.kernel.verbs import VERBS, Answer, Request, Verb
from floe_jupyter.kernel.verbs.running import json_value

NOTEBOOK_ONLY = ("module", "flow", "run", "help")
"""Verbs of the notebook that the command line has in another form: in files, as `floe run FILE`, as ``--help``."""


class Commands(click.Group):
    """Names the nearest command for one that does not exist."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None:
            fail(unknown("command", args[0], self.commands), 2)
        return super().resolve_command(ctx, args)


def fail(error: BaseException, status: int) -> NoReturn:
    """One message on standard error, then the end."""
    trace = getattr(error, "trace", "")
    click.echo(f"{trace.rstrip()}\n" * bool(trace) + f"floe: {error}", err=True)
    sys.stdout.flush()
    raise SystemExit(status)


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Errors become exit statuses."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        fail(interrupt if str(interrupt) else KeyboardInterrupt("interrupted"), 130)
    except DefinitionError as error:
        fail(error, 2)
    except RunFailed as error:
        fail(error, 1)
    except FloeError as error:
        fail(error, 1)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


@contextlib.contextmanager
def opened(*, start: bool) -> Iterator[Session]:
    """A session for one command; with *start* a dispatcher is started where there is none, else one that serves is found."""

    def connect(name: str, same: str) -> Any:
        from floe_jupyter.wire.client import connect as attach
        from floe_jupyter.wire.connection import existing_path

        return attach(start, client=name, path="" if start else existing_path(), session=same)

    session = Session(f"floe {os.getpid()}", opener=connect)
    before = use(session)
    try:
        yield session
    finally:
        use(before)
        session.close()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def floe() -> None:
    """Run flows from files, and look at, stop and step what runs."""


def option(argument: Argument) -> click.Parameter:
    """One argument of the table, for click."""
    if argument.kind == "flag":
        return click.Option([argument.name], is_flag=True, help=argument.doc)
    kind: Any = click.IntRange(min=0) if argument.kind == "whole" else str
    if not argument.option:
        return click.Argument([argument.key], required=argument.required, type=kind)
    names = [argument.name, argument.key, *([argument.short] if argument.short else [])]
    return click.Option(names, type=kind, required=argument.required, multiple=argument.kind == "texts", help=argument.doc)


def command(verb: Verb, run: Callable[[Verb, dict[str, Any]], None]) -> click.Command:
    def callback(**given: Any) -> None:
        with ending():
            run(verb, {a.key: _value(a, given[a.key]) for a in verb.arguments})

    places = "\n\n".join(f"{a.key.upper()}: {a.doc}." for a in verb.arguments if not a.option)
    return click.Command(verb.name, callback=callback, params=[option(a) for a in verb.arguments], help=f"{verb.doc}\n\n{places}")


def _value(argument: Argument, given: Any) -> Any:
    """As the parser of the magic gives it."""
    if given is None:
        return "" if argument.kind in ("text", "condition") else None
    if argument.kind == "duration":
        return duration(given)
    return list(given) if argument.kind == "texts" else given


def perform(verb: Verb, arguments: dict[str, Any]) -> None:
    """One verb, against the dispatcher that is there."""
    with opened(start=False) as session:
        print_answer(verb.handler(request(session, arguments)), arguments)


def request(session: Session, arguments: dict[str, Any]) -> Request:
    return Request(session, arguments, evaluate=lambda text: json_value(text, f"{text!r}"))


def print_answer(answer: Any, arguments: dict[str, Any]) -> None:
    if not isinstance(answer, Answer):
        from floe_jupyter.cli.run import finish

        finish(answer, as_json=bool(arguments.get("json")))
    elif arguments.get("json"):
        click.echo(dumps(answer.data))
    else:
        show(answer.shown)


def _stay_up(verb: Verb, arguments: dict[str, Any]) -> None:
    """`start`: this process ends at once, so what it starts is detached; a file may define it first."""
    from floe_jupyter.cli.run import defined

    with opened(start=True) as session:
        if arguments["file"]:
            arguments["flow"] = defined(session, arguments["file"], arguments["flow"]).name
        print_answer(verb.handler(request(session, arguments | {"detach": True})), arguments)


def _attach(verb: Verb, arguments: dict[str, Any]) -> None:
    """`attach` waits: that is what a terminal is for."""
    perform(verb, arguments | {"wait": True})


def _add_all() -> None:
    from floe_jupyter.cli.run import run_file

    floe.add_command(run_file)
    for verb in VERBS.values():
        if verb.name == "start":
            arguments = tuple(a for a in verb.arguments if a.name != "--detach")
            file = Argument("--file", "define what this notebook or .floe file holds first", names="file")
            floe.add_command(command(verb._replace(arguments=(*arguments, file)), _stay_up))
        elif verb.name == "attach":
            floe.add_command(command(verb._replace(arguments=tuple(a for a in verb.arguments if a.name != "--wait")), _attach))
        elif verb.name not in NOTEBOOK_ONLY:
            floe.add_command(command(verb, perform))


_add_all()
