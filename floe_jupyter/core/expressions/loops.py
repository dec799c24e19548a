"""Makers of closures for comprehensions, calls and f-strings: all parts whose cost is not bounded by their length."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from floe_jupyter.core.expressions.budget import Refusal, Variables, charge, charged, iterable, measure, type_name
from floe_jupyter.core.expressions.compiler import DEEPEST, Compiler, Makers, Misplaced, Run
from floe_jupyter.core.expressions.functions import FUNCTIONS, METHOD_NAMES, METHODS, Function, add, formatted, key, keys_of, pay
from floe_jupyter.errors import nearest

# --- loops ---------------------------------------------------------------------------------------------------------------

Loop = Callable[[Variables, list[Any]], None]


def _comprehension(compiler: Compiler, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Run:
    names = dict(compiler.names)
    loop = _loop(compiler, node, list(node.generators))
    compiler.names = names
    finish, keyed = _FINISH[type(node)], isinstance(node, (ast.SetComp, ast.DictComp))

    def run(variables: Variables) -> Any:
        out: list[Any] = []
        loop(variables, out)
        if keyed:
            measure(variables, [name for name, _ in out] if type(node) is ast.DictComp else out)
        return finish(out)

    return run


_FINISH: dict[type, Callable[[list[Any]], Any]] = {
    ast.ListComp: lambda out: out,
    ast.GeneratorExp: lambda out: out,
    ast.SetComp: keys_of,
    ast.DictComp: lambda out: {key(name): value for name, value in out},
}


def _loop(compiler: Compiler, node: Any, generators: list[ast.comprehension]) -> Loop:
    if not generators:
        return _emit(compiler, node)
    first, *rest = generators
    if first.is_async:
        raise Misplaced(node, Refusal("async is not allowed in an expression"))
    source, before = compiler.make(first.iter), compiler.weight
    bind = _target(compiler, first.target)
    conditions = [compiler.make(condition) for condition in first.ifs]
    inner = _loop(compiler, node, rest)
    weight = compiler.weight - before + 1

    def run(variables: Variables, out: list[Any]) -> None:
        for item in iterable(source(variables)):
            charge(variables, weight)
            bind(variables, item)
            if all(condition(variables) for condition in conditions):
                inner(variables, out)

    return run


def _emit(compiler: Compiler, node: Any) -> Loop:
    if isinstance(node, ast.DictComp):
        name, value = compiler.make(node.key), compiler.make(node.value)
        return lambda variables, out: out.append((name(variables), value(variables)))
    element = compiler.make(node.elt)
    return lambda variables, out: out.append(element(variables))


def _target(compiler: Compiler, node: ast.expr) -> Callable[[Variables, Any], None]:
    if len(compiler.names) > DEEPEST:
        raise Misplaced(node, Refusal(f"at most {DEEPEST} loop variables"))
    if isinstance(node, ast.Name):
        slot = compiler.slot(node.id)
        return lambda variables, item: operator.setitem(variables, slot, item)
    if not isinstance(node, ast.Tuple) or not all(isinstance(part, ast.Name) for part in node.elts):
        raise Misplaced(node, Refusal("a loop sets names: `for x in ...` or `for name, value in ...`"))
    slots = [compiler.slot(part.id) for part in node.elts if isinstance(part, ast.Name)]

    def bind(variables: Variables, item: Any) -> None:
        for slot, value in zip(slots, iterable(item), strict=True):
            variables[slot] = value

    return bind


# --- calls and text ------------------------------------------------------------------------------------------------------


def _call(compiler: Compiler, node: ast.Call) -> Run:
    if isinstance(node.func, ast.Attribute):
        return _method(compiler, node, node.func)
    if not isinstance(node.func, ast.Name):
        raise Misplaced(node, Refusal("only named functions can be called"))
    function = FUNCTIONS.get(node.func.id)
    if function is None or node.func.id in compiler.names:
        raise Misplaced(node, Refusal(f"no function {node.func.id[:40]!r}; {nearest(node.func.id[:40], FUNCTIONS)}"))
    arguments = _arguments(compiler, node, node.func.id, function)
    keywords = [(str(k.arg), compiler.make(k.value)) for k in node.keywords]

    def run(variables: Variables) -> Any:
        given = arguments(variables)
        for value in given:
            pay(variables, function, value)
        return charged(variables, function.call(*given, **{name: part(variables) for name, part in keywords}))

    return run


def _arguments(compiler: Compiler, node: ast.Call, name: str, function: Function) -> Callable[[Variables], list[Any]]:
    for keyword in node.keywords:
        if keyword.arg not in function.keywords:
            known = nearest(str(keyword.arg)[:40], function.keywords) or "it takes none by name"
            raise Misplaced(node, Refusal(f"{name}() has no argument {str(keyword.arg)[:40]!r}; {known}"))
    try:
        _count(name, function, len(node.args))
    except Refusal as mistake:
        raise Misplaced(node, mistake) from None
    runs = [compiler.make(argument) for argument in node.args]
    return lambda variables: [run(variables) for run in runs]


def _count(name: str, function: Function, given: int) -> None:
    if not function.least <= given <= function.most:
        wanted = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
        raise Refusal(f"{name}() takes {wanted} argument{'s' * (wanted != '1')}, not {given}")


def _method(compiler: Compiler, node: ast.Call, function: ast.Attribute) -> Run:
    name = function.attr
    if name not in METHOD_NAMES:
        cure = f"write {name}(...)" if name in FUNCTIONS else nearest(name[:40], METHOD_NAMES)
        raise Misplaced(node, Refusal(f"no method {name[:40]!r}; {cure}"))
    if node.keywords:
        raise Misplaced(node, Refusal(f"{name}() takes no arguments by name"))
    base, runs = compiler.make(function.value), [compiler.make(argument) for argument in node.args]

    def run(variables: Variables) -> Any:
        value = base(variables)
        method = METHODS.get(type(value), {}).get(name)
        if method is None:
            raise Refusal(f"{type_name(value)} has no method {name!r}")
        _count(name, method, len(runs))
        given = [charged(variables, part(variables)) for part in runs]
        for whole in (value, *given) if method.deep else given:
            measure(variables, whole)
        return charged(variables, method.call(charged(variables, value), *given))

    return run


def _joined(compiler: Compiler, node: ast.JoinedStr) -> Run:
    parts = [compiler.make(part) for part in node.values]
    return lambda variables: _join(variables, parts)


def _join(variables: Variables, parts: list[Run]) -> str:
    text = ""
    for part in parts:
        text = str(add(variables, text, part(variables)))
    return text


def _formatted(compiler: Compiler, node: ast.FormattedValue) -> Run:
    value = compiler.make(node.value)
    spec = compiler.make(node.format_spec) if node.format_spec else lambda _: ""
    conversion = chr(node.conversion) if node.conversion > 0 else ""
    return lambda variables: formatted(variables, value(variables), conversion, spec(variables))


LOOPS: Makers = {
    ast.Call: _call,
    ast.DictComp: _comprehension,
    ast.FormattedValue: _formatted,
    ast.GeneratorExp: _comprehension,
    ast.JoinedStr: _joined,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
}
