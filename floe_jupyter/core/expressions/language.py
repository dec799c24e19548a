"""The expression language of conditions, keys and edits: Python's syntax over ``msg``, ``meta`` and ``state``.

Literals, arithmetic, comparisons, ``and or not``, ``a if b else c``, indexing and slicing, ``msg.ppm`` for ``msg['ppm']``,
f-strings, comprehensions, and the functions and methods of `floe_jupyter.core.expressions.functions`. The same for every language
of modules, because the machine evaluates expressions. An expression never changes the values it looks at, gives the same result
for the same values, and always ends soon.

>>> compile_expression("msg.ppm < 0 and meta.port == 'in'").evaluate({"ppm": -1}, {"port": "in"})
True
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from floe_jupyter.core.expressions.budget import BUDGET, SCALARS, STEPS, TEXT, plain
from floe_jupyter.core.expressions.compiler import FAULTS, Compiler, Makers, Misplaced, Run
from floe_jupyter.core.expressions.loops import LOOPS
from floe_jupyter.core.expressions.values import VALUES
from floe_jupyter.errors import ExpressionError

LONGEST = 4_000
"""Maximum characters of an expression."""
MAKERS: Makers = {**VALUES, **LOOPS}


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; equal and hashed by its text. Made by `compile_expression`."""

    text: str
    _run: Run = field(compare=False, repr=False)
    _loops: list[None] = field(compare=False, repr=False)

    def evaluate(self, msg: Any, meta: Mapping[str, Any] | None = None, state: Mapping[str, Any] | None = None) -> Any:
        """Return a scalar, or a fresh list or dictionary of plain values. Raises ExpressionError with position and cure."""
        try:
            value = self._run([msg, meta or {}, state or {}, BUDGET, *self._loops])
            return value if type(value) in SCALARS else plain(value)
        except FAULTS as fault:
            raise _explain(self.text, [msg, meta or {}, state or {}, BUDGET, *self._loops], fault) from None


@lru_cache(maxsize=1_024)
def compile_expression(text: str) -> Expression:
    """Return the compiled expression of *text*. Raises ExpressionError with the position of the mistake and a correction."""
    text = text.strip()
    compiler, tree = Compiler(MAKERS), _parse(text)
    try:
        run = compiler.make(tree)
    except Misplaced as mistake:
        raise _placed(text, mistake.node, str(mistake)) from None
    return Expression(text, run, [None] * (compiler.slots - STEPS - 1))


def _parse(text: str) -> ast.expr:
    if not text:
        raise ExpressionError("an empty expression; write a condition like msg['ppm'] < 0")
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression has at most {LONGEST} characters, not {len(text)}; do it in a module")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(_shown(text, error.lineno or 1, error.offset or 1, _sentence(error.msg))) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"the expression cannot be read: {error or 'it is nested too deeply'}; write it shorter") from None


def _sentence(message: str) -> str:
    if "Maybe you meant '=='" in message:
        return "= sets nothing here; write == to compare"
    return f"{message.partition(' (<')[0]}; an expression looks like msg['ppm'] < 0"


def _explain(text: str, variables: list[Any], fault: BaseException) -> ExpressionError:
    """Evaluate once more, slowly, to find the position of the failure: positions cost no time while no evaluation fails."""
    tree = _parse(text)
    try:
        Compiler(MAKERS, traced=True).make(tree)(variables)
    except Misplaced as mistake:
        return _placed(text, mistake.node, _cause(mistake.fault))
    return _placed(text, tree, _cause(fault))


_CURES: dict[type, str] = {
    ZeroDivisionError: "guard it: `a / b if b else 0`",
    TypeError: "convert with int(), float() or str(), or test it first with type_name()",
    IndexError: "test it first with len()",
    OverflowError: "use smaller numbers",
    RecursionError: "look at less of the message",
    MemoryError: "look at less of the message",
}


def _cause(fault: BaseException) -> str:
    cure = next((cure for kind, cure in _CURES.items() if isinstance(fault, kind)), "")
    return (str(fault)[:400] or type(fault).__name__) + (f"; {cure}" if cure else "")


def _placed(text: str, node: ast.AST, message: str) -> ExpressionError:
    line, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    source = text.split("\n")[line - 1]
    return ExpressionError(_shown(text, line, len(source.encode()[:offset].decode(errors="ignore")) + 1, message))


def _shown(text: str, line: int, column: int, message: str) -> str:
    lines = text.split("\n")
    source = lines[min(line, len(lines)) - 1]
    start = max(0, column - 60)
    return f"column {column}: {message}\n  {source[start : start + 120]}\n  {' ' * (column - 1 - start)}^"


# --- templates -----------------------------------------------------------------------------------------------------------


def render(template: str, msg: Any, meta: Mapping[str, Any] | None = None, state: Mapping[str, Any] | None = None) -> str:
    """Return the text with every ``{expression}`` replaced by its value; ``{{`` and ``}}`` stand for braces, as in f-strings.

    >>> render("ppm is {msg.ppm:.1f}", {"ppm": 1.26})
    'ppm is 1.3'
    """
    parts = [part if isinstance(part, str) else str(part.evaluate(msg, meta, state)) for part in compile_template(template)]
    text = "".join(parts)
    if len(text) > TEXT:
        raise ExpressionError(f"the text of a template has at most {TEXT} characters, not {len(text)}; show less of the message")
    return text


@lru_cache(maxsize=1_024)
def compile_template(template: str) -> tuple[str | Expression, ...]:
    """Return plain texts and expressions, in order. Raises ExpressionError for a mistake in any of the expressions."""
    if len(template) > LONGEST:
        raise ExpressionError(f"a template has at most {LONGEST} characters, not {len(template)}; show less of the message")
    parts: list[str | Expression] = []
    at = 0
    while at < len(template):
        text = _TEXT.match(template, at)
        if text:
            parts.append(text[0].replace("{{", "{").replace("}}", "}"))
            at = text.end()
        else:
            stop = _closing(template, at)
            parts.append(_field(template[at + 1 : stop]))
            at = stop + 1
    return tuple(parts)


_TEXT = re.compile(r"(?:[^{}]|\{\{|\}\})+")
_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|.""", re.DOTALL)
_PAIRS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def _closing(template: str, at: int) -> int:
    """Return the position of the brace which closes the brace at *at*; texts and inner brackets are passed over."""
    depth = 0
    for token in _TOKEN.finditer(template, at):
        depth += _PAIRS.get(token[0], 0)
        if depth <= 0:
            if template[at] == "{" and token[0] == "}":
                return token.start()
            break
    raise ExpressionError(
        _shown(
            template,
            1,
            at + 1,
            f"a single {template[at]} opens nothing that is closed; "
            f"write {template[at] * 2} for the sign itself, or {{msg.field}}",
        )
    )


def _field(field: str) -> Expression:
    """Return the expression of a field.

    ``{value!r:spec}`` is an f-string, and ``{value}`` too, so every value becomes text in the same way.
    """
    depth = 0
    for token in _TOKEN.finditer(field):
        depth += _PAIRS.get(token[0], 0)
        rest = field[token.start() :]
        if not depth and (token[0] == ":" or re.match(r"![rsa](?::|\Z)", rest)):
            return _shown_value(field[: token.start()], rest)
    return _shown_value(field, "")


def _shown_value(text: str, rest: str) -> Expression:
    value = compile_expression(text)
    conversion, spec = (ord(rest[1]), rest[3:]) if rest[:1] == "!" else (-1, rest[1:])
    node = ast.FormattedValue(_parse(value.text), conversion, ast.Constant(spec) if spec else None)
    compiler = Compiler(MAKERS)
    return Expression(value.text, compiler.make(ast.fix_missing_locations(node)), [None] * (compiler.slots - STEPS - 1))


__all__ = ["LONGEST", "Expression", "ExpressionError", "compile_expression", "compile_template", "render"]
