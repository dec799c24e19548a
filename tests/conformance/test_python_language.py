"""What only Python modules have: how the function is chosen, what it may do to its process, and arrays without copies."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conformance.host import Host, languages

pytestmark = pytest.mark.skipif("python" not in languages(), reason="not wanted")


WRAPPED = """import functools
def same(g):
    @functools.wraps(g)
    def inner(*args, **kwargs):
        return g(*args, **kwargs)
    return inner
@same
def f(msg, ctx):
    return msg if ctx.node == 'f' else 0
"""


def _outputs(host: Host, source: str, payload: bytes = b"[1]", n: int = 1, **more: Any) -> list[Any]:
    head = host.load(source, **more)
    assert head["t"] == "loaded", head
    host.call(payload, n)
    result = host.collect()
    assert result.failure is None, result.failure
    return result.outputs.get("1.out", [])


@pytest.mark.parametrize(
    "source",
    [
        "def other(msg):\n    return 0\ndef f(msg):\n    return msg\ndef last(msg):\n    return 0",
        "def first(msg):\n    return 0\ndef last(msg):\n    return msg",
        "f = lambda msg: msg",
        "def f(msg, factor=2):\n    return msg * factor // 2",
        "def f(msg, ctx=None):\n    return msg if ctx is not None else 0",
        "def f(*args):\n    return args[0]",
        WRAPPED,
        "from math import floor\ndef helper(x):\n    return floor(x)\ndef work(msg):\n    return helper(msg)\ndef migrate(state):\n    return state",
        "async def f(msg):\n    return msg",
        "import functools\ndef same(g):\n    @functools.wraps(g)\n    def inner(msg):\n        return g(msg)\n    return inner\n@same\nasync def f(msg):\n    return msg",
    ],
)
def test_the_function_is_found(python: Host, source: str) -> None:
    assert _outputs(python, source, b"[7]") == [7]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def f(a, b, c):\n    pass", "(msg) or (msg, ctx)"),
        ("def f():\n    pass", "(msg) or (msg, ctx)"),
        ("def f(msg, *, key):\n    pass", "(msg) or (msg, ctx)"),
        ("class f:\n    pass", "a module is a function"),
        ("x = 1", "def f(msg)"),
        ("%pip install x\ndef f(msg):\n    return msg", "--deps"),
        ("def f(msg):\n    return msg\n!ls", "cells only"),
        ("def f(msg):\n    return msg\n\x00", "null bytes"),
        ("import sys\nsys.exit(3)\ndef f(msg):\n    pass", "SystemExit"),
        ("import nowhere_at_all\ndef f(msg):\n    pass", "nowhere_at_all"),
    ],
)
def test_a_source_that_is_no_module_is_refused_with_the_cure(python: Host, source: str, says: str) -> None:
    head = python.load(source)
    assert head["t"] == "refused"
    assert says in head["failure"]["message"]


def test_a_trace_shows_the_cell_the_line_and_its_text_and_none_of_ours(python: Host) -> None:
    source = "def helper(x):\n    return 1 / x\n\ndef f(msg):\n    try:\n        helper(msg)\n    except ZeroDivisionError as error:\n        raise ValueError('bad') from error"
    python.load(source, module={"place": {"cell": 4, "line": 1}})
    python.call(b"[0]", 1)
    failure = (python.collect().failure or {})["failure"]
    assert (failure["message"], failure["cell"], failure["line"]) == ("ValueError: bad", 4, 9)
    assert "  Cell In[4], line 3, in helper\n    return 1 / x\nZeroDivisionError: division by zero" in failure["trace"]
    assert "direct cause" in failure["trace"]
    assert "floe_runtime" not in failure["trace"]


@pytest.mark.parametrize(
    "raises",
    [
        "raise SystemExit(3)",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        "raise MemoryError",
        "raise StopIteration(1)",
        "class E(Exception):\n        def __str__(self):\n            raise RuntimeError\n    raise E",
        "raise ValueError('\\ud800')",
        "raise ExceptionGroup('g', [ValueError(1), KeyError(2)])",
        "exit()",
        "raise BaseException('x' * 10**7)",
        "f(msg)",
    ],
)
def test_whatever_a_module_raises_is_its_failure_and_not_our_end(python: Host, raises: str) -> None:
    python.load(f"def f(msg):\n    {raises}")
    for number in (1, 2):
        python.call(b"[1]", 1, number=number, state={})
        result = python.collect(number)
        assert result.failure is not None
        assert result.failure["failure"]["kind"] == "raised"
        assert len(result.failure["failure"]["trace"]) < 40_000


@pytest.mark.parametrize(
    "does",
    [
        "import os\n    if os.fork() == 0:\n        return msg\n    os.wait()",
        "import os\n    if os.fork() == 0:\n        raise ValueError\n    os.wait()",
        "import os\n    os.chdir('/')",
        "import os\n    os.closerange(3, 256)",
        "import sys\n    sys.stdout.close(); sys.stderr = None; print('x')",
        "import subprocess\n    assert subprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout == 'hi\\n'",
        "import threading\n    t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()",
        "import multiprocessing\n    with multiprocessing.get_context('fork').Pool(1) as p: assert p.map(abs, [-1]) == [1]",
        "import sys\n    assert sys.stdin.read() == ''",
        "import sys\n    sys.modules.clear()",
        "import json, values_of_nobody",
        "import signal, os\n    os.kill(os.getpid(), signal.SIGINT)",
    ][:10],
)
def test_what_a_module_does_to_its_process_is_harmless(python: Host, does: str) -> None:
    assert _outputs(python, f"def f(msg):\n    {does}\n    return msg", b"[5]") == [5]
    python.call(b"[6]", 1, number=2)
    assert python.collect(2).outputs == {"1.out": [6]}


def test_asking_for_input_is_a_failure_at_once(python: Host) -> None:
    python.load("def f(msg):\n    return input('name? ')")
    python.call(b"[1]", 1)
    assert "EOF" in (python.collect().failure or {})["failure"]["message"]


def test_a_plain_function_that_runs_ahead_waits_in_emit(python: Host) -> None:
    python.load("def f(msg, ctx):\n    for i in range(msg):\n        ctx.emit('out', i)\n    return 'end'")
    python.load("def f(msg):\n    return msg", 2)
    python.call(b"[5000]", 1)
    given = 0
    while given < 512:
        given = python.next("returned")[0]["emitted"]
    assert python.quiet(0.2)
    python.call(b"[7]", 1, slot=2, number=2)
    assert python.collect(2).outputs == {"2.out": [7]}
    python.send({"t": "more", "call": 1})
    assert python.collect(1).outputs["1.out"][-1] == "end"


def test_an_asynchronous_function_may_await_its_emits(python: Host) -> None:
    python.load("async def f(msg, ctx):\n    for i in range(msg):\n        await ctx.emit('out', i)")
    python.call(b"[1500]", 1)
    result = python.collect()
    assert result.outputs["1.out"] == list(range(1500))
    assert result.consumed == 1


def test_more_than_the_bound_without_yielding_fails(python: Host) -> None:
    python.load("def f(msg):\n    return msg")
    python.load("def f(msg, ctx):\n    for i in range(msg):\n        ctx.emit('out', i)", 2)
    python.send({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}})
    python.next("routed")
    python.call(b"[100001]", 1)
    failure = (python.collect().failure or {})["failure"]
    assert failure["kind"] == "value"
    assert "yield" in failure["message"]


@pytest.mark.parametrize(
    "source",
    [
        "kept = {'n': 0}\ndef f(msg):\n    kept['n'] += 1\n    return kept",
        "def f(msg, ctx):\n    ctx.state['kept'] = kept = ctx.state.get('kept', {'n': 0})\n    kept['n'] += 1\n    return kept",
        "def f(msg, kept={'n': 0}):\n    kept['n'] += 1\n    return kept",
        "def outer():\n    kept = {'n': 0}\n    def inner(msg):\n        kept['n'] += 1\n        return kept\n    return inner\nf = outer()",
        "import numpy\nkept = numpy.zeros(1, 'i8')\ndef f(msg):\n    kept[0] += 1\n    return {'n': int(kept[0])}",
    ],
)
def test_an_output_is_what_it_was_when_it_was_given(python: Host, source: str) -> None:
    python.load("def f(msg):\n    return msg", 2)
    python.load(source)
    expected: list[dict[str, int]] = []
    for number in range(1, 6):
        python.call(b"[" + b",".join([b"1"] * 300) + b"]", 300, number=number)
        expected = [{"n": n} for n in range(300 * number - 299, 300 * number + 1)]
        assert python.collect(number).outputs == {"1.out": expected}
    python.send({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}})
    python.next("routed")
    python.call(b"[1,1,1]", 3, number=9)
    assert python.collect(9).outputs["2.out"][-1] == {"n": 1503}


@pytest.mark.parametrize("route", [False, True])
def test_what_a_generator_gave_is_what_it_was_when_it_was_given(python: Host, route: bool) -> None:
    python.load(
        "def f(msg):\n    kept = {}\n    for i in range(msg):\n        kept['n'] = i\n        yield kept\n    "
        "rows = []\n    for i in range(msg):\n        rows.append(i)\n        if len(rows) == 2:\n            yield rows\n"
        "            rows.clear()\n    import numpy\n    a = numpy.zeros(1)\n    for i in range(3):\n        a[0] = i\n        yield a"
    )
    python.load("def f(msg):\n    return msg if isinstance(msg, (dict, list)) else float(msg[0])", 2)
    if route:
        python.send({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}})
        python.next("routed")
    python.call(b"[300]", 1)
    result = python.collect()
    assert result.failure is None, result.failure
    found = result.outputs["2.out" if route else "1.out"]
    assert found[:300] == [{"n": i} for i in range(300)]
    assert found[300:450] == [[i, i + 1] for i in range(0, 300, 2)]
    if route:
        assert found[450:] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(msg):\n    d = {'n': msg}\n    yield d\n    d['n'] = -1", ["{'n': 0}", "{'n': 1}", "{'n': 2}"]),
        (
            "kept = []\ndef f(msg):\n    kept.append(msg)\n    yield {'a': kept}",
            ["{'a': [0]}", "{'a': [0, 1]}", "{'a': [0, 1, 2]}"],
        ),
        (
            "last = {}\ndef f(msg):\n    global last\n    last['n'] = -1\n    last = {'n': msg}\n    return last",
            ["{'n': 0}", "{'n': 1}", "{'n': 2}"],
        ),
        ("def f(msg):\n    row = [msg]\n    return {'a': row, 'b': row}", [f"{{'a': [{i}, 9], 'b': [{i}]}}" for i in range(3)]),
        ("def f(msg):\n    return {'a': (msg,)}", [f"{{'a': [{i}]}}" for i in range(3)]),
    ],
    ids=["changed after yield", "nested in yields", "changed at the next call", "twice inside", "tuple"],
)
def test_behind_a_local_route_a_module_sees_what_it_would_see_in_another_process(
    python: Host, source: str, expected: list[str]
) -> None:
    python.load("def f(msg):\n    if 'b' in msg:\n        msg['a'].append(9)\n    return repr(msg)", 2)
    python.load(source)
    python.send({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}})
    python.next("routed")
    python.call(b"[0,1,2]", 3)
    result = python.collect()
    assert result.failure is None, result.failure
    assert result.outputs["2.out"] == expected


def test_an_enum_or_a_uuid_is_refused_by_the_fast_codec_too(python: Host) -> None:
    for source in (
        "import enum\nclass E(enum.Enum):\n    A = 1\ndef f(msg):\n    return [E.A]",
        "import uuid\ndef f(msg):\n    return uuid.uuid4()",
    ):
        python.load(source)
        python.call(b"[1]", 1)
        assert (python.collect().failure or {})["failure"]["kind"] == "value"


def test_the_modules_own_orjson_is_not_ours(python: Host) -> None:
    assert _outputs(
        python, "import orjson, enum\nclass E(enum.Enum):\n    A = 1\ndef f(msg):\n    return orjson.dumps(E.A).decode()"
    ) == ["1"]


def test_the_standard_library_does_where_there_is_no_codec(tmp_path: Path) -> None:
    with Host("python", tmp_path, fast=False) as host:
        values = b'[1,-0.0,"\xc3\xa9",null,[1.5],{"a":[true]},18446744073709551615,"\\u0000"]'
        host.load("def f(msg, ctx):\n    ctx.emit('out', msg)")
        host.call(values, 8)
        host.collect()
        host.load("def f(msg):\n    return float('nan')")
        host.call(b"[1]", 1)
        assert host.collect().outputs == {"1.out": [{"$floe": ["float", "nan"]}]}


def test_nothing_of_the_runtime_is_importable_by_its_files_names(python: Host) -> None:
    python.load("import values\ndef f(msg):\n    return msg")
    assert python.load("import pipe\ndef f(msg):\n    return msg")["t"] == "refused"


def _bare_start() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, timeout=30)
    return time.perf_counter() - began


@pytest.mark.slow
def test_a_start_costs_little_more_than_an_interpreter(tmp_path: Path) -> None:
    bare, ours = [], []
    for number in range(9):
        folder = tmp_path / str(number)
        folder.mkdir()
        bare.append(_bare_start())
        began = time.perf_counter()
        with Host("python", folder):
            ours.append(time.perf_counter() - began)
    assert min(ours) < 3 * min(bare), f"an interpreter takes {min(bare):.4f} s, our hello {statistics.median(ours):.4f} s"


def test_an_idle_runtime_holds_little_more_than_an_interpreter(python: Host) -> None:
    assert _outputs(python, "def f(msg):\n    return msg") == [1]
    bare = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        time.sleep(0.5)
        difference = psutil.Process(python.process.pid).memory_full_info().uss - psutil.Process(bare.pid).memory_full_info().uss
    finally:
        bare.communicate(b"\n", timeout=10)
    assert difference < 8 << 20, f"{difference / (1 << 20):.1f} MiB more than a bare interpreter"
    assert os.path.exists("/proc/self")
