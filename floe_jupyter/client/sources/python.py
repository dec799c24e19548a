"""Checks of a Python module before any run: Python can read the source, and the source may define a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from floe_jupyter.client.sources.places import place_text
from floe_jupyter.core.flow.model import Module
from floe_jupyter.errors import DefinitionError

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCKS = (ast.If, ast.Try, ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While, ast.Match)
"""Statements that may contain any definition."""
LITERALS = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.JoinedStr, ast.ListComp, ast.DictComp, ast.SetComp)


def check_python(module: Module) -> None:
    """Check the source of a module. Raises DefinitionError at the cell and line."""
    text = flush_left(module.source.removeprefix("\ufeff"))
    try:
        tree = compile(text, module.name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        compile(tree, module.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        raise _syntax_error(module, text, error) from None
    except ValueError as error:
        raise DefinitionError(f"module {module.name!r}: {error}") from None
    _check_function(module, tree)


def flush_left(text: str) -> str:
    """Return the text without the indent of its first line, as IPython takes the body of a cell."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    return "\n".join(line.removeprefix(indent) for line in lines) if indent else text


def _syntax_error(module: Module, source: str, error: SyntaxError) -> DefinitionError:
    lines = source.splitlines()
    number = error.lineno or 1
    text = lines[number - 1] if number <= len(lines) else ""
    caret = " " * max((error.offset or 1) - 1, 0) + "^"
    place = place_text(module.place, number)
    return DefinitionError(f"module {module.name!r} is no Python: {error.msg}\n{place}\n  {text}\n  {caret}")


def _check_function(module: Module, tree: ast.Module) -> None:
    name = module.name.replace("-", "_")
    write = f"write: def {name}(msg): return msg"
    if not any(_may_define(statement, name) for statement in tree.body):
        if any(isinstance(statement, ast.ClassDef) for statement in tree.body):
            raise DefinitionError(
                f"module {module.name!r} defines classes only; {write}, or make an object that can be called: "
                f"{name} = CLASS(), with def __call__(self, msg)"
            )
        raise DefinitionError(f"module {module.name!r} defines no function; {write}")
    function = _sure(tree, name)
    if function is not None and not _fits(function.args):
        place = place_text(module.place, function.lineno)
        raise DefinitionError(
            f"{function.name}({ast.unparse(function.args)}) takes no message ({place}); "
            "a module's function takes the message, and the context if it wants: (msg) or (msg, ctx)"
        )


def _may_define(statement: ast.stmt, name: str) -> bool:
    """Return True if the statement may define a callable."""
    if isinstance(statement, FUNCTIONS):
        return statement.name != "migrate" or name == "migrate"
    if isinstance(statement, ast.ClassDef):
        return bool(statement.decorator_list)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return statement.value is not None and not isinstance(statement.value, LITERALS)
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return any((alias.asname or alias.name) in (name, "*") for alias in statement.names)
    return isinstance(statement, BLOCKS)


def _sure(tree: ast.Module, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the function that will be called, if certain from the text: no decorator changes the function, and no other
    statement may bind its name.
    """
    functions = [s for s in tree.body if isinstance(s, FUNCTIONS) and (s.name != "migrate" or name == "migrate")]
    named = [function for function in functions if function.name == name]
    if not functions or functions[-1].decorator_list or named[-1:] not in ([], [functions[-1]]):
        return None
    return None if {name, functions[-1].name, "*"} & set(_bound(tree)) else functions[-1]


def _bound(tree: ast.Module) -> Iterator[str]:
    """Yield the names bound at the top level by statements other than `def`; ``*`` for names known only at run time."""
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, BLOCKS):
            yield "*"
        elif not isinstance(statement, FUNCTIONS):
            yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _fits(arguments: ast.arguments) -> bool:
    """Return True if the function can be called with the message, or with the message and the context."""
    names = [*arguments.posonlyargs, *arguments.args]
    needed = len(names) - len(arguments.defaults)
    missing = any(default is None for default in arguments.kw_defaults)
    return not missing and needed <= 2 and bool(names or arguments.vararg)
