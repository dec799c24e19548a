"""Expressions become closures: each takes the list of variables ``[msg, meta, state, steps left, loop variables ...]``.

The rule: what is not in the tables of makers (`expression_values`, `expression_loops`) does not exist. There is no `eval`,
no `getattr` on users' values and no name but those given; a field is an item of a dictionary, and a method comes from a
table by the type of its object.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from floe_jupyter.core.expression_functions import STEPS, Refusal, Variables

Run = Callable[[Variables], Any]
DEEPEST = 100
"""Levels of an expression."""
FAULTS = (Refusal, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, MemoryError)
"""What may go wrong while an expression is evaluated; each is the expression's or the message's fault."""


class Misplaced(Exception):
    """A fault, with the part of the expression where it happened."""

    def __init__(self, node: ast.AST, fault: BaseException) -> None:
        super().__init__(str(fault))
        self.node, self.fault = node, fault


Makers = Mapping[type, Callable[["Compiler", Any], Run]]
"""Kind of a part of an expression -> what makes its closure. All that is not in it is refused."""


class Compiler:
    """Makes the closures of one expression. With `traced` each of them says where it failed, which costs time."""

    def __init__(self, makers: Makers, *, traced: bool = False) -> None:
        self.makers = makers
        self.names = {"msg": 0, "meta": 1, "state": 2}
        self.slots = STEPS + 1
        self.weight = 0
        self.depth = 0
        self.traced = traced

    def make(self, node: ast.expr) -> Run:
        maker = self.makers.get(type(node))
        if maker is None:
            raise Misplaced(node, Refusal(f"{_spoken(node)} is not allowed in an expression; values of msg, meta and state, "
                                          "operators, comprehensions and the listed functions are"))
        self.depth += 1
        if self.depth > DEEPEST:
            raise Misplaced(node, Refusal(f"it is nested more than {DEEPEST} levels deep; say it in two expressions"))
        self.weight += 1
        run = maker(self, node)
        self.depth -= 1
        return _traced(run, node) if self.traced else run

    def slot(self, name: str) -> int:
        """A new place for a loop variable, visible from now on."""
        self.names[name] = self.slots
        self.slots += 1
        return self.slots - 1


def _spoken(node: ast.AST) -> str:
    known = {ast.Lambda: "a function", ast.NamedExpr: "an assignment", ast.Await: "await", ast.Yield: "yield",
             ast.YieldFrom: "yield", ast.Starred: "* here", ast.Slice: "a slice here"}
    return known.get(type(node), type(node).__name__)


def _traced(run: Run, node: ast.AST) -> Run:
    def traced(variables: Variables) -> Any:
        try:
            return run(variables)
        except FAULTS as fault:
            raise Misplaced(node, fault) from None

    return traced
