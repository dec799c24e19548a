"""Names of a notebook that a module mentions, but cannot see because modules run in another process."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

WORD = re.compile(r"[A-Za-z_]\w*")
OF_THE_SHELL = {"In", "Out", "exit", "quit", "open", "get_ipython"}
MOST = 100
"""Maximum number of names noted per module."""


def unseen(source: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the notebook's *names* that occur in a module's source.

    >>> unseen("def f(msg): return msg * factor", ["factor", "other", "_"])
    ('factor',)
    """
    words = set(WORD.findall(source)) - OF_THE_SHELL
    return tuple(sorted(name for name in names if name in words and not name.startswith("_")))[:MOST]


def assigned(cells: Iterable[str]) -> set[str]:
    """Return the names that code cells bind at their top level, as far as the cells are plain Python."""
    found: set[str] = set()
    for text in cells:
        try:
            tree = ast.parse("\n".join("pass" if line.lstrip()[:1] in "%!" else line for line in text.split("\n")))
        except (SyntaxError, ValueError):
            continue
        for statement in tree.body:
            found |= _bound(statement)
    return found


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imported = statement.names if isinstance(statement, ast.Import | ast.ImportFrom) else []
    return names | {(alias.asname or alias.name).partition(".")[0] for alias in imported}
