"""What a Python function gives leaves when it is given, measured in time; what it gives too late is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conformance.host import Host, languages

pytestmark = pytest.mark.skipif("python" not in languages(), reason="not wanted")
BLOCKS = 1.5
"""Seconds that a function blocks."""


def arrivals(host: Host, number: int = 1) -> tuple[list[tuple[float, Any]], Any]:
    """(seconds since now, value) of every output of the call, and all frames together."""
    from tests.conformance.host import Gathered

    result, found, began = Gathered(), [], time.monotonic()
    known = 0
    while not result.end:
        head, parts = host.next("returned")
        result.add(head, parts)
        values = [value for key in result.outputs for value in result.outputs[key]]
        found += [(time.monotonic() - began, value) for value in values[known:]]
        known = len(values)
        if not result.end and result.emitted and result.emitted % 512 == 0:
            host.send({"t": "more", "call": number})
    return found, result


def routed(host: Host, route: bool) -> None:
    if route:
        host.load("def g(msg):\n    return msg", 2, module={"name": "g"})
        host.send({"t": "route", "slot": 1, "routes": {"out": [["f>g", 2, "in"]]}})
        host.next("routed")


BURST = """import time
def f(msg{ctx}):
    for i in range(msg):
        yield i
    time.sleep({blocks})
    for i in range(msg, 2 * msg):
        yield i
    time.sleep({blocks})
"""


@pytest.mark.parametrize("route", [False, True], ids=["away", "to a neighbour"])
@pytest.mark.parametrize("ctx", ["", ", ctx"], ids=["plain", "with ctx"])
@pytest.mark.parametrize("count", [1, 3, 40, 300])
def test_E4_a_generator_that_sleeps_has_given_what_it_yielded(python: Host, count: int, ctx: str, route: bool) -> None:
    python.load(BURST.replace("{ctx}", ctx).replace("{blocks}", str(BLOCKS)))
    routed(python, route)
    python.call(b"[%d]" % count, 1)
    found, result = arrivals(python)
    assert [value for _, value in found] == list(range(2 * count))
    assert [index for _, index in result.parents["2.out" if route else "1.out"]] == list(range(2 * count))
    assert max(at for at, _ in found[:count]) < BLOCKS / 2 + 0.5
    assert max(at for at, _ in found[count:]) < 1.5 * BLOCKS + 0.5
    python.call(b"[%d]" % 0, 1, number=2)
    assert python.collect(2).consumed == 1


@pytest.mark.parametrize("route", [False, True], ids=["away", "to a neighbour"])
def test_E4_each_value_of_a_slow_generator_leaves_at_once(python: Host, route: bool) -> None:
    python.load("import time\ndef f(msg):\n    for i in range(5):\n        yield time.monotonic()\n        time.sleep(0.3)")
    routed(python, route)
    python.call(b"[1]", 1)
    began = time.monotonic()
    found, _ = arrivals(python)
    late = [began + at - value for at, value in found]
    assert sorted(late)[len(late) // 2] < 0.15, late
    assert max(late) < 0.28, late


@pytest.mark.parametrize(
    "function",
    [
        "def f(msg, ctx):\n    ctx.emit('out', 1)\n    time.sleep({blocks})",
        "def f(msg, ctx):\n    ctx.state['n'] = 1\n    for i in range(3):\n        ctx.emit('out', i)\n    time.sleep({blocks})\n    return 9",
        "def f(msg, ctx):\n    ctx.emit('out', 1)\n    end = time.monotonic() + {blocks}\n    while time.monotonic() < end:\n        pass",
        "async def f(msg, ctx):\n    ctx.emit('out', 1)\n    time.sleep({blocks})",
        "def f(msg, ctx):\n    ctx.emit('out', 1)\n    time.sleep({blocks})\n    yield 2",
        "def f(msg):\n    if msg == 299:\n        time.sleep({blocks})\n    return msg",
        "seen = []\ndef f(msg):\n    seen.append(msg)\n    if msg == 299:\n        time.sleep({blocks})\n    return msg",
    ],
)
@pytest.mark.parametrize("route", [False, True], ids=["away", "to a neighbour"])
def test_E4_what_a_function_gave_before_it_blocks_has_left(python: Host, function: str, route: bool) -> None:
    head = python.load("import time\n" + function.replace("{blocks}", str(BLOCKS)))
    if route and not (head.get("follows") or head.get("fusable")):
        pytest.skip("no local route begins at it")
    routed(python, route)
    count = 300 if "299" in function else 1
    python.call(b"[" + b",".join(b"%d" % i for i in range(count)) + b"]", count)
    found, result = arrivals(python)
    assert found[0][0] < BLOCKS / 2 + 0.3
    assert result.consumed == count
    if count > 1:
        assert [value for _, value in found] == list(range(300))
        assert max(at for at, _ in found[:298]) < BLOCKS / 2 + 0.5


def test_E4_a_print_leaves_before_the_function_blocks(python: Host) -> None:
    python.load(f"import time\ndef f(msg):\n    print('begun')\n    time.sleep({BLOCKS})\n    return msg")
    began = time.monotonic()
    python.call(b"[1]", 1)
    assert python.next("log", logs=True)[0]["text"] == "begun\n"
    assert time.monotonic() - began < BLOCKS / 2 + 0.3
    assert python.collect().outputs == {"1.out": [1]}


def test_E4_what_a_thread_prints_leaves_while_nothing_runs(python: Host) -> None:
    python.load(
        "import threading, time\ndef f(msg):\n    print('first')\n    def late():\n        time.sleep(0.5)\n        print('late')\n    threading.Thread(target=late).start()"
    )
    python.call(b"[1]", 1)
    python.collect()
    texts = "".join(log["text"] for log in python.logs)
    texts += "" if "first" in texts else python.next("log", wait=5, logs=True)[0]["text"]
    assert python.next("log", wait=5, logs=True)[0]["text"] == "late\n"


def test_E4_a_failure_takes_back_only_what_has_not_left(python: Host) -> None:
    python.load(
        f"import time\ndef f(msg, ctx):\n    ctx.emit('out', 1)\n    time.sleep({BLOCKS})\n    ctx.emit('out', 2)\n    raise ValueError('no')"
    )
    python.call(b"[1]", 1)
    found, result = arrivals(python)
    assert [value for _, value in found] == [1]
    assert result.emitted == 1
    assert (result.failure or {})["failure"]["message"] == "ValueError: no"


LATE = """import threading, time
kept = []
def emit(ctx, event):
    event.wait(10)
    try:
        ctx.emit('out', 'late')
    except BaseException as error:
        kept.append(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize(
    "function",
    [
        "def f(msg, ctx):\n    if msg == 'ask':\n        event.set(); thread.join(); return kept\n    thread = threading.Thread(target=emit, args=(ctx, event)); thread.start()",
        "async def f(msg, ctx):\n    if msg == 'ask':\n        event.set(); thread.join(); return kept\n    thread = threading.Thread(target=emit, args=(ctx, event)); thread.start()",
        "def f(msg, ctx):\n    if msg == 'ask':\n        event.set(); thread.join(); yield kept; return\n    thread = threading.Thread(target=emit, args=(ctx, event)); thread.start(); yield 1",
        "old = None\ndef f(msg, ctx):\n    global old\n    if msg == 'ask':\n        event.set(); emit(old, event); return kept\n    old = ctx",
    ],
)
def test_A12_an_output_for_a_message_that_is_over_is_refused(python: Host, function: str) -> None:
    function = function.replace("(msg, ctx):\n", "(msg, ctx):\n    global thread\n", 1) if "thread" in function else function
    python.load(LATE + "event = threading.Event()\nthread = None\n" + function)
    python.call(b'[0,"ask"]', 2)
    result = python.collect()
    assert result.failure is None, result.failure
    assert result.outputs["1.out"][-1] == [
        ("RuntimeError: ctx.emit after the function has returned: join or await what it started before it returns")
    ]
    assert "late" not in result.outputs["1.out"]


@pytest.mark.parametrize(
    "function",
    [
        (
            "def f(msg, ctx):\n    threads = [threading.Thread(target=lambda: [ctx.emit('out', msg) for _ in range(50)]) for _ in range(4)]\n"
            "    [t.start() for t in threads]; [t.join() for t in threads]"
        ),
        (
            "async def f(msg, ctx):\n    import asyncio\n    def work():\n        for _ in range(50):\n            ctx.emit('out', msg)\n"
            "    await asyncio.gather(*(asyncio.to_thread(work) for _ in range(4)))"
        ),
        (
            "def f(msg, ctx):\n    threads = [threading.Thread(target=lambda: [ctx.emit('out', msg) for _ in range(50)]) for _ in range(4)]\n"
            "    [t.start() for t in threads]; yield msg; [t.join() for t in threads]; yield msg"
        ),
        (
            "def f(msg, ctx):\n    def work():\n        for _ in range(50):\n            ctx.emit('out', msg)\n            time.sleep(0.0005)\n"
            "    threads = [threading.Thread(target=work) for _ in range(4)]\n    [t.start() for t in threads]; [t.join() for t in threads]"
        ),
    ],
)
def test_A12_threads_of_a_function_at_work_may_give_outputs(python: Host, function: str) -> None:
    python.load("import threading, time\n" + function)
    python.call(b"[1,2,3,4,5,6]", 6)
    result = python.collect()
    assert result.failure is None, result.failure
    each = 202 if "yield" in function else 200
    assert result.outputs["1.out"] == [n for n in range(1, 7) for _ in range(each)]
    assert [parent for parent, _ in result.parents["1.out"]] == [n for n in range(6) for _ in range(each)]


@pytest.mark.parametrize(
    "blocks", ["time.sleep(1.5)", "until = time.monotonic() + 1.5\n    while time.monotonic() < until: pass"]
)
def test_E5_calls_that_are_asked_back_leave_while_another_function_blocks(python: Host, blocks: str) -> None:
    python.load(f"import time\ndef f(msg):\n    print('begun')\n    {blocks}\n    return msg")
    python.load("def g(msg):\n    return msg", 2, module={"name": "g"})
    for number, slot in enumerate((1, 2, 2), 1):
        python.call(b"[1]", 1, slot, number)
    assert python.next("log", logs=True)[0]["text"] == "begun\n"
    python.send({"t": "recall", "slot": 2})
    python.send({"t": "recall", "slot": 1})
    back = [python.next("returned")[0] for _ in range(2)]
    assert [(head["call"], head["end"], head.get("consumed", 0)) for head in sorted(back, key=lambda head: head["call"])] == [
        (2, True, 0),
        (3, True, 0),
    ]
    assert python.collect(1).outputs == {"1.out": [1]}
    python.call(b"[2]", 1, 2, 4)
    assert python.collect(4).outputs == {"2.out": [2]}
