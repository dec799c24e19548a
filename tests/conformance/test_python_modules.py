"""What works in a `.py` file works in a Python module: it is a module, any callable is its function, and what came back decides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.host import Host, languages

pytestmark = pytest.mark.skipif("python" not in languages(), reason="not wanted")


def outputs(host: Host, source: str, payload: bytes = b"[3]", n: int = 1, number: int = 1, **more: Any) -> list[Any]:
    head = host.load(source, **more)
    assert head["t"] == "loaded", head
    host.call(payload, n, number=number)
    result = host.collect(number)
    assert result.failure is None, result.failure
    assert result.consumed == n
    return result.outputs.get("1.out", [])


POOL = """import multiprocessing
class Point:
    def __init__(self, x):
        self.x = x
    def __eq__(self, other):
        return self.x == other.x
def square(p):
    return Point(p.x * p.x)
def f(msg):
    with multiprocessing.get_context("{how}").Pool(1) as pool:
        return [p.x for p in pool.map(square, [Point(msg), Point(4)])]
"""
EXECUTOR = """from concurrent.futures import ProcessPoolExecutor
import multiprocessing
await_nothing = 1
def half(x):
    if x < 0:
        raise ValueError(f"{x} is negative")
    return x / 2
def f(msg):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            list(pool.map(half, [-1]))
        except ValueError as error:
            cause = str(error.__cause__)
        return [*pool.map(half, [msg]), "raise ValueError(f" in cause]
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            (
                "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass R:\n    a: int\n"
                "def f(msg):\n    return R(msg).a"
            ),
            3,
        ),
        (
            (
                "from dataclasses import dataclass, field\n@dataclass\nclass R:\n    y: 'R | None' = None\n    z: 'list[int]' = field(default_factory=list)\n"
                "def f(msg):\n    return R().z + [msg]"
            ),
            [3],
        ),
        (
            (
                "from __future__ import annotations\nfrom typing import NamedTuple, get_type_hints\nclass N(NamedTuple):\n    a: int\n    b: N | None = None\n"
                "def f(msg):\n    return get_type_hints(N)['b'] == N | None and N(msg).a"
            ),
            3,
        ),
        (
            (
                "import pickle\nclass A:\n    n = 3\ndef g():\n    return 3\ndef f(msg):\n"
                "    return pickle.loads(pickle.dumps(A())).n + pickle.loads(pickle.dumps(g))()"
            ),
            6,
        ),
        ("import enum, pickle\nclass E(enum.Enum):\n    A = 3\ndef f(msg):\n    return pickle.loads(pickle.dumps(E.A)).value", 3),
        ("import sys\nLIMIT = 3\ndef f(msg):\n    return sys.modules[__name__].LIMIT", 3),
        (
            "import inspect\nclass C:\n    x = 1\ndef f(msg):\n    return [inspect.getsource(f).splitlines()[0], inspect.getsource(C)]",
            ["def f(msg):", "class C:\n    x = 1\n"],
        ),
        ("def f(msg):\n    return [__name__ == '__main__', __name__.endswith('f'), __doc__ is None]", [False, True, True]),
        (
            "import traceback\ndef f(msg):\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        return '1 / 0' in traceback.format_exc()",
            True,
        ),
        (
            "import doctest, sys\ndef f(msg):\n    '''\n    >>> f.__name__\n    'f'\n    '''\n    return doctest.testmod(sys.modules[__name__]).attempted",
            1,
        ),
        ("import os\ndef f(msg):\n    return os.path.samefile(os.path.dirname(os.path.abspath(__file__)), '.')", True),
        (
            "try:\n    from . import other\nexcept ImportError as error:\n    text = str(error)\ndef f(msg):\n    return 'no known parent' in text",
            True,
        ),
        (
            "import copy, weakref\nclass A:\n    pass\ndef f(msg):\n    a = copy.deepcopy(A())\n    return weakref.ref(a)() is a",
            True,
        ),
        (POOL.replace("{how}", "fork"), [9, 16]),
        (POOL.replace("{how}", "spawn"), [9, 16]),
        (POOL.replace("{how}", "forkserver"), [9, 16]),
        (EXECUTOR, [1.5, True]),
    ],
)
def test_A3_a_module_is_a_real_module(python: Host, source: str, expected: Any) -> None:
    assert outputs(python, source, module={"place": {"cell": 4, "line": 1}}) == [expected]


@pytest.mark.parametrize("name", ["json", "random", "sys", "floe_runtime", "my-mod", "__main__"])
def test_A3_the_name_of_a_module_hides_nobody_elses(python: Host, name: str) -> None:
    source = "import json, random, sys, dataclasses\n@dataclasses.dataclass\nclass R:\n    a: 'int'\ndef work(msg):\n    return json.loads('[1]') + [R(msg).a]"
    assert outputs(python, source, module={"name": name}) == [[1, 3]]
    assert outputs(python, "import json, random\ndef f(msg):\n    return json.loads('[2]')", number=2) == [[2]]


def test_A3_two_versions_of_one_module_each_find_their_own_classes(python: Host) -> None:
    source = "import pickle\nclass A:\n    n = {n}\nkept = A()\ndef f(msg):\n    return pickle.loads(pickle.dumps(kept)).n"
    python.load(source.replace("{n}", "1"), 1)
    python.load(source.replace("{n}", "2"), 2)
    for number, slot in enumerate([1, 2, 1], 1):
        python.call(b"[0]", 1, slot=slot, number=number)
        assert python.collect(number).outputs == {f"{slot}.out": [slot]}
    python.send({"t": "unload", "slot": 2})
    assert python.load("this is no python", 2)["t"] == "refused"
    python.call(b"[0]", 1, number=9)
    assert python.collect(9).outputs == {"1.out": [1]}


def test_A3_an_object_of_an_older_version_is_no_pickle_and_the_error_says_why(python: Host) -> None:
    python.load("import pickle\nclass A:\n    pass\nkept = [A()]\ndef f(msg):\n    pickle.dumps(msg or kept)", 1)
    python.load("import sys, pickle\nclass A:\n    pass\nold = None\ndef f(msg):\n    pickle.dumps(old)", 2)
    python.load(
        "import sys, gc\ndef g(msg):\n    a, b = (o for o in gc.get_objects() if isinstance(o, dict) and o.get('__name__') == 'floe_modules.f')\n"
        "    new, old = (a, b) if 'old' in a else (b, a)\n    new['old'] = old['A']()",
        3,
        module={"name": "g"},
    )
    python.call(b"[1]", 1, slot=3, number=1)
    assert python.collect(1).failure is None
    python.call(b"[1]", 1, slot=2, number=2)
    assert "not the same object as floe_modules.f.A" in (python.collect(2).failure or {})["failure"]["message"]


def test_A3_a_module_that_is_gone_leaves_nothing_behind(python: Host) -> None:
    for number in range(3):
        assert outputs(python, "table = [0]\ndef f(msg):\n    return msg", number=number + 1) == [3]
    python.send({"t": "unload", "slot": 1})
    assert (
        python.load(
            "import sys\nassert not [n for n in sys.modules if n.startswith('floe_modules.') and n != __name__]\ndef g(msg):\n    pass",
            2,
            module={"name": "g"},
        )["t"]
        == "loaded"
    )


DECORATED = """import functools, time
def timed(g):
    @functools.wraps(g)
    def inner(*args):
        return g(*args)
    return inner
def bare(g):
    return lambda *args: g(*args)
"""
COUNT = "def f(msg{ctx}):\n    for i in range(msg):\n        yield i\n"
ASYNC = "async def f(msg{ctx}):\n    for i in range(msg):\n        yield i\n"


@pytest.mark.parametrize("route", [False, True])
@pytest.mark.parametrize(
    "source",
    [
        DECORATED + "@timed\n" + COUNT.replace("{ctx}", ""),
        DECORATED + "@timed\n" + COUNT.replace("{ctx}", ", ctx"),
        DECORATED + "@bare\n" + COUNT.replace("{ctx}", ""),
        DECORATED + "@timed\n" + ASYNC.replace("{ctx}", ""),
        DECORATED + "@bare\n" + ASYNC.replace("{ctx}", ""),
        "def f(msg):\n    def inner():\n        yield from range(msg)\n    return inner()",
        "def f(msg):\n    return (i for i in range(msg))",
        "def f(msg):\n    return map(int, range(msg))",
        "def f(msg):\n    return filter(lambda i: True, range(msg))",
        "def f(msg):\n    return iter(list(range(msg)))",
        "import itertools\nf = lambda msg: itertools.islice(itertools.count(), msg)",
        "async def f(msg):\n    return iter(range(msg))",
        "async def f(msg):\n    def inner():\n        yield from range(msg)\n    return inner()",
        "def f(msg):\n    async def inner():\n        for i in range(msg):\n            yield i\n    return inner()",
        "def f(msg, ctx):\n    async def inner():\n        return (i for i in range(msg))\n    return inner()",
        "import functools\ndef g(start, msg):\n    yield from range(start, msg)\nf = functools.partial(g, 0)",
        "class C:\n    def __call__(self, msg):\n        yield from range(msg)\nf = C()",
        "class C:\n    async def each(self, msg):\n        for i in range(msg):\n            yield i\nf = C().each",
        (
            "class I:\n    def __init__(self, n):\n        self.n, self.i = n, -1\n    def __iter__(self):\n        return self\n    def __next__(self):\n"
            "        self.i += 1\n        if self.i == self.n:\n            raise StopIteration\n        return self.i\ndef f(msg):\n    return I(msg)"
        ),
    ],
)
def test_A14_what_came_back_decides_whether_it_is_iterated(python: Host, source: str, route: bool) -> None:
    """In the second place of a list of messages, and more than a window of them; behind a local route where one may lead there."""
    head = python.load(source)
    assert head["t"] == "loaded", head
    slot = 1
    if route:
        if not head.get("fusable"):
            pytest.skip("no local route leads to it")
        python.load("def g(msg):\n    return msg", 2, module={"name": "g"})
        python.send({"t": "route", "slot": 2, "routes": {"out": [["g>f", 1, "in"]]}})
        python.next("routed")
        slot = 2
    for number in (1, 2):
        python.call(b"[2,0,700,3]", 4, slot=slot, number=number)
        result = python.collect(number)
        assert result.failure is None, result.failure
        assert result.outputs == {"1.out": [0, 1, *range(700), 0, 1, 2]}
        assert [parent for parent, _ in result.parents["1.out"]] == [0] * 2 + [2] * 700 + [3] * 3
        assert [index for _, index in result.parents["1.out"]] == [0, 1, *range(700), 0, 1, 2]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(msg):\n    return [1, 2]", [[1, 2]]),
        ("def f(msg):\n    return (1, 2)", [[1, 2]]),
        ("def f(msg):\n    return {'a': 1}", [{"a": 1}]),
        (
            DECORATED
            + "def collected(g):\n    @functools.wraps(g)\n    def inner(msg):\n        return list(g(msg))\n    return inner\n@collected\n"
            + COUNT.replace("{ctx}", ""),
            [[0, 1, 2]],
        ),
        (
            DECORATED
            + "import asyncio\ndef now(g):\n    @functools.wraps(g)\n    def inner(msg):\n        return asyncio.run(g(msg))\n    return inner\n"
            "@now\nasync def f(msg):\n    return msg",
            [3],
        ),
        ("def f(msg):\n    if msg == 3:\n        return 'a'\n    yield 1", []),
        ("kept = 0\ndef f(msg):\n    global kept\n    kept += 1\n    return iter([kept])", [1]),
    ],
)
def test_A14_a_value_stays_a_value(python: Host, source: str, expected: list[Any]) -> None:
    assert outputs(python, source) == expected


def test_A14_values_and_generators_may_come_from_one_function(python: Host) -> None:
    source = "def f(msg):\n    if msg % 3 == 0:\n        return iter([msg, msg])\n    async def later():\n        return msg\n    return later() if msg % 3 == 1 else msg"
    assert outputs(python, source, b"[2,2,3,5,4,5,6,4]", 8) == [2, 2, 3, 3, 5, 4, 5, 6, 6, 4]


def test_A14_an_error_of_what_came_back_is_its_messages(python: Host) -> None:
    python.load(
        "def f(msg):\n    def inner():\n        yield msg\n        raise ValueError(msg)\n    return inner()",
        on_error="skip",
        module={"place": {"cell": 2, "line": 1}},
    )
    python.call(b"[1,2]", 2)
    result = python.collect()
    assert [(s["failure"]["message"], s["failure"]["cell"], s["failure"]["line"]) for s in result.skipped] == [
        ("ValueError: 1", 2, 5),
        ("ValueError: 2", 2, 5),
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import functools\n@functools.cache\ndef f(msg):\n    return msg", 3),
        ("import functools\n@functools.lru_cache(maxsize=2)\ndef f(msg, factor=2):\n    return msg", 3),
        ("import functools\ndef g(a, msg):\n    return a + msg\nf = functools.partial(g, 1)", 4),
        ("import functools\ndef g(msg, ctx, *, k):\n    return [msg, ctx.node, k]\nf = functools.partial(g, k=5)", [3, "f", 5]),
        ("class C:\n    def __call__(self, msg):\n        return msg\nf = C()", 3),
        ("class C:\n    def __call__(self, msg, ctx):\n        return ctx.node\nf = C()", "f"),
        ("class C:\n    def run(self, msg, ctx):\n        return ctx.node\nf = C().run", "f"),
        (
            "class C:\n    @staticmethod\n    def run(msg):\n        return msg\n    @classmethod\n    def two(cls, msg):\n        return msg\nf = C.two",
            3,
        ),
        ("f = str", "3"),
        ("f = abs", 3),
        ("from operator import neg as f", -3),
        ("import operator\nf = operator.add\nf = operator.methodcaller('bit_length')", 2),
        ("class C:\n    def __call__(self, msg):\n        return msg\nwork = C()", 3),
        ("class C:\n    async def __call__(self, msg):\n        return msg\nf = C()", 3),
        ("import functools\nasync def g(a, msg):\n    return a + msg\nf = functools.partial(g, 1)", 4),
        (
            "import functools\n@functools.singledispatch\ndef f(msg):\n    return 'any'\n@f.register\ndef _(msg: int):\n    return msg",
            3,
        ),
        ("import json\ndef work(msg):\n    return json.loads(str(msg))", 3),
        ("f = 5\ndef work(msg):\n    return msg + f", 8),
    ],
)
def test_A15_any_callable_is_a_module(python: Host, source: str, expected: Any) -> None:
    name = "json" if source.startswith("import json") else "f"
    python.load(source, module={"name": name})
    assert outputs(python, source, module={"name": name}) == [expected]
    assert outputs(python, source, b"[3,3,3]", 3, number=2, module={"name": name}) == [expected] * 3


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("class f:\n    def __init__(self, msg):\n        pass", "make an object of it"),
        ("f = 5", "'f' is a int"),
        ("import functools\nf = functools.partial(lambda a, b, c: 0)", "(msg) or (msg, ctx)"),
        ("class C:\n    def __call__(self):\n        pass\nf = C()", "(msg) or (msg, ctx)"),
    ],
)
def test_A15_what_is_no_module_is_refused_with_the_cure(python: Host, source: str, says: str) -> None:
    head = python.load(source)
    assert head["t"] == "refused"
    assert says in head["failure"]["message"]


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio\nn = await asyncio.sleep(0.01, 3)\ndef f(msg):\n    return n",
        "import asyncio\nasync def g():\n    return 3\nn = await g()\nasync def f(msg):\n    await asyncio.sleep(0)\n    return n",
        "import asyncio, contextlib\n@contextlib.asynccontextmanager\nasync def c():\n    yield 3\nasync with c() as n:\n    pass\ndef f(msg):\n    return n",
        "    def f(msg):\n        return 3",
        "\n  \n\tdef f(msg):\n\t\treturn 3\n\n\t# end",
        "\ufeffdef f(msg):\n    return 3",
        "\ufeff    def f(msg):\n        return 3\n",
    ],
)
def test_A24_what_a_cell_may_be_a_module_may_be(python: Host, source: str) -> None:
    assert outputs(python, source) == [3]


def test_A24_an_error_behind_an_await_at_the_top_level_has_its_place(python: Host) -> None:
    head = python.load(
        "import asyncio\nawait asyncio.sleep(0)\n1 / 0\ndef f(msg):\n    pass", module={"place": {"cell": 3, "line": 1}}
    )
    assert (head["t"], head["failure"]["cell"], head["failure"]["line"]) == ("refused", 3, 4)
    head = python.load("    def f(msg):\n        return (", module={"place": {"cell": 3, "line": 1}})
    assert (head["t"], head["failure"]["cell"], head["failure"]["line"]) == ("refused", 3, 3)
