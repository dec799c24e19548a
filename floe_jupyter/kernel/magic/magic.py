"""The ``floe`` magic: a line, with a verb of the table."""

from __future__ import annotations

import ast
from collections.abc import Awaitable
from typing import Any

from floe_jupyter.client.session import Session, session
from floe_jupyter.client.sources.places import place_of_cell
from floe_jupyter.client.verbs import PendingResult, Verb, VerbCall, VerbResult, verb
from floe_jupyter.client.verbs.arguments import parse
from floe_jupyter.client.waiting import block, hold
from floe_jupyter.errors import DefinitionError, FloeError, RunFailed, from_user
from floe_jupyter.kernel.display.views import NoView, RunView, front_end_view

AWAITED = "--await"
"""Word put before the verb by `floe_jupyter.kernel.magic.awaiting`: the cell awaits the result of the magic."""
COMPOUND = (
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.Call,
    ast.ListComp,
    ast.GeneratorExp,
    ast.SetComp,
    ast.DictComp,
    ast.Subscript,
)


class Shell:
    """The magic in an IPython shell."""

    def __init__(self, ip: Any, current: Session | None = None) -> None:
        self.ip, self._session = ip, current

    @property
    def session(self) -> Session:
        """Session of this shell, else of this process."""
        return self._session or session()

    def __call__(self, line: str, cell: str | None = None) -> Any:
        """Execute ``%floe LINE``, or ``%%floe LINE`` with a cell."""
        awaited = line.startswith(AWAITED)
        try:
            found, request = self._request(line.removeprefix(AWAITED), cell)
            answer = found.handler(request)
            if isinstance(answer, VerbResult):
                given = self._given(answer, request)
                return _at_once(given) if awaited else given
            return self._awaiting(answer, request) if awaited else self._blocking(answer, request)
        except FloeError as error:
            raise plain(error) from None

    def _request(self, line: str, cell: str | None) -> tuple[Verb, VerbCall]:
        name, rest = (*line.split(None, 1), "", "")[:2]
        name, rest = ("", "") if name.startswith("#") else (name, rest)
        cell = cell if name else None  # `%%floe` alone asks for help, with any text below
        found = verb(name or "help")
        _check_cell(found, cell)
        prefix = "%floe " if cell is None else "%%floe "
        return found, VerbCall(
            self.session,
            parse(found.name, found.arguments, rest, prefix),
            evaluate=self.evaluate,
            body=cell,
            place=place_of_cell(self.ip),
            names=self.ip.user_ns,
        )

    def evaluate(self, text: str) -> Any:
        """Return the value of a Python expression in the user's names. Errors of the expression are displayed as the user's."""
        try:
            tree = ast.parse(bare(text), mode="eval")
        except SyntaxError as error:
            raise DefinitionError(f"{text!r} is no Python expression: {error.msg}") from None
        try:
            return eval(compile(tree, "<expression>", "eval"), self.ip.user_global_ns, self.ip.user_ns)  # noqa: S307 - the user's own cell
        except NameError as error:
            raise DefinitionError(f"{error} in {text!r}; define it in a cell, or put text into quotes") from None
        except Exception as error:
            from_user(error)
            raise

    def _blocking(self, pending: PendingResult, request: VerbCall) -> Any:
        view = self._view(request)
        try:
            answer = block(pending.steps(view.follow), view.tick)
        finally:
            view.close()
        return self._given(answer, request)

    def _awaiting(self, pending: PendingResult, request: VerbCall) -> Awaitable[Any]:
        async def wait() -> Any:
            view = self._view(request)
            try:
                answer = await hold(pending.steps(view.follow), view.tick)
            except FloeError as error:
                raise plain(error) from None
            finally:
                view.close()
            return self._given(answer, request)

        return wait()

    def _view(self, request: VerbCall) -> RunView:
        """Return the view shown meanwhile; an empty view where a program asked for data."""
        return NoView() if request.arguments.get("json") else front_end_view(self.ip, self.session)

    def _given(self, answer: VerbResult, request: VerbCall) -> Any:
        return answer.data if request.arguments.get("json") else answer.shown


async def _at_once(given: Any) -> Any:
    """Return a ready answer to a cell that awaits. A detached run can itself be awaited, and must not be."""
    return given


def _check_cell(found: Verb, cell: str | None) -> None:
    if found.cell == "must" and cell is None:
        raise DefinitionError(
            f"{found.name} is a cell magic: write %%floe {found.name} NAME in the first line, and its text below"
        )
    if found.cell == "never" and cell is not None:
        raise DefinitionError(f"{found.name} is a line magic: write %floe {found.name} with one %")


def bare(text: str) -> str:
    """Remove quotes that a shell would need around a list, a call or a subscript: ``"[1, 2]"`` means ``[1, 2]``."""
    try:
        inner = ast.literal_eval(text)
        if isinstance(inner, str) and isinstance(ast.parse(inner.strip(), mode="eval").body, COMPOUND):
            return inner.strip()
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return text


def plain(error: FloeError) -> FloeError:
    """Return the error, made to display in a single piece instead of the frames of this package."""
    if not isinstance(error, RunFailed):  # RunFailed shows the module's own trace
        name = type(error).__name__
        error._render_traceback_ = lambda: [f"{name}: {error}"]  # type: ignore[method-assign]
    return error
