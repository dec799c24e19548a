"""Ways out of the expression language, and expressions that cost too much: each is refused."""

from __future__ import annotations

import time

import pytest

from floe_jupyter.core.expressions.language import LONGEST
from tests.core.expressions.expression_kit import MSG, refusal

ESCAPES = [
    "().__class__.__bases__[0].__subclasses__()",
    "''.__class__.__mro__[1].__subclasses__()",
    "msg.__class__",
    "msg.__init__.__globals__",
    "msg['__class__'].x",
    "getattr(msg, 'x')",
    "setattr(msg, 'x', 1)",
    "vars()",
    "globals()",
    "locals()",
    "dir()",
    "eval('1')",
    "exec('1')",
    "compile('1', '', 'eval')",
    "open('/etc/passwd')",
    "__import__('os').system('id')",
    "__builtins__",
    "__builtins__['eval']",
    "(lambda: 1)()",
    "(lambda f: f(f))(lambda f: f(f))",
    "[x for x in ().__class__.__base__.__subclasses__()]",
    "'{0.__class__}'.format(msg)",
    "'{0.__class__}'.format_map(msg)",
    "f'{msg.__class__}'",
    "f'{(lambda: 1)()}'",
    "f\"{__import__('os')}\"",
    "(x := 1)",
    "[y := 1, y]",
    "await msg",
    "(yield 1)",
    "(yield from msg)",
    "print(1)",
    "input()",
    "breakpoint()",
    "help()",
    "type(msg)",
    "type('X', (), {})",
    "object()",
    "super()",
    "isinstance(msg, dict)",
    "classmethod(len)",
    "len.__self__",
    "len.__call__(msg)",
    "msg.get.__self__",
    "str.join",
    "str.lower('A')",
    "dict.fromkeys('ab')",
    "msg.pop('ppm')",
    "msg.clear()",
    "msg.update({})",
    "msg.setdefault('a', 1)",
    "msg.tags.append(1)",
    "msg.tags.sort()",
    "msg.tags.extend([1])",
    "msg.tags.insert(0, 1)",
    "msg.popitem()",
    "'a'.encode()",
    "'a'.translate({97: 'b'})",
    "'a'.maketrans({})",
    "import os",
    "del msg",
    "msg; msg",
    "lambda *a: a",
    "max(msg.tags, key=len)",
    "sorted(msg.tags, key=print)",
    "[].__reduce__()",
    "(1).real.__class__",
    "(1).to_bytes(9999999, 'big')",
    "(1.5).hex()",
    "map(len, msg)",
    "filter(None, msg)",
    "iter(msg)",
    "next(msg)",
    "memoryview(b'')",
    "bytearray(9)",
    "id(msg)",
    "hash(msg)",
    "len(*msg)",
    "sorted(**msg)",
    "\x00",
    "\ud800",
    "...",
    "1j",
    "msg.__dict__",
    "meta.__getattribute__('x')",
    "state.__setitem__('a', 1)",
    "[*'ab', *print]",
    "@",
    "$",
    "`id`",
]


BOMBS = [
    "9**9**9",
    "9**9**9**9",
    "2**100000",
    "(-2)**100000",
    "1 << 10**9",
    "1 << 99999",
    "(1 << 4000) * (1 << 4000)",
    "'a' * 10**10",
    "10**10 * 'a'",
    "[0] * 10**10",
    "[[0]] * 10",
    "(0,) * 10**9",
    "('a' * 999999) + ('a' * 999999)",
    "range(10**12)",
    "range(0, -10**12, -1)",
    "list(range(10**9))",
    "[x for x in range(99999) for y in range(99999)]",
    "sum(1 for x in range(9999) for y in range(9999))",
    "f'{1:1000000000}'",
    "f'{1:.1000000000f}'",
    "f'{1:{10**9}}'",
    "f'{\"a\":>99999999}'",
    "'%1000000000d' % 1",
    "'a'.ljust(10**10)",
    "'a'.center(10**10)",
    "'1'.zfill(10**10)",
    "('a' * 9999).replace('a', 'b' * 9999)",
    "('b' * 9999).join(['x'] * 9999)",
    "int('9' * 5000)",
    "int('f' * 1000, 32)",
    "round(1, -10**9)",
    "round(1.0, 10**9)",
    "['a' * 999999 for _ in range(10000)]",
    "[sorted(range(99999)) for _ in range(9999)]",
    "[[y for _ in range(1000)] for y in [[x for _ in range(1000)] for x in [[1]*1000]]]",
    "str([[y for _ in range(999)] for y in [[x for _ in range(999)] for x in [[1]*999]]])",
    "[[y for _ in range(999)] for y in [[1]*999]] == [[y for _ in range(999)] for y in [[1]*999]]",
    "[[y for _ in range(999)] for y in [[1]*999]] in [[[y for _ in range(999)] for y in [[1]*999]]]",
    "sorted([[y for _ in range(999)] for y in [[1]*999]] for _ in range(99))",
    "'a' in msg.long",
    "[msg.long.count('z') for _ in range(99)]",
    "msg.long.split()",
    "[msg.long for _ in range(99)]",
    "msg.long.upper()",
    "str(msg.deep)",
    "msg.deep",
    "msg.deep == [1]",
    "msg.wide",
    "f'{msg.middle}'",
    "msg.middle.split()",
    "(" * 500 + "1" + ")" * 500,
    "-" * 3000 + "1",
    "not " * 900 + "1",
    "[" * 1500 + "]" * 1500,
    "+".join("1" * 900),
    "9" * 3900,
    "0x" + "f" * 3900,
    "1" + "0" * 2000,
    "1 " * LONGEST,
    "x" * (LONGEST + 1),
    "f'{" * 300,
    "'" * 999,
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
