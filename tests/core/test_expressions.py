"""Expressions: what they say, what they refuse, and how soon."""

from __future__ import annotations

import contextlib
import copy
import math
import sys
import time
import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_jupyter.core.expressions import LONGEST, compile_expression, compile_template, render
from floe_jupyter.errors import ExpressionError

MSG = {"ppm": -1.5, "id": "k1", "rows": [{"v": 1}, {"v": 2}], "none": None, "tags": ["a", "b"], "big": 2**70, "text": "CO2 raw"}
META = {"node": "clean", "port": "in", "run": 7}
STATE = {"count": 3}


def value(text: str, msg: object = MSG) -> object:
    return compile_expression(text).evaluate(msg, META, STATE)


def refusal(text: str, msg: object = MSG) -> str:
    with pytest.raises(ExpressionError) as caught:
        value(text, msg)
    return str(caught.value)


@pytest.mark.parametrize(("text", "expected"), [
    ("msg['ppm'] < 0", True),
    ("msg.ppm < 0 and meta.port == 'in' and state.count >= 3", True),
    ("msg.ppm > 0 or msg.id", "k1"),
    ("msg.id or 1 / 0", "k1"),
    ("0 and 1 / 0", 0),
    ("0 < state.count < 10", True),
    ("0 > state.count < 10", False),
    ("not msg.none", True),
    ("msg.none is None", True),
    ("msg.id is not None", True),
    ("'a' in msg.tags and 'z' not in msg.tags", True),
    ("'ppm' in msg", True),
    ("'raw' in msg.text", True),
    ("msg.tags in [['a', 'b']]", True),
    ("msg.tags == ['a', 'b'] != msg.rows", True),
    ("2 in (1, 2) and 2 in {1, 2} and 2 in range(3)", True),
    ("{1, 2} == {2, 1}", True),
    ("{2, 1, 2}", [2, 1]),
    ("[x.v for x in msg.rows if x.v > 1 if True]", [2]),
    ("[(a, b) for a in range(2) for b in range(a + 1)]", [[0, 0], [1, 0], [1, 1]]),
    ("{k: len(v) for k, v in msg.items() if type_name(v) == 'list'}", {"rows": 2, "tags": 2}),
    ("{t for t in msg.tags}", ["a", "b"]),
    ("sum(x.v for x in msg.rows)", 3),
    ("[len for len in [1]][0]", 1),
    ("{**msg.rows[0], 'w': 2}", {"v": 1, "w": 2}),
    ("[*msg.tags, 'c']", ["a", "b", "c"]),
    ("msg.tags[-1] + msg.id[0:1]", "bk"),
    ("msg.rows[::-1][0]['v']", 2),
    ("msg[msg.id[:0] + 'ppm']", -1.5),
    ("1 if msg.ppm else 2", 1),
    ("-3 // 2 + 7 % 4 * 2 ** 3 - ~1", 24),
    ("1 / 4 + +0.5", 0.75),
    ("(6 & 3) | (8 ^ 1) | (1 << 4) | (256 >> 3)", 59),
    ("2 ** -1", 0.5),
    ("'ab' * 2 + 2 * 'c'", "ababcc"),
    ("[1, 2] * 2 + [3]", [1, 2, 1, 2, 3]),
    ("1.5 * 2", 3.0),
    ("2 * 1.5", 3.0),
    ("f'{msg.ppm:.2f} {msg.id!r} {msg.id!s:>4} {msg.id!a} {msg.tags} { {1} }'", "-1.50 'k1'   k1 'k1' ['a', 'b'] [1]"),
    ("f'{msg.ppm:{5}.{1}f}'", " -1.5"),
    ("abs(msg.ppm) + max(1, 2) + min([3, 4]) + min([], default=1)", 7.5),
    ("sorted(msg.tags, reverse=True)", ["b", "a"]),
    ("list(reversed(msg.tags)) + list('xy') + list({1})", ["b", "a", "x", "y", 1]),
    ("enumerate(msg.tags, 1)", [[1, "a"], [2, "b"]]),
    ("enumerate(msg.tags, start=1)", [[1, "a"], [2, "b"]]),
    ("zip(msg.tags, range(2))", [["a", 0], ["b", 1]]),
    ("round(1.26, 1) + round(1.5)", 3.3),
    ("int('12') + int('f', 16) + int(2.9)", 29),
    ("str(1) + str([1]) + str({'a'})", "1[1]['a']"),
    ("bool(msg.tags) and any(t == 'a' for t in msg.tags) and not all([0])", True),
    ("set([1, 1])", [1]),
    ("float('1.5')", 1.5),
    ("[type_name(x) for x in [None, True, 1, 1.0, '', [], {}, (), {1}, range(1)]]",
     ["None", "bool", "int", "float", "str", "list", "dict", "tuple", "set", "range"]),
    ("floor(sqrt(17)) + ceil(1.2) + log10(100) + int(isnan(0.0))", 8.0),
    ("msg.text.lower().split()", ["co2", "raw"]),
    ("msg.text.replace('C', 'c', 1) + '-'.join(msg.tags) + 'x'.rjust(3, '.')", "cO2 rawa-b..x"),
    ("'a,b'.replace(',', '')", "ab"),
    ("msg.text.startswith('CO2') and msg.get('gone') is None and msg.get('gone', 1) == 1", True),
    ("msg.rows[0].keys() + msg.rows[0].values()", ["v", 1]),
    ("msg.tags.index('b') + msg.tags.count('a')", 2),
    ("'7'.zfill(3)", "007"),
    ("msg.big > 2 ** 69", True),
    ("range(3)", [0, 1, 2]),
    ("1 == [1]", False),
    ("range(3) == range(0, 3)", True),
    ("  1 +\n 1", None),
    ("(1 +\n 1)", 2),
    ("'\\d'", "\\d"),
])
def test_an_expression_means_what_it_means_in_python(text: str, expected: object) -> None:
    if expected is None:
        assert "invalid syntax" in refusal(text)
    else:
        assert value(text) == expected


@pytest.mark.parametrize(("text", "said"), [
    ("mgs['ppm'] < 0", "no name 'mgs'; did you mean 'msg'?"),
    ("msg.ppn < 0", "no field 'ppn'; did you mean 'ppm'?"),
    ("msg['ppn'] < 0", "no field 'ppn'; did you mean 'ppm'?"),
    ("{}['x']", "no field 'x'; it is empty"),
    ("lenn(msg)", "no function 'lenn'; did you mean 'len'?"),
    ("msg.lowr()", "no method 'lowr'; did you mean 'lower'?"),
    ("msg.tags.len()", "write len(...)"),
    ("msg.lower()", "dict has no method 'lower'"),
    ("msg.id.lower(1)", "lower() takes 0 arguments, not 1"),
    ("msg.id.split(sep=',')", "takes no arguments by name"),
    ("len", "len is a function: write len(...)"),
    ("len()", "len() takes 1 argument, not 0"),
    ("round(1, 2, 3)", "round() takes 1 to 2 arguments, not 3"),
    ("sorted(msg.tags, revers=True)", "did you mean 'reverse'?"),
    ("len(obj=1)", "it takes none by name"),
    ("msg.ppm = 1", "; an expression looks like"),
    ("(msg.ppm = 1)", "write == to compare"),
    ("[id = 1]", "write == to compare"),
    ("msg.ppm <", "invalid syntax"),
    ("(msg.ppm", "'(' was never closed"),
    ("", "an empty expression"),
    ("1 / 0", "division by zero; guard it"),
    ("msg.id < 1", "'<' not supported between instances of 'str' and 'int'; convert with"),
    ("msg.tags[5]", "list index out of range; test it first with len()"),
    ("msg.id.field", "str cannot have a field 'field'"),
    ("{**msg.tags}", "list cannot be unpacked with **"),
    ("[x for x in 5]", "cannot loop over int"),
    ("[x for x in None]", "cannot loop over None"),
    ("[x for x, y in [[1]]]", "shorter"),
    ("[x for msg.id in [1]]", "a loop sets names"),
    ("[x async for x in msg]", "async is not allowed"),
    ("1 is 1", "use =="),
    ("{1} | {2}", "not combined"),
    ("1.5 | 2", "works on integers"),
    ("'a' % 1", "use an f-string"),
    ("(-8) ** 0.5", "complex number"),
    ("1 @ 2", "the operator @ is not allowed"),
    ("b'x'", "bytes is not allowed"),
    ("[][:]['x':'y']", "slice indices must be integers"),
    ("msg[1:]", "dict cannot be sliced"),
    ("{[]: 1}", "list cannot be a key"),
    ("msg[[]]", "list cannot be a key"),
    ("None * 2", "cannot multiply None by int"),
    ("lambda: 1", "a function is not allowed"),
    ("*msg", "an expression looks like"),
    ("exp(1000)", "math range error; use smaller numbers"),
    ("f'{1:!!}'", "is not allowed; formats look like"),
    ("[1] + 1", "can only concatenate"),
])
def test_a_mistake_names_its_cause_and_its_cure(text: str, said: str) -> None:
    assert said in refusal(text)


def test_a_mistake_is_shown_at_its_place() -> None:
    assert refusal("1 < 2 and mgs.ppm < 0") == (
        "column 11: no name 'mgs'; did you mean 'msg'?\n  1 < 2 and mgs.ppm < 0\n            ^")


def test_a_place_behind_wide_letters_and_on_a_later_line_is_right() -> None:
    assert refusal("('ü€😀' +\n 'é' + mgs)").splitlines()[1:] == ["   'é' + mgs)", "         ^"]


ESCAPES = [
    "().__class__.__bases__[0].__subclasses__()", "''.__class__.__mro__[1].__subclasses__()", "msg.__class__",
    "msg.__init__.__globals__", "msg['__class__'].x", "getattr(msg, 'x')", "setattr(msg, 'x', 1)", "vars()", "globals()",
    "locals()", "dir()", "eval('1')", "exec('1')", "compile('1', '', 'eval')", "open('/etc/passwd')",
    "__import__('os').system('id')", "__builtins__", "__builtins__['eval']", "(lambda: 1)()",
    "(lambda f: f(f))(lambda f: f(f))", "[x for x in ().__class__.__base__.__subclasses__()]", "'{0.__class__}'.format(msg)",
    "'{0.__class__}'.format_map(msg)", "f'{msg.__class__}'", "f'{(lambda: 1)()}'", 'f"{__import__(\'os\')}"', "(x := 1)",
    "[y := 1, y]", "await msg", "(yield 1)", "(yield from msg)", "print(1)", "input()", "breakpoint()", "help()",
    "type(msg)", "type('X', (), {})", "object()", "super()", "isinstance(msg, dict)", "classmethod(len)", "len.__self__",
    "len.__call__(msg)", "msg.get.__self__", "str.join", "str.lower('A')", "dict.fromkeys('ab')", "msg.pop('ppm')",
    "msg.clear()", "msg.update({})", "msg.setdefault('a', 1)", "msg.tags.append(1)", "msg.tags.sort()",
    "msg.tags.extend([1])", "msg.tags.insert(0, 1)", "msg.popitem()", "'a'.encode()", "'a'.translate({97: 'b'})",
    "'a'.maketrans({})", "import os", "del msg", "msg; msg", "lambda *a: a", "max(msg.tags, key=len)",
    "sorted(msg.tags, key=print)", "[].__reduce__()", "(1).real.__class__", "(1).to_bytes(9999999, 'big')", "(1.5).hex()",
    "map(len, msg)", "filter(None, msg)", "iter(msg)", "next(msg)", "memoryview(b'')", "bytearray(9)", "id(msg)",
    "hash(msg)", "len(*msg)", "sorted(**msg)", "\x00", "\ud800", "...", "1j", "msg.__dict__", "meta.__getattribute__('x')",
    "state.__setitem__('a', 1)", "[*'ab', *print]", "@", "$", "`id`",
]
BOMBS = [
    "9**9**9", "9**9**9**9", "2**100000", "(-2)**100000", "1 << 10**9", "1 << 99999", "(1 << 4000) * (1 << 4000)", "'a' * 10**10",
    "10**10 * 'a'", "[0] * 10**10", "[[0]] * 10", "(0,) * 10**9", "('a' * 999999) + ('a' * 999999)", "range(10**12)",
    "range(0, -10**12, -1)", "list(range(10**9))", "[x for x in range(99999) for y in range(99999)]",
    "sum(1 for x in range(9999) for y in range(9999))", "f'{1:1000000000}'", "f'{1:.1000000000f}'", "f'{1:{10**9}}'",
    "f'{\"a\":>99999999}'", "'%1000000000d' % 1", "'a'.ljust(10**10)", "'a'.center(10**10)", "'1'.zfill(10**10)",
    "('a' * 9999).replace('a', 'b' * 9999)", "('b' * 9999).join(['x'] * 9999)", "int('9' * 5000)", "int('f' * 1000, 32)",
    "round(1, -10**9)", "round(1.0, 10**9)", "['a' * 999999 for _ in range(10000)]",
    "[sorted(range(99999)) for _ in range(9999)]",
    "[[y for _ in range(1000)] for y in [[x for _ in range(1000)] for x in [[1]*1000]]]",
    "str([[y for _ in range(999)] for y in [[x for _ in range(999)] for x in [[1]*999]]])",
    "[[y for _ in range(999)] for y in [[1]*999]] == [[y for _ in range(999)] for y in [[1]*999]]",
    "[[y for _ in range(999)] for y in [[1]*999]] in [[[y for _ in range(999)] for y in [[1]*999]]]",
    "sorted([[y for _ in range(999)] for y in [[1]*999]] for _ in range(99))",
    "'a' in msg.long", "[msg.long.count('z') for _ in range(99)]",
    "msg.long.split()", "[msg.long for _ in range(99)]", "msg.long.upper()", "str(msg.deep)", "msg.deep",
    "msg.deep == [1]", "msg.wide", "f'{msg.middle}'", "msg.middle.split()",
    "(" * 500 + "1" + ")" * 500, "-" * 3000 + "1", "not " * 900 + "1", "[" * 1500 + "]" * 1500, "+".join("1" * 900), "9" * 3900,
    "0x" + "f" * 3900, "1" + "0" * 2000,
    "1 " * LONGEST, "x" * (LONGEST + 1), "f'{" * 300, "'" * 999,
    "[0 for " + " for ".join(f"a{i} in [1]" for i in range(150)) + "]",
]


@pytest.fixture(scope="module")
def hostile() -> dict[str, object]:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    return {**MSG, "long": "z" * (16 << 20), "deep": deep, "middle": "z " * (1 << 20), "wide": list(range(300_000))}


@pytest.mark.parametrize("text", ESCAPES)
def test_a_way_out_of_the_sandbox_is_refused(text: str) -> None:
    refusal(text)


@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:40])
def test_a_bomb_is_refused_soon(text: str, hostile: dict[str, object]) -> None:
    def seconds() -> float:
        began = time.process_time()
        refusal(text, hostile)
        return time.process_time() - began

    assert any(seconds() < 2 for _ in range(3))  # a processor that is lent to somebody else meanwhile counts as used


def test_nothing_is_changed_and_nothing_is_shared() -> None:
    message = copy.deepcopy(MSG)
    result = value("msg.rows", message)
    assert isinstance(result, list)
    result[0]["v"] = "changed"
    assert message == MSG


def test_an_expression_is_a_value() -> None:
    assert compile_expression("msg") == compile_expression(" msg ")
    assert len({compile_expression("msg"), compile_expression(" msg"), compile_expression("meta")}) == 2


def test_a_typical_condition_takes_less_than_five_microseconds() -> None:
    condition = compile_expression("msg['ppm'] < 0")
    took = timeit.repeat(lambda: condition.evaluate(MSG, META, STATE), timer=time.process_time, number=2_000, repeat=7)
    best = min(took) / 2_000
    limit = 5e-6 if sys.gettrace() is None else 50e-6  # measuring coverage costs ten times as much
    assert best < limit, f"{best * 1e6:.1f} us"


# --- the same as Python's own evaluation on a safe subset ----------------------------------------------------------------

numbers = st.one_of(st.integers(-50, 50).map(str), st.sampled_from(["0.5", "1.25", "-2.0", "msg['n']", "msg['x']", "state['k']"]))
strings = st.sampled_from(["'a'", "'bc'", "''", "msg['s']"])
lists = st.sampled_from(["[]", "[1, 2]", "msg['l']", "[3, 1, 2]"])


OPERATORS = ["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", ">", "and", "or", "&", "|", "^"]


def _grow(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(parts, parts)
    return st.one_of(
        st.tuples(pair, st.sampled_from(OPERATORS)).map(
            lambda t: f"({t[0][0]} {t[1]} {t[0][1]})"),
        st.tuples(parts, st.sampled_from(["-", "+", "not ", "~"])).map(lambda t: f"({t[1]}{t[0]})"),
        st.tuples(parts, parts, parts).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(parts, lists).map(lambda t: f"({t[0]} in {t[1]})"),
        parts.map(lambda t: f"[{t}, 1][0]"),
        parts.map(lambda t: f"{{'k': {t}}}['k']"),
        parts.map(lambda t: f"[{t} for x in [1, 2, 3] if x != 2]"),
        parts.map(lambda t: f"f'{{{t}}}'" if "'" not in t else t),
        parts.map(lambda t: f"str({t})"),
        pair.map(lambda t: f"max({t[0]}, {t[1]})"),
        lists.map(lambda t: f"len({t})"),
        lists.map(lambda t: f"sum({t})"),
        lists.map(lambda t: f"sorted({t})[0:2]"),
        strings.map(lambda t: f"{t}.upper()"),
    )


expressions = st.recursive(st.one_of(numbers, strings, lists), _grow, max_leaves=12)
BUILTINS = {"max": max, "len": len, "sum": sum, "sorted": sorted, "str": str}
VALUES = {"msg": {"n": 7, "x": 2.5, "s": "ab", "l": [1, 2, 3]}, "state": {"k": 4}}


def _python(text: str) -> tuple[bool, object]:
    try:
        return True, eval(text, {"__builtins__": BUILTINS, **copy.deepcopy(VALUES)})
    except (TypeError, ValueError, ArithmeticError, LookupError):
        return False, None


@settings(max_examples=400, deadline=None)
@given(expressions)
def test_what_python_says_is_what_we_say(text: str) -> None:
    fine, expected = _python(text)
    if not fine:
        refusal(text, VALUES["msg"])
        return
    try:
        got = compile_expression(text).evaluate(copy.deepcopy(VALUES["msg"]), {}, {"k": 4})
    except ExpressionError as error:
        if not any(bound in str(error) for bound in ("%", "more than", "can be repeated")):
            raise
        return
    assert got == expected or (isinstance(got, float) and math.isnan(got)), text
    assert type(got) is type(expected)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_an_expression_or_an_expression_error(text: str) -> None:
    for use in (lambda: compile_expression(text).evaluate(MSG), lambda: render(text, MSG)):
        with contextlib.suppress(ExpressionError):
            use()


# --- templates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("template", "text"), [
    ("", ""),
    ("plain", "plain"),
    ("ppm is {msg.ppm:.1f}!", "ppm is -1.5!"),
    ("{msg['id']}{meta.port}{state.count}", "k1in3"),
    ("{{literal}} }} {msg.id!r:>6}", "{literal} }   'k1'"),
    ("{ {'a': 1}['a'] } {msg.rows[0:1]}", "1 [{'v': 1}]"),
    ("{'}' + \"{\\\"\"}", "}{\""),
    ("{msg.id != 'x'}{msg.none}{[1, msg.tags]}", "TrueNone[1, ['a', 'b']]"),
])
def test_a_template_shows_its_expressions(template: str, text: str) -> None:
    assert render(template, MSG, META, STATE) == text


@pytest.mark.parametrize(("template", "said"), [
    ("{msg.id", "a single { opens nothing that is closed"),
    ("a } b", "a single } opens nothing that is closed"),
    ("{}", "an empty expression"),
    ("{msg.idd}", "did you mean 'id'?"),
    ("{mgs}", "did you mean 'msg'?"),
    ("{msg.ppm:99999}", "is not allowed; formats look like"),
    ("x" * (LONGEST + 1), f"at most {LONGEST} characters"),
])
def test_a_mistake_in_a_template_is_told(template: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(template, MSG, META, STATE)
    assert said in str(caught.value)


def test_a_template_cannot_show_more_than_a_text_may_hold() -> None:
    with pytest.raises(ExpressionError, match="show less of the message"):
        render("{msg}{msg}{msg}", "x" * 500_000)


def test_a_template_is_compiled_once() -> None:
    assert compile_template("{msg}") is compile_template("{msg}")
