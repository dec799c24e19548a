"""Python's own values: whatever their code raises while they are converted is a failure of their message, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.host import Host, languages

pytestmark = pytest.mark.skipif("python" not in languages(), reason="not wanted")


BAD = """class Lazy(dict):
    def items(self):
        raise ERROR
class Rows(list):
    def __iter__(self):
        raise ERROR
class Strange:
    @property
    def __class__(self):
        raise ERROR
"""
SHAPES = {
    "return": "def f(msg):\n    return VALUE if msg == 2 else msg",
    "return with context": "def f(msg, ctx):\n    return VALUE if msg == 2 else msg",
    "yield": "def f(msg):\n    yield VALUE if msg == 2 else msg",
    "yield with context": "def f(msg, ctx):\n    yield VALUE if msg == 2 else msg",
    "emit": "def f(msg, ctx):\n    ctx.emit('out', VALUE if msg == 2 else msg)",
    "async": "async def f(msg):\n    return VALUE if msg == 2 else msg",
    "async yield": "async def f(msg):\n    yield VALUE if msg == 2 else msg",
}
ERRORS = [
    "OverflowError('far')",
    "MemoryError('far')",
    "RecursionError('far')",
    "KeyboardInterrupt('far')",
    "SystemExit('far')",
    "LookupError('far')",
    "StopIteration('far')",
    "TypeError('far')",
    "GeneratorExit('far')",
]


def _failure(host: Host, source: str, *, on_error: str = "fail") -> dict[str, Any]:
    """The one failure, of message 2 of 4; what is before it, or round it, arrives."""
    head = host.load(source, on_error=on_error)
    assert head["t"] == "loaded", head
    host.call(b"[1,2,3,4]", 4)
    result = host.collect()
    failures = [result.failure] if on_error == "fail" else result.skipped
    assert len(failures) == 1, failures
    assert result.outputs["1.out"] == ([1] if on_error == "fail" else [1, 3, 4])
    failure: dict[str, Any] = failures[0]["failure"]
    assert failure["input"] == 2
    return failure


@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize("shape", SHAPES)
def test_A6_whatever_a_value_raises_is_one_failure_of_its_message_with_the_line(python: Host, shape: str, on_error: str) -> None:
    for number, error in enumerate(ERRORS):
        value = ["Lazy(a=1)", "[Rows([1])]", "{'k': Strange()}"][number % 3]
        source = BAD.replace("ERROR", error) + SHAPES[shape].replace("VALUE", value)
        failure = _failure(python, source, on_error=on_error)
        name = error.partition("(")[0]
        assert f"{name}: far" in failure["message"], failure
        assert ["a Lazy", "the value at [0] is a Rows", "the value at ['k'] is a Strange"][number % 3] in failure["message"]
        assert failure["kind"] == "value"
        assert failure["line"] in ([3, 6, 10][number % 3], 12), failure
        assert "far" in failure["trace"]
    assert python.process.poll() is None


def test_A6_neighbours_keep_what_they_remember(python: Host) -> None:
    assert python.load("seen = []\ndef g(msg):\n    seen.append(msg)\n    return len(seen)", 2)["t"] == "loaded"
    for number in range(1, 4):
        assert (
            python.load(BAD.replace("ERROR", "OverflowError()") + SHAPES["return"].replace("VALUE", "Lazy(a=1)"))["t"] == "loaded"
        )
        python.call(b"[2]", 1, number=2 * number)
        assert python.collect(2 * number).failure is not None
        python.call(b"[0]", 1, 2, number=2 * number + 1)
        assert python.collect(2 * number + 1).outputs["2.out"] == [number]


def test_A6_behind_a_local_route_too(python: Host) -> None:
    python.load("def f(msg):\n    return msg")
    python.load(
        BAD.replace("ERROR", "OverflowError('far')") + SHAPES["return"].replace("VALUE", "Lazy(a=1)").replace("def f", "def g"), 2
    )
    python.send({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}})
    python.next("routed")
    python.call(b"[1,2,3]", 3)
    result = python.collect()
    assert "OverflowError: far" in (result.failure or {})["failure"]["message"]
    assert result.outputs["2.out"] == [1]
    assert result.left == {"a>b": [2, 3]}


@pytest.mark.parametrize(
    "setting",
    [
        "ctx.state['x'] = VALUE",
        "ctx.state['x'] = [1]\n    ctx.state['x'].append(VALUE)",
        "ctx.state.update(x=VALUE)",
        "ctx.state = {'x': VALUE}",
    ],
)
def test_A6_a_state_whose_value_raises_fails_the_message(python: Host, setting: str) -> None:
    source = (
        BAD.replace("ERROR", "OverflowError('far')")
        + f"def f(msg, ctx):\n    if msg == 2:\n        {setting.replace('VALUE', 'Lazy(a=1)').replace(chr(10), chr(10) + '    ')}\n    return msg"
    )
    assert python.load(source)["t"] == "loaded"
    python.call(b"[2]", 1)
    result = python.collect()
    assert "far" in (result.failure or {})["failure"]["message"]
    assert result.states == {}
    python.call(b"[1]", 1, number=2, state={})
    assert python.collect(2).outputs["1.out"] == [1]


def test_A6_a_state_of_migrate_that_raises_refuses_the_version(python: Host) -> None:
    source = (
        BAD.replace("ERROR", "OverflowError('far')")
        + "def f(msg):\n    return msg\ndef migrate(state):\n    return {'x': Lazy(a=1)}"
    )
    python.send({"t": "load", "slot": 1, "node": "f", "module": {"name": "f", "source": source}})
    python.next("loaded")
    python.send({"t": "activate", "slot": 1, "state": {"a": 1}})
    head, _ = python.next("refused")
    assert "far" in head["failure"]["message"]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("pd.DataFrame({'id': [1, {2**64}]})", ["column 'id', row 1", "a set", "sorted"]),
        ("pd.DataFrame({'id': [1, Lazy(a=1)]})", ["column 'id', row 1", "a Lazy"]),
        ("pd.DataFrame({'s': pd.arrays.SparseArray([0, 1])})", ["column 's'", "to_dense"]),
    ],
)
def test_A6_a_table_is_refused_at_once_with_its_column(python: Host, expression: str, says: list[str]) -> None:
    failure = _failure(
        python, "import pandas as pd\n" + BAD.replace("ERROR", "ValueError()") + SHAPES["return"].replace("VALUE", expression)
    )
    assert failure["kind"] == "value"
    assert all(text in failure["message"] for text in says), failure["message"]


@pytest.mark.parametrize(
    "expression",
    ["pd.DataFrame({'id': [1, 2**64]})", "pd.DataFrame({'z': [1j, 2]})", "pd.DataFrame({'l': np.array([1, 2], 'g')})"],
)
def test_A6_A7_a_table_of_anything_plain_goes_from_module_to_module(python: Host, expression: str) -> None:
    python.load(f"import numpy as np, pandas as pd\ndef f(msg):\n    return {expression}")
    python.load(
        f"import numpy as np, pandas as pd\ndef g(msg):\n    pd.testing.assert_frame_equal(msg, {expression})\n    msg.iloc[0, 0] = 0\n    return [str(t) for t in msg.dtypes]",
        2,
    )
    python.send({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}})
    python.next("routed")
    python.call(b"[1]", 1)
    result = python.collect()
    assert result.failure is None, result.failure
    assert len(result.outputs["2.out"]) == 1


def test_A16_arrays_may_be_changed_on_arrival_and_for_large_ones_the_error_says_how(python: Host) -> None:
    python.load("import numpy as np\ndef f(msg):\n    msg.sort()\n    msg[0] += 1\n    return float(msg[0])")
    batch = {"tagged": True, "buffers": [{"size": 16}], "counts": [1]}
    text = b'[{"$floe":["array",0,"<f8",[2]]}]'
    python.send({"t": "call", "call": 1, "slot": 1, "port": "in", "batch": {"n": 1, **batch}}, [text, bytes(16)])
    assert python.collect().outputs["1.out"] == [1.0]
    (python.shared / "floe-1-9").write_bytes(bytes(800_000))
    batch["buffers"] = [{"size": 800_000, "segment": "floe-1-9"}]
    for number, change in enumerate(("msg.sort()", "msg[0] = 5", "msg += 1"), 2):
        python.load(f"def f(msg):\n    {change}\n    return 1")
        python.call(text.replace(b"[2]", b"[100000]"), 1, number=number, **batch)
        failure = (python.collect(number).failure or {})["failure"]
        assert "read-only" in failure["message"]
        assert "msg = msg.copy()" in failure["message"]


def test_C6_a_package_that_is_missing_is_to_be_installed_for_the_module(python: Host) -> None:
    python.load("import sys\nsys.modules['pandas'] = None\ndef f(msg):\n    return 1", module={"name": "prices"})
    python.call(b'[{"$floe":["missing","NA"]}]', 1, tagged=True)
    assert "needs pandas; add --deps pandas to the module prices" in (python.collect().failure or {})["failure"]["message"]
