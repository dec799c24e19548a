"""Compiling expressions to closures: each takes the list of variables ``[msg, meta, state, steps left, loop variables ...]``.

The rule: a construct outside the tables of makers (`values`, `loops`) does not exist. The compiler uses no
`eval` and no `getattr` on users' values, and knows no names but the given ones; a field is an item of a dictionary, and a method
comes from a table by the type of its object.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from floe_jupyter.core.expressions.budget import STEPS, Refusal, Variables

Run = Callable[[Variables], Any]
DEEPEST = 100
"""Maximum levels of an expression."""
FAULTS = (Refusal, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, MemoryError)
"""Exceptions of an evaluation for which the expression or the message is at fault."""


class Misplaced(Exception):
    """A fault, with the part of the expression at fault."""

    def __init__(self, node: ast.AST, fault: BaseException) -> None:
        super().__init__(str(fault))
        self.node, self.fault = node, fault


Makers = Mapping[type, Callable[["Compiler", Any], Run]]
"""Maker of the closure for each kind of part of an expression. All other kinds are refused."""


class Compiler:
    """Compiler of one expression. With `traced` each closure reports its position on failure, which costs time."""

    def __init__(self, makers: Makers, *, traced: bool = False) -> None:
        self.makers = makers
        self.names = {"msg": 0, "meta": 1, "state": 2}
        self.slots = STEPS + 1
        self.weight = 0
        self.depth = 0
        self.traced = traced

    def make(self, node: ast.expr) -> Run:
        """Return the closure of a part of the expression. Raises `Misplaced` for a forbidden part."""
        maker = self.makers.get(type(node))
        if maker is None:
            raise Misplaced(
                node,
                Refusal(
                    f"{_spoken(node)} is not allowed in an expression; values of msg, meta and state, "
                    "operators, comprehensions and the listed functions are"
                ),
            )
        self.depth += 1
        if self.depth > DEEPEST:
            raise Misplaced(node, Refusal(f"it is nested more than {DEEPEST} levels deep; say it in two expressions"))
        self.weight += 1
        run = maker(self, node)
        self.depth -= 1
        return _traced(run, node) if self.traced else run

    def slot(self, name: str) -> int:
        """Return a new slot for a loop variable, visible from now on."""
        self.names[name] = self.slots
        self.slots += 1
        return self.slots - 1


def _spoken(node: ast.AST) -> str:
    known = {
        ast.Lambda: "a function",
        ast.NamedExpr: "an assignment",
        ast.Await: "await",
        ast.Yield: "yield",
        ast.YieldFrom: "yield",
        ast.Starred: "* here",
        ast.Slice: "a slice here",
    }
    return known.get(type(node), type(node).__name__)


def _traced(run: Run, node: ast.AST) -> Run:
    def traced(variables: Variables) -> Any:
        try:
            return run(variables)
        except FAULTS as fault:
            raise Misplaced(node, fault) from None

    return traced
