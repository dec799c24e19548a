"""Makers of closures for values, their parts and operators."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from floe_jupyter.core.expressions.budget import (
    BITS,
    COMPARED,
    KEYS,
    SCALARS,
    Refusal,
    Variables,
    charge,
    charged,
    compared,
    compared_key,
    iterable,
    measure,
    type_name,
)
from floe_jupyter.core.expressions.compiler import Compiler, Makers, Misplaced, Run
from floe_jupyter.core.expressions.functions import FUNCTIONS, add, bits, key, keys_of, multiply, power, remainder, shift
from floe_jupyter.errors import nearest

# --- values and names ----------------------------------------------------------------------------------------------------


def _constant(_: Compiler, node: ast.Constant) -> Run:
    value = node.value
    if type(value) not in SCALARS:
        raise Misplaced(node, Refusal(f"{type(value).__name__} is not allowed; use numbers, texts, True, False and None"))
    if isinstance(value, int) and value.bit_length() > BITS:
        raise Misplaced(node, Refusal(f"a number has at most {BITS} bits"))
    return lambda _: value


def _name(compiler: Compiler, node: ast.Name) -> Run:
    if node.id in compiler.names:
        return operator.itemgetter(compiler.names[node.id])
    if node.id in FUNCTIONS:
        raise Misplaced(node, Refusal(f"{node.id} is a function: write {node.id}(...)"))
    raise Misplaced(node, Refusal(f"no name {node.id[:40]!r}; {nearest(node.id[:40], compiler.names)}"))


def _items(compiler: Compiler, nodes: list[ast.expr]) -> Callable[[Variables], list[Any]]:
    if not any(isinstance(node, ast.Starred) for node in nodes):
        runs = [compiler.make(node) for node in nodes]
        return lambda variables: [run(variables) for run in runs]
    parts = [_item_of(compiler, node) for node in nodes]

    def run(variables: Variables) -> list[Any]:
        result: list[Any] = []
        for starred, part in parts:
            value = part(variables)
            result.extend(charged(variables, iterable(value)) if starred else (value,))
        return result

    return run


def _item_of(compiler: Compiler, node: ast.expr) -> tuple[bool, Run]:
    return (True, compiler.make(node.value)) if isinstance(node, ast.Starred) else (False, compiler.make(node))


def _list(compiler: Compiler, node: ast.List) -> Run:
    return _items(compiler, node.elts)


def _tuple(compiler: Compiler, node: ast.Tuple) -> Run:
    items = _items(compiler, node.elts)
    return lambda variables: tuple(items(variables))


def _set(compiler: Compiler, node: ast.Set) -> Run:
    items = _items(compiler, node.elts)

    def run(variables: Variables) -> Any:
        found = items(variables)
        measure(variables, found)
        return keys_of(found)

    return run


def _dict(compiler: Compiler, node: ast.Dict) -> Run:
    parts = [(compiler.make(k) if k else None, compiler.make(v)) for k, v in zip(node.keys, node.values, strict=True)]

    def run(variables: Variables) -> Any:
        result: dict[Any, Any] = {}
        for name, part in parts:
            if name is not None:
                result[compared_key(variables, key(name(variables)))] = part(variables)
            else:
                given = _dictionary(part(variables), "be unpacked with **")
                measure(variables, list(given))
                result.update(charged(variables, given))
        return result

    return run


def _dictionary(value: Any, action: str) -> dict[Any, Any]:
    if isinstance(value, dict):
        return value
    raise Refusal(f"{type_name(value)} cannot {action}; only a dictionary can")


# --- parts of values -----------------------------------------------------------------------------------------------------


def _attribute(compiler: Compiler, node: ast.Attribute) -> Run:
    name = node.attr
    if name.startswith("__"):
        raise Misplaced(node, Refusal(f"names like {name[:40]!r} are not allowed; write [{name[:40]!r}] for such a field"))
    base = compiler.make(node.value)

    def run(variables: Variables) -> Any:
        return _item(_dictionary(base(variables), f"have a field {name!r}"), name)

    return run


def _item(container: Any, index: Any) -> Any:
    try:
        return container[index]
    except KeyError:
        hint = nearest(str(index)[:40], [str(k)[:40] for k in list(container)[:1_000]])
        raise Refusal(f"no field {str(index)[:40]!r}; {hint or 'it is empty'}") from None


def _subscript(compiler: Compiler, node: ast.Subscript) -> Run:
    base = compiler.make(node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(compiler, base, node.slice)
    if isinstance(node.slice, ast.Constant) and type(node.slice.value) in (str, int):
        index = node.slice.value
        return lambda variables: _item(base(variables), index)
    wanted = compiler.make(node.slice)
    return lambda variables: _item(base(variables), compared_key(variables, key(wanted(variables))))


def _slice(compiler: Compiler, base: Run, node: ast.Slice) -> Run:
    parts = [compiler.make(part) if part else None for part in (node.lower, node.upper, node.step)]

    def run(variables: Variables) -> Any:
        value = base(variables)
        if not isinstance(value, (str, list, tuple, range)):
            raise Refusal(f"{type_name(value)} cannot be sliced; texts and lists can")
        return charged(variables, value[slice(*(part and part(variables) for part in parts))])

    return run


# --- operators -----------------------------------------------------------------------------------------------------------

_PAYING: dict[type, Callable[[Variables, Any, Any], Any]] = {ast.Add: add, ast.Mult: multiply}
_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: remainder,
    ast.Pow: power,
    ast.LShift: shift,
    ast.RShift: bits(">>", operator.rshift),
    ast.BitAnd: bits("&", operator.and_),
    ast.BitOr: bits("|", operator.or_),
    ast.BitXor: bits("^", operator.xor),
    ast.Sub: operator.sub,
}
_UNARY: dict[type, Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}


def _binary(compiler: Compiler, node: ast.BinOp) -> Run:
    left, right = compiler.make(node.left), compiler.make(node.right)
    paying = _PAYING.get(type(node.op))
    if paying is not None:
        return lambda variables: paying(variables, left(variables), right(variables))
    operation = _BINARY.get(type(node.op))
    if operation is None:
        raise Misplaced(node, Refusal("the operator @ is not allowed; numbers have + - * / // % **"))
    return lambda variables: operation(_no_set(left(variables)), _no_set(right(variables)))


def _no_set(value: Any) -> Any:
    if isinstance(value, KEYS):
        raise Refusal("sets can be tested with `in` and looped over, but not combined; use a comprehension")
    return value


def _unary(compiler: Compiler, node: ast.UnaryOp) -> Run:
    operand, operation = compiler.make(node.operand), _UNARY[type(node.op)]
    return lambda variables: operation(operand(variables))


def _boolean(compiler: Compiler, node: ast.BoolOp) -> Run:
    *firsts, last = [compiler.make(value) for value in node.values]
    stop = isinstance(node.op, ast.Or)

    def run(variables: Variables) -> Any:
        for part in firsts:
            value = part(variables)
            if bool(value) is stop:
                return value
        return last(variables)

    return run


def _choice(compiler: Compiler, node: ast.IfExp) -> Run:
    test, then, otherwise = compiler.make(node.test), compiler.make(node.body), compiler.make(node.orelse)
    return lambda variables: then(variables) if test(variables) else otherwise(variables)


_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, container: item in iterable(container),
    ast.NotIn: lambda item, container: item not in iterable(container),
}
_SEARCHES = (ast.In, ast.NotIn)
_IDENTITIES = (ast.Is, ast.IsNot)


def _compare(compiler: Compiler, node: ast.Compare) -> Run:
    for kind, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(kind, _IDENTITIES) and not (isinstance(right, ast.Constant) and type(right.value) in (bool, type(None))):
            raise Misplaced(right, Refusal("`is` compares with None, True and False only; use =="))
    left, rights = compiler.make(node.left), [compiler.make(right) for right in node.comparators]
    tests = [_test(kind) for kind in node.ops]
    if len(tests) == 1:
        return _single(left, tests[0], rights[0])

    def run(variables: Variables) -> Any:
        value, result = left(variables), True
        for test, right in zip(tests, rights, strict=True):
            other = right(variables)
            result = test(variables, value, other)
            if not result:
                return result
            value = other
        return result

    return run


def _single(left: Run, test: Callable[[Variables, Any, Any], Any], right: Run) -> Run:
    return lambda variables: test(variables, left(variables), right(variables))


def _test(kind: ast.cmpop) -> Callable[[Variables, Any, Any], Any]:
    operation, deep = _COMPARISONS[type(kind)], not isinstance(kind, _IDENTITIES)
    search = isinstance(kind, _SEARCHES)

    def run(variables: Variables, left: Any, right: Any) -> Any:
        if type(right) in SCALARS:
            if search and type(right) is str:
                charged(variables, right)
            elif deep:
                compared(variables, left, right)
        elif search or (deep and type(left) not in SCALARS):
            measure(variables, left)
            if type(left) not in SCALARS:
                measure(variables, right)
            else:
                _pay_for_search(variables, left, right)
        return operation(left, right)

    return run


def _pay_for_search(variables: Variables, item: Any, container: Any) -> None:
    """Pay for a scalar to look for: in a list a text may be compared with every other text, a dictionary finds a key at once."""
    if type(item) is str and isinstance(container, (list, tuple)):
        charge(variables, sum([len(item) for item in container if type(item) is str]) >> COMPARED)
    charged(variables, container)


VALUES: Makers = {
    ast.Attribute: _attribute,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.IfExp: _choice,
    ast.List: _list,
    ast.Name: _name,
    ast.Set: _set,
    ast.Subscript: _subscript,
    ast.Tuple: _tuple,
    ast.UnaryOp: _unary,
}
