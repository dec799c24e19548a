"""Arrays, floods and states of Python modules."""

from __future__ import annotations

import psutil
import pytest

from tests.conformance.host import Host
from tests.conformance.test_python_language import _outputs


def test_a_print_of_200_megabytes_costs_bounded_memory(python: Host) -> None:
    assert _outputs(python, "def f(msg):\n    print('line of text\\n' * 16_000_000)\n    return msg") == [1]
    assert psutil.Process(python.process.pid).memory_info().rss < 300 << 20


def test_arrays_arrive_mapped_and_read_only_and_leave_by_segment(python: Host) -> None:
    import numpy as np

    (python.shared / "floe-1-9").write_bytes(np.arange(100_000.0).tobytes())
    python.load("def f(msg):\n    assert not msg.flags.writeable\n    return msg * 2")
    batch = {"tagged": True, "buffers": [{"size": 800_000, "segment": "floe-1-9"}], "counts": [1]}
    python.call(b'[{"$floe":["array",0,"<f8",[100000]]}]', 1, **batch)
    result = python.collect()
    assert result.failure is None, result.failure
    ((head, parts),) = [f for f in result.frames if f[0].get("outputs")]
    assert parts == [b'[{"$floe":["array",0,"<f8",[100000]]}]']
    assert "kept" not in head
    (data,) = python.buffers(head["outputs"][0]["batch"], parts[1:])
    assert np.frombuffer(data).tolist() == (np.arange(100_000.0) * 2).tolist()


def test_a_segment_that_the_module_keeps_is_told(python: Host) -> None:
    (python.shared / "floe-1-9").write_bytes(bytes(800_000))
    python.load("kept = []\ndef f(msg):\n    kept.append(msg[10:20])")
    python.call(
        b'[{"$floe":["array",0,"<f8",[100000]]}]', 1, tagged=True, buffers=[{"size": 800_000, "segment": "floe-1-9"}], counts=[1]
    )
    head, _ = python.next("returned")
    assert head["kept"] == ["floe-1-9"]


def test_an_array_born_in_shared_memory_leaves_without_a_copy(python: Host) -> None:
    source = (
        "def f(msg, ctx):\n    a = ctx.array((1000, 1000))\n    a[:] = msg\n    ctx.emit('out', a)\n    try:\n        a[0] = 9\n"
        "    except ValueError:\n        ctx.emit('out', 'frozen')"
    )
    python.load(source)
    names = []
    for number in (1, 2):
        python.call(b"[%d]" % number, 1, number=number)
        result = python.collect(number)
        ((head, _),) = [f for f in result.frames if f[0].get("outputs")]
        (buffer,) = head["outputs"][0]["batch"]["buffers"]
        assert (python.shared / buffer["segment"]).read_bytes()[:8] == __import__("struct").pack("<d", number)
        assert result.outputs["1.out"][1] == "frozen"
        names.append(buffer["segment"])
        python.send({"t": "free", "segments": [buffer["segment"]]})
    assert names[0] == names[1], "the segment was not used again"


def test_one_output_of_100_megabytes_is_no_flood(python: Host) -> None:
    python.load("def f(msg, ctx):\n    for _ in range(2):\n        ctx.emit('out', ctx.array(12_500_000))")
    python.call(b"[1]", 1)
    result = python.collect()
    assert result.failure is None, result.failure
    assert len(result.outputs["1.out"]) == 2


def test_a_state_that_is_no_json_is_refused_where_it_is_put_in(python: Host) -> None:
    python.load("def f(msg, ctx):\n    ctx.state['seen'] = {msg}", module={"place": {"cell": 2}})
    python.call(b"[1]", 1)
    failure = (python.collect().failure or {})["failure"]
    assert "ctx.state['seen'] is a set" in failure["message"]
    assert failure["line"] == 2


@pytest.mark.parametrize("commit_each", [False, True])
def test_a_state_that_turns_bad_later_fails_and_is_undone(python: Host, commit_each: bool) -> None:
    python.load(
        "def f(msg, ctx):\n    ctx.state.setdefault('seen', []).append({1} if msg == 'bad' else msg)\n"
        "    return len(ctx.state['seen'])",
        commit_each=commit_each,
    )
    python.call(b'["a"]', 1)
    assert python.collect().states == {"1": {"seen": ["a"]}}
    python.call(b'["bad"]', 1, number=2)
    result = python.collect(2)
    assert "is a set" in (result.failure or {})["failure"]["message"]
    assert result.states == {}
    python.call(b'["b"]', 1, number=3, state={"seen": ["a"]})
    assert python.collect(3).states == {"1": {"seen": ["a", "b"]}}


@pytest.mark.parametrize("commit_each", [False, True])
def test_a_state_that_turns_bad_behind_a_route_fails_and_is_undone(python: Host, commit_each: bool) -> None:
    python.load("def f(msg):\n    return msg")
    python.load(
        "def f(msg, ctx):\n    ctx.state.setdefault('seen', []).append({1} if msg == 'bad' else msg)\n"
        "    return len(ctx.state['seen'])",
        2,
        commit_each=commit_each,
    )
    python.send({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}})
    python.next("routed")
    python.call(b'["a"]', 1)
    assert python.collect().states == {"2": {"seen": ["a"]}}
    python.call(b'["bad"]', 1, number=2)
    assert "is a set" in (python.collect(2).failure or {})["failure"]["message"]
    python.call(b'["b"]', 1, 2, number=3)
    assert python.collect(3).states == {"2": {"seen": ["a", "b"]}}
