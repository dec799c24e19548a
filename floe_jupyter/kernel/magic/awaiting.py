"""Awaiting of cells that run a flow, so that an interrupt works and other requests are served meanwhile.

IPython turns ``r = %floe run x`` into ``r = get_ipython().run_line_magic('floe', 'run x')``. The transformer puts ``await``
before such calls, and a word into the calls that tells the magic; not inside functions and classes, where ``await`` is not
allowed, and not when another magic (``%%time``) compiles the text.
"""

from __future__ import annotations

import ast
from typing import Any

from floe_jupyter.kernel.magic.magic import AWAITED

WAITING = ("run", "attach", "send")
"""Verbs that may take time."""


class Awaiting:
    """Input transformer of a shell."""

    def __init__(self, ip: Any) -> None:
        self.ip, self._running = ip, 0

    def before(self, *_: Any) -> None:
        """Note that a cell begins to execute."""
        self._running += 1

    def after(self, *_: Any) -> None:
        """Note that a cell has been executed."""
        self._running = max(self._running - 1, 0)

    def __call__(self, lines: list[str]) -> list[str]:
        """Return the lines of a cell with its runs awaited."""
        text = "".join(lines)
        if self._running or not getattr(self.ip, "autoawait", False) or "_magic('floe'" not in text:
            return lines
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return lines
        return _with_awaits(text, _calls(tree)).splitlines(keepends=True)


def _calls(tree: ast.AST) -> list[ast.Call]:
    """Return the calls of our magic that may be awaited, in the order of the text."""
    found: list[ast.Call] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(node, ast.Call) and _waits(node):
            found.append(node)
        found.extend(_calls(node))
    return found


def _waits(call: ast.Call) -> bool:
    texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in ("run_line_magic", "run_cell_magic")
        and len(texts) >= 2
        and texts[0] == "floe"
        and texts[1].split(" ")[0] in WAITING
    )


def _with_awaits(text: str, calls: list[ast.Call]) -> str:
    """Return the text with awaits, inserted from last to first so that places stay right. Columns of `ast` count bytes."""
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    for call in reversed(calls):
        argument = call.args[1]
        assert isinstance(argument, ast.Constant)
        _insert(lines, argument.lineno, argument.col_offset + 1, f"{AWAITED} ".encode())
        _insert(lines, call.lineno, call.col_offset, b"await ")
    return b"".join(lines).decode()


def _insert(lines: list[bytes], line: int, column: int, text: bytes) -> None:
    lines[line - 1] = lines[line - 1][:column] + text + lines[line - 1][column:]
